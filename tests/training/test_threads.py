"""Steps have the same bits with any number of threads, and use as many as are fast."""

import numpy as np
import pytest
import torch

from privatune.core.streams import stream
from privatune.models.network import initial_weights, zero_state
from privatune.models.settings import CifgSettings, LstmSettings
from privatune.training import threads
from privatune.training.step import learner, train_step
from privatune.training.threads import EVERY, TRIED, paced, repeatable

WORDS = 5000


@pytest.fixture(autouse=True)
def as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("model", [LstmSettings(hidden=64), CifgSettings(kind="cifg", hidden=80, projection=48)])
def test_a_step_has_the_same_bits_with_any_number_of_threads(model, precision):
    def trained():
        lm = learner(initial_weights(model, WORDS, stream(0, "weights")), precision)
        state = zero_state(lm.computing, 12)
        for step in range(3):
            words = torch.from_numpy(stream(step, "words").integers(0, WORDS, (16, 12)))
            _, state = train_step(lm, words[:-1], words[1:], state, 1.0, clip=0.1)
        return list(lm.weights.values())

    assert repeatable(trained, 2) and repeatable(trained, 3)
    assert torch.get_num_threads() == 3


def test_a_computation_that_depends_on_the_threads_is_not_repeatable():
    assert not repeatable(lambda: [torch.tensor(float(torch.get_num_threads()))], 2)


@pytest.mark.parametrize(("alone", "both", "best"), [(1.0, 0.6, 2), (1.0, 1.5, 1)])
def test_the_faster_number_of_threads_is_taken(monkeypatch, alone, both, best):
    clock = [0.0]
    monkeypatch.setattr(threads, "perf_counter", lambda: clock[0])
    used = []
    for step in paced(3 * EVERY, 2):
        assert step is None
        used.append(torch.get_num_threads())
        clock[0] += alone if used[-1] == 1 else both
    tried = [2, 1] * TRIED
    assert used == (tried + [best] * (EVERY - len(tried))) * 3
    assert torch.get_num_threads() == 2


def test_a_machine_that_becomes_busy_is_noticed(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(threads, "perf_counter", lambda: clock[0])
    used = []
    for _ in paced(2 * EVERY, 2):
        used.append(torch.get_num_threads())
        clock[0] += 1.0 if used[-1] == 1 else 0.6 if len(used) < EVERY // 2 else 1.5
    assert np.mean(used[:EVERY]) > 1.9 and np.mean(used[EVERY:]) < 1.1
