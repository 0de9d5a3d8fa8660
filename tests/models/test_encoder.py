import pytest
import torch

from privatune.core.errors import PrivatuneError
from privatune.models.encoder import (
    FAMILIES,
    bare_network,
    embedded,
    encoder_of,
    last_states,
    lower,
    sentence,
    through,
    upper_blocks,
)

CUT = [kind for kind, family in FAMILIES.items() if not family.causal]
CAUSAL = [kind for kind, family in FAMILIES.items() if family.causal]


@pytest.mark.parametrize("kind", FAMILIES)
def test_an_encoder_is_the_network_of_transformers_without_pooler_and_dropout(kind, tiny_encoder, tokens):
    ids, mask = tokens
    encoder = tiny_encoder(kind)
    assert encoder[2:4] == (3, 16) and encoder.longest == (38 if "roberta" in kind else 40)
    assert not any("pooler" in name for name, _ in encoder.network.named_parameters())
    assert all(p.dtype == torch.float32 and not p.requires_grad for p in encoder.network.parameters())
    own = encoder.network(input_ids=ids, attention_mask=mask.long()).last_hidden_state
    states = last_states(encoder.network, encoder.family, ids, mask)
    torch.testing.assert_close(states[mask], own[mask], rtol=0, atol=1e-6)
    encoder.network.train()
    assert torch.equal(last_states(encoder.network, encoder.family, ids, mask)[mask], states[mask])


@pytest.mark.parametrize("kind", FAMILIES)
def test_padding_changes_no_sentence(kind, tiny_encoder, tokens):
    ids, mask = tokens
    encoder = tiny_encoder(kind)
    whole = sentence(last_states(encoder.network, encoder.family, ids, mask), mask, encoder.family.causal)
    for row, length in enumerate(mask.sum(1)):
        alone = last_states(encoder.network, encoder.family, ids[row : row + 1, :length], mask[row : row + 1, :length])
        expected = alone[0, -1] if encoder.family.causal else alone[0].mean(0)
        torch.testing.assert_close(whole[row], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", CUT)
@pytest.mark.parametrize("block", range(4))
def test_lower_and_upper_blocks_give_what_the_whole_network_gives(kind, block, tiny_encoder, tokens):
    ids, mask = tokens
    encoder = tiny_encoder(kind)
    whole = encoder.network(input_ids=ids, attention_mask=mask.long()).last_hidden_state
    halves = through(upper_blocks(encoder, 3 - block), lower(encoder, ids, mask, block), mask)
    torch.testing.assert_close(halves[mask], whole[mask], rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", CUT)
def test_gradients_of_position_embeddings_can_be_taken_by_example(kind, tiny_encoder, tokens):
    """With positions that are broadcast over the batch, an input of the embedding would have one row for all."""
    ids, _ = tokens
    encoder, seen = tiny_encoder(kind), []
    modules = [m for m in encoder.network.embeddings.modules() if isinstance(m, torch.nn.Embedding)]
    for module in modules:
        module.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    embedded(encoder.network, encoder.family, ids)
    assert len(seen) == len(modules) == (3 if encoder.family.pooled else 2)
    assert all(rows.shape == ids.shape and rows.is_contiguous() for rows in seen)


@pytest.mark.parametrize("kind", CAUSAL)
def test_a_causal_network_is_not_cut(kind, tiny_encoder, tokens):
    with pytest.raises(PrivatuneError, match=f"type {kind} is not cut between blocks; set the scope `head` or"):
        lower(tiny_encoder(kind), *tokens, 1)


def test_there_are_no_more_blocks_than_the_encoder_has(tiny_encoder):
    with pytest.raises(PrivatuneError, match="count: the encoder has 3 blocks, fewer than 4"):
        upper_blocks(tiny_encoder(), 4)


def test_the_weights_are_taken_as_they_are(tiny_config, tiny_weights):
    """No second copy is made, which would be twice the memory."""
    weights = tiny_weights("bert")
    encoder = encoder_of(bare_network(tiny_config("bert").to_dict(), weights))
    for name, parameter in encoder.network.named_parameters():
        assert parameter.data_ptr() == weights[name].data_ptr()


@pytest.mark.parametrize("values", [{"model_type": "mamba"}, {}])
def test_an_unknown_architecture_is_refused(values):
    with pytest.raises(PrivatuneError, match=r"config.json: model_type is (mamba|missing); the types are bert, rob"):
        bare_network(values, {})
