from itertools import pairwise

import numpy as np
import pytest
import torch

from privatune.core.errors import PrivatuneError
from privatune.core.files import write_json
from privatune.core.tensors import save_tensors
from privatune.models.encoder import lower
from privatune.systems.split.embeddings import decoded, entering, read_embeddings
from privatune.systems.split.states import as_bits, as_float, table_of


@pytest.fixture(params=["bert", "roberta", "distilbert"])
def both(request, encoders, tmp_path):
    """An encoder, and its embeddings as they are read from its files."""
    encoder = encoders(request.param)
    weights = {name: w.numpy() for name, w in encoder.network.state_dict().items() if w.is_floating_point()}
    save_tensors(tmp_path / "model.safetensors", weights)
    write_json(tmp_path / "config.json", encoder.network.config.to_dict())
    return encoder, read_embeddings(tmp_path / "model.safetensors")


def test_states_that_enter_block_0_are_the_network_s_own(both, ids):
    encoder, embeddings = both
    tokens, offsets = ids
    found = entering(embeddings, tokens, offsets)
    for start, stop in pairwise(offsets[:21]):
        row = torch.from_numpy(tokens[start:stop].astype(np.int64))[None]
        own = lower(encoder, row, torch.ones_like(row, dtype=torch.bool), 0)[0]
        assert np.allclose(found[start:stop], own.detach().numpy(), atol=2e-6)
    assert np.array_equal(embeddings.table, table_of(encoder)) and embeddings.size == 50


def test_tokens_are_found_again_also_where_states_were_rounded(both, ids):
    _, embeddings = both
    tokens, offsets = ids
    states = as_float(as_bits(entering(embeddings, tokens, offsets)))
    assert np.array_equal(decoded(embeddings, states, offsets), tokens)


def test_an_encoder_without_such_embeddings_is_refused(tmp_path):
    save_tensors(tmp_path / "model.safetensors", {"other.weight": np.ones((2, 2), np.float32)})
    write_json(tmp_path / "config.json", {"model_type": "llama"})
    with pytest.raises(PrivatuneError, match="cannot be split"):
        read_embeddings(tmp_path / "model.safetensors")
