"""A tiny encoder in a folder, and a file of states as the workflow writes it for the vendor."""

import numpy as np
import pytest
import torch
import transformers

from privatune.core.files import write_json
from privatune.core.tensors import save_tensors
from privatune.models.encoder import FAMILIES, bare_network, encoder_of, load_encoder
from privatune.systems.split.cut import bottom
from privatune.training.examples import read_examples

COMMON = {"vocab_size": 50, "max_position_embeddings": 40, "pad_token_id": 1}
SIZES = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24}
OWN = {
    "distilbert": {"dim": 16, "n_layers": 3, "n_heads": 2, "hidden_dim": 24},
    "opt": {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "word_embed_proj_dim": 16},
}
CUT = 1
CLASSES = ["a secret label", "another secret label"]


def _encoder(kind):
    config = transformers.AutoConfig.for_model(kind, **COMMON, **OWN.get(kind, SIZES))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = getattr(transformers, FAMILIES[kind].network)(config)
        for weight in network.parameters():
            if weight.ndim > 1:
                weight.data.normal_(0, 0.3)
    return config.to_dict(), network.state_dict()


@pytest.fixture(scope="session")
def encoders():
    """A function that gives a tiny encoder by its type."""

    def made(kind="bert"):
        config, weights = _encoder(kind)
        return encoder_of(bare_network(config, weights))

    return made


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """The folder of a tiny encoder."""
    folder = tmp_path_factory.mktemp("encoder")
    config, weights = _encoder("bert")
    write_json(folder / "config.json", config)
    save_tensors(
        folder / "model.safetensors", {name: w.numpy() for name, w in weights.items() if w.is_floating_point()}
    )
    return folder


@pytest.fixture(scope="session")
def ids():
    """[tokens] uint32 ids, and [n + 1] offsets; the label of a sentence is whether its tokens are large."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 9, 90)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    level = np.repeat(np.arange(90) % 2, lengths)
    return (rng.integers(10, 14, len(level)) + 30 * level).astype(np.uint32), offsets


@pytest.fixture(scope="session")
def sent(folder, ids, tmp_path_factory):
    """The file that leaves the customer, here without noise."""
    encoder, (tokens, offsets) = load_encoder(folder), ids
    states = [
        bottom(encoder, torch.from_numpy(row[None].astype(np.int64)), torch.ones(1, len(row), dtype=torch.bool), CUT)[0]
        for row in np.split(tokens, offsets[1:-1])
    ]
    arrays = {
        "states": torch.cat(states).bfloat16().view(torch.int16).numpy().view(np.uint16),
        "offsets": offsets,
        "labels": np.arange(90) % 2,
        "part": np.repeat(np.array([0, 1, 2], np.uint8), 30),
    }
    path = tmp_path_factory.mktemp("sent") / "sent.safetensors"
    save_tensors(path, arrays, {"cut": CUT, "classes": CLASSES, "n": {}}, private=True)
    return path


@pytest.fixture(scope="session")
def parts(sent):
    """The examples of the training and the test part."""
    return read_examples(sent, "train"), read_examples(sent, "test")
