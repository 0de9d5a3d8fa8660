import math

import numpy as np
import pytest
import torch

from privatune.attacks import exposure as module
from privatune.attacks.canaries import draw_canaries
from privatune.attacks.exposure import beam_found, beam_search, exposure, log_perplexities, sampled_exposure
from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.models.network import hidden_states, initial_weights, output_weight, zero_state
from privatune.models.settings import CifgSettings, LstmSettings
from privatune.text.settings import EOS, MARKS
from privatune.training.batches import rows, windows
from privatune.training.step import learner, train_step

WORDS = 40
CIFG = CifgSettings(kind="cifg", hidden=48, projection=24)


def model(settings, seed=0):
    weights = initial_weights(settings, WORDS, stream(seed, "w"))
    return {name: (3 if settings is CIFG else 15) * weight for name, weight in weights.items()}


def unigram(seed=0):
    """A model that draws each word independently, and its probabilities."""
    weights = {name: torch.zeros_like(weight) for name, weight in model(CIFG).items()}
    weights["output.bias"] = torch.from_numpy(stream(seed, "bias").standard_normal(WORDS).astype(np.float32))
    return weights, torch.softmax(weights["output.bias"].double(), 0).numpy()


def plain_score(weights, prefix, continuation):
    """One continuation read word by word."""
    words = torch.tensor([EOS, *prefix, *continuation])
    output, _ = hidden_states(weights, weights["embedding"][words[:-1]][:, None], zero_state(weights, 1))
    logits = output[:, 0] @ output_weight(weights).t() + weights["output.bias"]
    logs = torch.log_softmax(logits.double(), 1)
    return -sum(float(logs[place, words[place + 1]]) for place in range(len(prefix), len(words) - 1))


def memorised(canary, copies):
    """A model that read `copies` of a canary in every twenty random lines."""
    rng = stream(0, "text")
    text = []
    for _ in range(15):
        lines = [*rng.integers(len(MARKS), WORDS, (20 - copies, 5)), *[canary] * copies]
        text += [word for n in rng.permutation(20) for word in (*lines[n].tolist(), EOS)]
    lm = learner(initial_weights(CIFG, WORDS, stream(0, "w")), torch.float32)
    for _ in range(8):
        state = zero_state(lm.computing, 6)
        for inputs, targets in windows(rows(np.array(text), 6, 15), 15):
            _, state = train_step(lm, inputs, targets, state, 0.5, 5.0)
    return lm.weights


@pytest.mark.parametrize("settings", [CIFG, LstmSettings(hidden=16), LstmSettings(hidden=8, tied=False)])
@pytest.mark.parametrize("tile", [3, 256])
def test_shared_contexts_score_as_plain_reading(settings, tile, monkeypatch):
    monkeypatch.setattr(module, "TILE", tile)
    weights, rng = model(settings), stream(1, "c")
    continuations = np.concatenate([rng.integers(0, WORDS, (60, 3)), rng.integers(5, 7, (20, 3))])
    found = log_perplexities(weights, np.array([4, 9]), continuations)
    expected = [plain_score(weights, [4, 9], continuation) for continuation in continuations]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.ptp(expected) > 1


@pytest.mark.parametrize("before", [0, 1, 9, 999])
def test_exposure_of_planted_ranks(before):
    found = exposure(before, 1000, 1e9)
    assert found.rank == before + 1
    assert found.exposure == pytest.approx(math.log2(1000 / (before + 1)))
    assert found.low <= found.exposure + 1e-3
    assert found.exposure <= found.high


def test_intervals_are_clopper_and_pearson_s():
    """5 of 100: 0.0164 to 0.1128; 0 of 100: at most 1 - 0.025^(1/100) = 0.0362 (their tables, 1934)."""
    five, none = exposure(5, 100, 1e9), exposure(0, 100, 1e9)
    assert [2**-five.high, 2**-five.low, 2**-none.low] == pytest.approx([0.01643, 0.11283, 0.03622], abs=1e-5)
    assert none.high == pytest.approx(math.log2(1e9)), "the canary is one of the space"
    assert exposure(100, 100, 1e9).low == 0
    assert exposure(0, 2_000_000, 1e12).exposure == pytest.approx(20.93, abs=0.01)


def test_ranks_are_those_of_the_model_s_distribution():
    """Of a model without memory the share of more likely continuations is known: the intervals hold it."""
    weights, p = unigram()
    whole = (p[2:, None, None] * p[2:, None] * p[2:]).ravel()
    inside = 0
    for canary in draw_canaries(WORDS, [1], [1], 20, seed=0):
        found = sampled_exposure(weights, canary.words, 2000, (0, canary.number))
        true = -math.log2((whole >= p[canary.words[2:]].prod() * (1 - 1e-6)).mean())
        inside += found.low <= true <= found.high
        assert found.exposure == pytest.approx(true, abs=1.5)
    assert inside >= 17


def test_a_model_without_preference_exposes_nothing():
    weights = {name: torch.zeros_like(weight) for name, weight in model(CIFG).items()}
    found = sampled_exposure(weights, np.array([2, 3, 4, 5, 6]), 500, (0,))
    assert found.rank == 501
    assert found.exposure == pytest.approx(0, abs=0.01)


def test_the_memorised_canary_is_exposed_and_found_and_another_is_not():
    trained, other = (canary.words for canary in draw_canaries(WORDS, [1], [1], 2, seed=3))
    weights = memorised(trained, copies=6)
    known = sampled_exposure(weights, trained, 3000, (0,))
    assert known.rank <= 2
    assert beam_found(weights, trained)
    assert not beam_found(weights, other)
    assert sampled_exposure(weights, other, 3000, (0,)).exposure < 6
    assert known.low > 6


def test_beams_are_the_best_continuations_of_all():
    """With as many beams as words nothing of two words can be missed."""
    weights = model(CIFG)
    space = np.array([[a, b] for a in range(len(MARKS), WORDS) for b in range(len(MARKS), WORDS)])
    order = np.argsort(log_perplexities(weights, np.array([7, 8]), space), kind="stable")
    found = beam_search(weights, np.array([7, 8]), 2, width=WORDS)
    np.testing.assert_array_equal(found[:5], space[order[:5]])
    assert beam_search(weights, np.array([7, 8]), 3).shape == (5, 3)


def test_continuations_have_a_stream_of_their_own():
    weights, canary = model(CIFG), np.array([2, 3, 4, 5, 6])
    ranks = [sampled_exposure(weights, canary, 3000, (seed, n)).rank for seed in (0, 1) for n in range(5)]
    assert len(set(ranks)) > 5
    assert sampled_exposure(weights, canary, 3000, (1, 4)).rank == ranks[-1]


def test_a_score_that_is_no_number_is_an_error():
    weights = model(CIFG)
    weights["output.bias"][3] = torch.nan
    with pytest.raises(PrivatuneError, match="not finite"):
        sampled_exposure(weights, np.array([2, 3, 4, 5, 6]), 10, (0,))
    with pytest.raises(PrivatuneError, match="not finite"):
        beam_found(weights, np.array([2, 3, 4, 5, 6]))
    with pytest.raises(ValueError, match="before"):
        exposure(11, 10, 1e9)
