"""Tiny random encoders of every family."""

import pytest
import torch
import transformers

from privatune.models.encoder import FAMILIES, bare_network, encoder_of

_COMMON = {"vocab_size": 50, "max_position_embeddings": 40, "pad_token_id": 1}
_SIZES = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24}
_OWN = {
    "distilbert": {"dim": 16, "n_layers": 3, "n_heads": 2, "hidden_dim": 24},
    "opt": {
        "hidden_size": 16,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "ffn_dim": 24,
        "word_embed_proj_dim": 16,
    },
}


def _config(kind):
    return transformers.AutoConfig.for_model(kind, **_COMMON, **_OWN.get(kind, _SIZES))


@pytest.fixture(scope="session")
def tiny_config():
    """A function that gives the configuration of a tiny encoder by its type."""
    return _config


@pytest.fixture(scope="session")
def tiny_weights():
    """A function that gives random weights of a tiny encoder, with the pooler if it has one."""

    def draw(kind):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = getattr(transformers, FAMILIES[kind].network)(_config(kind))
            for weight in network.parameters():
                weight.data.normal_(0, 0.3)
        return network.state_dict()

    return draw


@pytest.fixture(scope="session")
def tiny_encoder(tiny_weights):
    """A function that gives a tiny encoder by its type."""
    return lambda kind="bert": encoder_of(bare_network(_config(kind).to_dict(), tiny_weights(kind)))


@pytest.fixture(scope="session")
def tokens():
    """Ids [4, 7] with the mask of four lengths; one real token has the padding's id in no family, one the largest."""
    ids = torch.tensor(
        [[5, 9, 49, 3, 7, 11, 2], [4, 4, 8, 3, 30, 1, 1], [6, 12, 2, 1, 1, 1, 1], [17, 1, 1, 1, 1, 1, 1]]
    )
    return ids, torch.arange(7) < torch.tensor([7, 5, 3, 1])[:, None]
