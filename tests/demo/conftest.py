"""Tiny random language models, exported as the workflow exports them."""

import numpy as np
import pytest

from privatune.demo.suggest import split
from privatune.evaluation.keystrokes import prefix_index
from privatune.evaluation.measure import sample, score
from privatune.export.folder import write_folder
from privatune.export.graph import exported, widths
from privatune.models.network import initial_weights
from privatune.models.settings import CifgSettings, LstmSettings
from privatune.text.settings import EOS, TextSettings
from privatune.text.streams import Stream
from privatune.text.tokenizer import train_tokenizer, words_of

TEXT = ["the cat sat on the mat and the dog sat there", "don't say that, i don't know them", "they then thank this cat"]
KINDS = {
    "averaging": LstmSettings(layers=2, hidden=8),
    "general": LstmSettings(layers=1, hidden=8, tied=False),
    "private": CifgSettings(kind="cifg", layers=1, hidden=8, projection=8),
}


@pytest.fixture(scope="session")
def tokenizer():
    words = {word for text in TEXT for word in text.replace(",", " ,").split()}
    return train_tokenizer(TEXT, TextSettings(vocabulary=2 + len(words)))


@pytest.fixture(scope="session")
def weights(tokenizer):
    """By name; they are large enough to make each word's scores differ from those of the word before."""
    rng = np.random.default_rng(0)
    made = {name: initial_weights(kind, tokenizer.get_vocab_size(), rng) for name, kind in KINDS.items()}
    return {name: {part: 20 * weight for part, weight in whole.items()} for name, whole in made.items()}


@pytest.fixture(scope="session")
def export(tokenizer):
    """A function that writes the folder of a model."""

    def export(folder, weights, **changes):
        seen = [{"use": "general"}, *([] if folder.name == "general" else [{"use": "private"}])]
        about = {"kind": "language model", "texts": seen, "epsilon": None, "delta": None, "guarantee": None}
        if folder.name == "private":
            proved = {"unit": "person", "adjacency": "zero out one", "secure": True}
            about |= {"epsilon": 0.5, "delta": 1e-4, "guarantee": proved}
        about["state"] = {name: [1, width] for name, width in widths(weights).items()}
        about["measures"] = {"float32": {"kss_user": 30.0}, "int8": {"kss_user": 29.0}}
        model = {"model.onnx": exported(weights), "tokenizer.json": tokenizer.to_str().encode()}
        write_folder(folder, about | changes, model)

    return export


@pytest.fixture(scope="session")
def measured(tokenizer):
    """A function that returns letters that a text takes, and letters that it has, as the library evaluates a model.

    The text is one chunk, which follows the end of a line.
    """

    def measured(weights, text):
        ids, lengths = np.array([(EOS, 0), *split(tokenizer, f"{text} ").words]).T
        drawn = sample(Stream(ids, lengths, np.array([0, len(ids)]), ["it"]), len(ids), len(ids), 0, "it")
        found = score(weights, drawn, prefix_index(words_of(tokenizer)))
        return found.typed[0], found.characters[0]

    return measured
