import copy

import numpy as np
import pytest
import torch

from privatune.core.errors import PrivatuneError
from privatune.core.settings import Settings
from privatune.core.streams import stream
from privatune.core.validation import validated
from privatune.models.classifier import classifier, encoder_weights, trained
from privatune.models.classifier_settings import HeadSettings, ScopeSettings, head_settings, scope_settings
from privatune.models.encoder import FAMILIES, last_states, lower, sentence

PHRASES = np.random.default_rng(0).normal(size=(3, 16)).astype(np.float32)
SCOPES = {
    "head": (0, 0),
    "last block": (1, 16),
    "last two blocks": (2, 32),
    "lora": (1, 4),
    "lora everywhere": (None, 12),
    "biases": (2, 16),
    "biases everywhere": (None, 25),
    "all": (None, 53),
}
VALUES = {
    "head": {"name": "head"},
    "last block": {"name": "blocks"},
    "last two blocks": {"name": "blocks", "count": 2},
    "lora": {"name": "lora", "count": 1, "rank": 2},
    "lora everywhere": {"name": "lora"},
    "biases": {"name": "biases", "count": 2},
    "biases everywhere": {"name": "biases"},
    "all": {"name": "all"},
}


class Whole(Settings):
    scope: ScopeSettings
    head: HeadSettings


def made(name, encoder, head="linear", **more):
    return classifier(
        scope_settings(VALUES[name]), head_settings({"name": head}), PHRASES, stream(0, "c"), encoder, **more
    )


def inputs_of(name, encoder, ids, mask):
    count, _ = SCOPES[name]
    if count is None:
        return ids
    if count:
        return lower(encoder, ids, mask, encoder.blocks - count)
    return sentence(last_states(encoder.network, encoder.family, ids, mask), mask, encoder.family.causal)


@pytest.mark.parametrize("name", SCOPES)
def test_exactly_the_weights_of_the_scope_move(name, tiny_encoder, tokens):
    ids, mask = tokens
    encoder = tiny_encoder()
    before = copy.deepcopy(encoder.network.state_dict())
    model = made(name, encoder)
    assert len(trained(model)) == SCOPES[name][1] + 2, "and the head's two"
    start = {key: p.detach().clone() for key, p in model.named_parameters()}
    for _ in range(3):  # LoRA's A has no gradient while B is zero
        loss = torch.nn.functional.cross_entropy(model(inputs_of(name, encoder, ids, mask), mask), torch.arange(4) % 3)
        gradients = torch.autograd.grad(loss, list(trained(model).values()))
        with torch.no_grad():
            for parameter, gradient in zip(trained(model).values(), gradients, strict=True):
                parameter -= 30 * gradient
    for key, parameter in model.named_parameters():
        if not key.endswith("key.bias"):  # it shifts all scores of a query alike, so its gradient is zero
            assert torch.equal(parameter, start[key]) != (key in trained(model)), key
    assert all(torch.equal(value, before[key]) for key, value in encoder.network.state_dict().items())


@pytest.mark.parametrize("name", SCOPES)
def test_every_scope_starts_from_the_same_function(name, tiny_encoder, tokens):
    """LoRA adds nothing at first, and cached states give what the whole encoder gives."""
    ids, mask = tokens
    encoder = tiny_encoder("roberta")
    vectors = sentence(last_states(encoder.network, encoder.family, ids, mask), mask, causal=False)
    model = made(name, encoder, "prompt")
    expected = 10 * torch.nn.functional.cosine_similarity(vectors[:, None], torch.from_numpy(PHRASES)[None], dim=-1)
    torch.testing.assert_close(model(inputs_of(name, encoder, ids, mask), mask), expected, rtol=0, atol=1e-5)


def test_initial_weights_follow_from_the_stream(tiny_encoder):
    encoder = tiny_encoder()
    first, again = (made("lora everywhere", encoder) for _ in range(2))
    for parameter, other in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(parameter, other)
    a = [p for name, p in first.named_parameters() if "lora_A" in name]
    assert len(a) == 6 and all(0.2 < p.abs().max() <= 0.25 for p in a), "uniform up to the root of 1/16"
    assert first.head.weight.detach().std() == pytest.approx(0.02, rel=0.4) and not first.head.bias.any()


