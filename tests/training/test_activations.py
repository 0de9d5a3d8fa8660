import stat

import numpy as np
import pytest
import torch
import transformers

from privatune.core.errors import PrivatuneError
from privatune.core.tensors import load_tensors, save_tensors
from privatune.models.encoder import FAMILIES, bare_network, encoder_of, lower
from privatune.models.settings import NumericsSettings
from privatune.training import activations
from privatune.training.activations import save_states, save_vectors
from privatune.training.examples import minibatches, read_examples

LENGTHS = np.array([4, 9, 2, 7, 3])


@pytest.fixture(scope="module")
def encoder():
    """A function that makes a tiny encoder with random weights."""

    def make(kind="bert"):
        sizes = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24}
        config = transformers.AutoConfig.for_model(kind, vocab_size=50, max_position_embeddings=10, **sizes)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = getattr(transformers, FAMILIES[kind].network)(config)
            return encoder_of(bare_network(config.to_dict(), network.state_dict()))

    return make


@pytest.fixture
def tokens(tmp_path):
    """A file of five sentences with two labels, whose phrases it has or not."""

    def write(phrases=True, lengths=LENGTHS):
        rng = np.random.default_rng(0)
        arrays = {
            "ids": rng.integers(3, 50, lengths.sum()).astype(np.uint32),
            "offsets": np.concatenate([[0], np.cumsum(lengths)]),
            "labels": np.arange(len(lengths)) % 2,
            "part": np.array([0, 0, 1, 0, 2], np.uint8)[: len(lengths)],
            "phrase_ids": np.array([3, 4, 5, 6, 7] if phrases else [], np.uint32),
            "phrase_offsets": np.array([0, 2, 5] if phrases else [0]),
        }
        save_tensors(tmp_path / "tokens.safetensors", arrays, {"classes": ["a", "b"], "n": {"train": [2, 1]}})
        return tmp_path / "tokens.safetensors", arrays

    return write


def one_by_one(encoder, arrays):
    """The uncut network's states of each sentence alone."""
    for i in range(len(arrays["labels"])):
        ids = torch.from_numpy(arrays["ids"][arrays["offsets"][i] : arrays["offsets"][i + 1]].astype(np.int64))[None]
        yield ids, encoder.network(input_ids=ids).last_hidden_state[0]


@pytest.mark.parametrize("most", [9, 1024])
@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_vectors_are_those_of_the_uncut_network(kind, most, encoder, tokens, tmp_path, monkeypatch):
    monkeypatch.setattr(activations, "_TOKENS", most)
    path, arrays = tokens()
    save_vectors(path, encoder(kind), NumericsSettings(), tmp_path / "v")
    found, about = load_tensors(tmp_path / "v")
    for vector, (_, states) in zip(found["vectors"], one_by_one(encoder(kind), arrays), strict=True):
        expected = states[-1] if kind == "llama" else states.mean(0)
        np.testing.assert_allclose(vector, expected.detach().numpy(), atol=1e-5)
    assert found["phrases"].shape == (2, 16) and found["phrases"].any(1).all()
    assert all(np.array_equal(found[name], arrays[name]) for name in ("labels", "part"))
    assert about["classes"] == ["a", "b"] and stat.S_IMODE((tmp_path / "v").stat().st_mode) == 0o600


def test_without_phrases_their_vectors_are_zero(encoder, tokens, tmp_path):
    save_vectors(tokens(phrases=False)[0], encoder(), NumericsSettings(), tmp_path / "v")
    assert not load_tensors(tmp_path / "v")[0]["phrases"].any()


@pytest.mark.parametrize("most", [1, 10_000])  # one sentence per minibatch, and all in one
@pytest.mark.parametrize(("place", "block"), [("last-1", 2), ("last-3", 0), ("after-0", 0), ("after-1", 1)])
def test_states_are_those_at_a_place(place, block, most, encoder, tokens, tmp_path, monkeypatch):
    monkeypatch.setattr(activations, "_TOKENS", most)
    path, arrays = tokens()
    save_states(path, encoder(), place, NumericsSettings(), tmp_path / "s")
    found, _ = load_tensors(tmp_path / "s")
    rows = torch.from_numpy(found["states"].view(np.int16)).view(torch.bfloat16).float()
    expected = [lower(encoder(), ids, ids > 0, block)[0] for ids, _ in one_by_one(encoder(), arrays)]
    torch.testing.assert_close(rows, torch.cat(expected), rtol=2**-8, atol=1e-5)
    examples = read_examples(tmp_path / "s", "train")
    ((inputs, mask, labels),) = minibatches(examples, np.arange(3), 100)
    assert inputs.shape == (3, 9, 16) and mask.sum(1).tolist() == [9, 7, 4] and labels.tolist() == [1, 1, 0]
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600


def test_bfloat16_is_near(encoder, tokens, tmp_path):
    path, _ = tokens()
    for precision in ("float32", "bfloat16"):
        save_vectors(path, encoder(), NumericsSettings(precision=precision), tmp_path / precision)
    exact, near = (load_tensors(tmp_path / name)[0]["vectors"] for name in ("float32", "bfloat16"))
    assert 0 < np.abs(exact - near).max() < 0.03


def test_what_does_not_fit_is_refused(encoder, tokens, tmp_path):
    path, _ = tokens(lengths=np.array([4, 11]))
    with pytest.raises(PrivatuneError, match="a text has 11 tokens, but the encoder reads 10; lower `max_tokens`"):
        save_vectors(path, encoder(), NumericsSettings(), tmp_path / "v")
    with pytest.raises(PrivatuneError, match="count: the encoder has 3 blocks, fewer than 4; lower it"):
        save_states(path, encoder(), "last-4", NumericsSettings(), tmp_path / "v")
