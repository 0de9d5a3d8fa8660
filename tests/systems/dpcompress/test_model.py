"""Models with fewer blocks or weights, on tiny random encoders."""

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.models.classifier import trained
from privatune.models.encoder import bare_network, embedded, encoder_of, lower, sentence
from privatune.systems.dpcompress.model import prunable, random_removed, smallest_removed, untrained
from privatune.systems.dpcompress.plans import Phase

BLOCKS, HIDDEN, CLASSES = 4, 16, 3
CONFIG = {"vocab_size": 50, "max_position_embeddings": 40, "pad_token_id": 0}
KINDS = {
    "bert": {"hidden_size": HIDDEN, "num_hidden_layers": BLOCKS, "num_attention_heads": 2, "intermediate_size": 24},
    "distilbert": {"dim": HIDDEN, "n_layers": BLOCKS, "n_heads": 2, "hidden_dim": 24},
}
IDS = torch.tensor([[5, 6, 7, 8], [9, 10, 0, 0]])
MASK = IDS > 0


@pytest.fixture(scope="module", params=KINDS)
def encoder(request):
    config = transformers.AutoConfig.for_model(request.param, **CONFIG, **KINDS[request.param])
    kind = transformers.BertModel if request.param == "bert" else transformers.DistilBertModel
    with torch.random.fork_rng():
        torch.manual_seed(0)
        weights = {name: weight.detach() for name, weight in kind(config).named_parameters() if "pooler" not in name}
    return encoder_of(bare_network(config.to_dict(), weights))


def model(encoder, count=2, **phase):
    return untrained(encoder, Phase("tried", 1, **phase), count, CLASSES, stream(0, "classifier"))


def manual(encoder, blocks, head):
    """Logits by the encoder's own blocks, one after the other."""
    every = encoder.network.get_submodule(encoder.family.blocks)
    states = embedded(encoder.network, encoder.family, IDS)
    for block in blocks:
        states = every[block](states, MASK[:, None, None, :])
    return head(sentence(states, MASK, causal=False))


@pytest.mark.parametrize(
    ("blocks", "count", "first"),
    [
        (None, 2, 2),
        ((0, 2, 3), 2, 1),
        ((0, 3), 1, 1),
        ((1, 3), 1, 0),  # the frozen block 1 does not follow the embeddings, so that nothing is cached
        ((0, 1, 3), 9, 0),
    ],
)
def test_a_model_without_some_blocks_is_the_manual_forward(encoder, blocks, count, first):
    made = model(encoder, count, blocks=blocks).classifier
    kept = range(BLOCKS) if blocks is None else blocks
    logits = made(lower(encoder, IDS, MASK, first), MASK)
    torch.testing.assert_close(logits, manual(encoder, kept, made.head))


@pytest.mark.parametrize("blocks", [None, (0, 2)])
def test_the_whole_encoder_reads_tokens(encoder, blocks):
    made = model(encoder, None, blocks=blocks)
    kept = range(BLOCKS) if blocks is None else blocks
    torch.testing.assert_close(made.classifier(IDS, MASK), manual(encoder, kept, made.classifier.head))
    assert "embeddings.word_embeddings.weight" in made.names.values()


def test_the_last_blocks_are_trained_under_their_own_numbers(encoder):
    names = set(model(encoder, 2, blocks=(0, 1, 3)).weights())
    assert {name.split(".")[1] for name in names if name.startswith("blocks.")} == {"1", "3"}
    assert {"head.weight", "head.bias"} < names
    assert set(model(encoder, head_only=True).weights()) == {"head.weight", "head.bias"}


def test_the_published_encoder_stays_as_it_is(encoder):
    before = {name: weight.clone() for name, weight in encoder.network.named_parameters()}
    made = model(encoder, 2, start="random")
    with torch.no_grad():
        for weight in trained(made.classifier).values():
            weight.add_(1)
    after = dict(encoder.network.named_parameters())
    assert all(torch.equal(before[name], after[name]) and not after[name].requires_grad for name in before)


def test_trained_weights_can_be_put_back(encoder):
    made, again = (model(encoder, 2, blocks=(0, 2, 3)) for _ in range(2))
    with torch.no_grad():
        for weight in trained(made.classifier).values():
            weight.mul_(1.5)
    again.load(made.weights())
    assert all(torch.equal(weight, again.weights()[name]) for name, weight in made.weights().items())


def test_random_blocks_share_no_weight_with_published_ones_and_the_head_is_the_same(encoder):
    published, random = (model(encoder, 2, start=start).weights() for start in ("pretrained", "random"))
    for name, weight in prunable(random).items():
        assert not torch.equal(weight, published[name]) and 0.015 < float(weight.std()) < 0.025
    assert torch.equal(published["head.weight"], random["head.weight"])
    assert {name for name in random if name.startswith("head")} | set(prunable(random)) < set(random)


def test_a_block_that_the_encoder_lacks_is_refused(encoder):
    with pytest.raises(PrivatuneError, match="names block 4, but the encoder has blocks 0 to 3; remove it"):
        model(encoder, blocks=(0, 4))


@given(st.floats(0.01, 0.99), st.integers(0, 100))
def test_exactly_the_smallest_magnitudes_of_all_matrices_are_removed(sparsity, seed):
    draw = np.random.default_rng(seed)
    sizes = {"blocks.0.a": (3, 5), "blocks.1.b": (4, 2)}
    weights = {name: torch.from_numpy(draw.normal(size=size)) for name, size in sizes.items()}
    others = {"blocks.0.bias": torch.zeros(3), "head.weight": torch.zeros(2, 2), "embeddings.x": torch.zeros(2, 2)}
    masks = smallest_removed(weights | others, sparsity)
    assert set(masks) == set(weights)
    kept = [float(value) for name in masks for value in weights[name][masks[name]].abs()]
    gone = [float(value) for name in masks for value in weights[name][~masks[name]].abs()]
    assert len(gone) == round(sparsity * 23) and max(gone, default=0) <= min(kept, default=9)
    further = smallest_removed({name: weights[name] * masks[name] for name in masks}, 1 - (1 - sparsity) / 2)
    assert not any(bool((further[name] & ~masks[name]).any()) for name in masks), "what was removed stays removed"


def test_a_random_mask_keeps_as_many_weights_of_each_matrix(encoder):
    public = smallest_removed(model(encoder).weights(), 0.5)
    drawn = random_removed(public, stream(0, "random mask"))
    assert {name: int(mask.sum()) for name, mask in drawn.items()} == {n: int(m.sum()) for n, m in public.items()}
    assert all(not torch.equal(drawn[name], public[name]) and drawn[name].dtype == torch.bool for name in public)


def test_survivors_are_the_published_bits(encoder):
    made, published = model(encoder), model(encoder).weights()
    masks = smallest_removed(published, 0.5)
    made.remove(masks)
    for name, weight in prunable(made.weights()).items():
        assert torch.equal(weight, published[name] * masks[name])