def test_lora_is_scaled_by_alpha_over_rank(tiny_encoder):
    encoder = tiny_encoder()
    scope = scope_settings({"name": "lora", "rank": 4, "alpha": 2})
    model = classifier(scope, head_settings({"name": "linear"}), PHRASES, stream(0, "c"), encoder)
    layer = model.body.network.encoder.layer[0].attention.self.query
    with torch.no_grad():
        layer.lora_B["default"].weight.fill_(1.0)
    x = torch.ones(1, 16)
    added = layer(x) - encoder.network.encoder.layer[0].attention.self.query(x)
    torch.testing.assert_close(added, (layer.lora_A["default"].weight.sum() * 0.5).expand(1, 16), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", SCOPES)
@pytest.mark.parametrize("kind", ["bert", "distilbert"])
def test_with_the_trained_weights_the_encoder_computes_what_the_classifier_does(kind, name, tiny_encoder, tokens):
    """Also where LoRA's products have been added to its matrices."""
    ids, mask = tokens
    encoder, other = tiny_encoder(kind), tiny_encoder(kind)
    model = made(name, encoder)
    for number, weight in enumerate(trained(model).values()):
        weight.data += 0.1 * torch.from_numpy(
            stream(number, "moved").normal(size=tuple(weight.shape)).astype(np.float32)
        )
    before = {key: weight.detach().clone() for key, weight in model.named_parameters()}
    count, _ = SCOPES[name]
    weights = encoder_weights(model, range(encoder.blocks)[-count if count else 0 :])
    own = dict(other.network.named_parameters())
    for key, weight in weights.items():
        if not key.startswith("head."):
            own[key.replace("blocks.", f"{encoder.family.blocks}.", 1)].data.copy_(weight)
    vectors = sentence(last_states(other.network, other.family, ids, mask), mask, causal=False)
    expected = vectors @ weights["head.weight"].T + weights["head.bias"]
    logits = model(inputs_of(name, encoder, ids, mask), mask)
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)
    untouched = model(inputs_of(name, encoder, ids, mask), mask) - made(name, encoder)(
        inputs_of(name, encoder, ids, mask), mask
    )
    assert untouched.abs().max() > 0.05, "the test sees what was trained"
    assert all(torch.equal(weight, before[key]) for key, weight in model.named_parameters()), "it stays as it is"
    assert not any(weight.data_ptr() == p.data_ptr() for weight in weights.values() for p in model.parameters())


def test_a_shared_encoder_is_not_copied(tiny_encoder):
    encoder = tiny_encoder()
    model = made("all", encoder, shared=True)
    assert next(model.body.parameters()) is next(encoder.network.parameters())


@pytest.mark.parametrize("kind", [kind for kind, family in FAMILIES.items() if family.causal])
def test_a_causal_network_trains_whole(kind, tiny_encoder, tokens):
    ids, mask = tokens
    encoder = tiny_encoder(kind)
    for name in ("lora everywhere", "all"):
        logits = made(name, encoder)(ids, mask)
        assert logits.shape == (4, 3) and all(p.requires_grad for p in trained(made(name, encoder)).values())
    with pytest.raises(PrivatuneError, match=r"is not cut between blocks; .* or leave `count` out"):
        made("last block", encoder)


def test_a_scope_without_weights_is_refused(tiny_encoder):
    with pytest.raises(PrivatuneError, match="scope biases: the encoder has no such weights; choose another scope"):
        made("biases everywhere", tiny_encoder("llama"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"scope": {"name": "last"}}, r"^config: `scope.name` is 'last'; .* one of head, blocks, lora, biases, all"),
        ({"scope": {"count": 2}}, r"^config: `scope.name` is missing; choose one of head, blocks"),
        ({"scope": {"name": "head", "count": 2}}, r"^config: unknown key `scope.count`"),
        ({"scope": {"name": "blocks", "count": None}}, r"^config: `scope.count` is None; it must be a whole number"),
        ({"head": {"name": "cosine"}}, r"^config: `head.name` is 'cosine'; .* one of linear, prompt"),
    ],
)
def test_an_unknown_scope_is_one_line(values, message):
    with pytest.raises(PrivatuneError, match=message):
        validated(Whole, {"scope": {"name": "head"}, "head": {"name": "linear"}} | values)


def test_a_scope_says_what_it_reads():
    reads = {name: scope_settings(values).reads for name, values in VALUES.items()}
    assert reads == {
        "head": "vectors",
        "last block": "last-1",
        "last two blocks": "last-2",
        "lora": "last-1",
        "lora everywhere": "tokens",
        "biases": "last-2",
        "biases everywhere": "tokens",
        "all": "tokens",
    }


def test_a_prompt_head_needs_phrases_and_a_linear_one_does_not():
    none = np.zeros((3, 16), np.float32)
    head = scope_settings({"name": "head"})
    assert classifier(head, head_settings({"name": "linear"}), none, stream(0, "c")).head.weight.shape == (3, 16)
    with pytest.raises(PrivatuneError, match="head prompt: the set of sentences has no phrases; set its `phrases` in"):
        classifier(head, head_settings({"name": "prompt"}), none, stream(0, "c"))
