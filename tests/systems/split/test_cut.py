import copy

import numpy as np
import pytest
import torch

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.models.classifier import classifier
from privatune.models.classifier_settings import AllScope, LinearHead, scope_settings
from privatune.systems.split.cut import bottom, check_cut, top

PHRASES = np.zeros((3, 16), np.float32)
IDS = torch.tensor([[5, 9, 49, 3, 7, 11, 2], [4, 4, 8, 3, 30, 1, 1], [6, 12, 2, 1, 1, 1, 1], [17, 1, 1, 1, 1, 1, 1]])
MASK = torch.arange(7) < torch.tensor([7, 5, 3, 1])[:, None]
SCOPES = [{"name": "blocks", "count": 9}, {"name": "blocks"}, {"name": "lora"}, {"name": "lora", "count": 1}]


def made(encoder, cut, scope):
    return top(encoder, cut, scope_settings(scope), LinearHead(), PHRASES, stream(0, "t"))


@pytest.mark.parametrize("scope", SCOPES, ids=str)
@pytest.mark.parametrize("cut", range(3))
@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert"])
def test_bottom_and_top_give_the_logits_of_the_uncut_model(kind, cut, scope, encoders):
    encoder = encoders(kind)
    model = made(encoder, cut, scope)
    whole = classifier(AllScope(), LinearHead(), PHRASES, stream(0, "t"), encoder)
    whole.head = copy.deepcopy(model.classifier.head)  # LoRA draws before the head does
    with torch.no_grad():
        torch.nn.init.normal_(whole.head.weight, generator=torch.Generator().manual_seed(1))
        model.classifier.head.load_state_dict(whole.head.state_dict())
        logits = model(bottom(encoder, IDS, MASK, cut), MASK)
        torch.testing.assert_close(logits, whole(IDS, MASK), rtol=0, atol=1e-6)
        assert logits.std() > 0.1


@pytest.mark.parametrize(("scope", "frozen"), list(zip(SCOPES, [0, 1, 0, 1], strict=True)), ids=str)
def test_what_trains_is_in_the_last_blocks_and_the_rest_of_the_top_is_frozen(scope, frozen, encoders):
    model = made(encoders(), 1, scope)
    assert len(model.frozen) == frozen and len(model.classifier.body.blocks) == 2 - frozen
    assert not any(weight.requires_grad for weight in model.frozen.parameters())


def test_the_encoder_serves_further_customers(encoders):
    encoder = encoders()
    before = copy.deepcopy(encoder.network.state_dict())
    model = made(encoder, 1, {"name": "blocks"})
    with torch.no_grad():
        for weight in model.parameters():
            weight += 1
    assert all(torch.equal(value, before[name]) for name, value in encoder.network.state_dict().items())


@pytest.mark.parametrize("kind", ["opt", "llama"])
def test_a_causal_encoder_cannot_be_split(kind, encoders):
    with pytest.raises(PrivatuneError, match=f"type {kind} cannot be split; choose one of type bert, roberta, .*dist"):
        bottom(encoders(kind), IDS, MASK, 1)


@pytest.mark.parametrize("cut", [-1, 3, 40])
def test_the_vendor_has_at_least_one_block(cut, encoders):
    with pytest.raises(
        PrivatuneError, match=rf"cut: a cut after {cut} of 3 blocks leaves the vendor none to train; choose 0 to 2"
    ):
        check_cut(encoders(), cut)
