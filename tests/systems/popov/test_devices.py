"""Replicates of a device, trained and evaluated in one job, beside jobs that keep each model in a file."""

import numpy as np
import pytest

from privatune.core.streams import stream
from privatune.core.tensors import pack
from privatune.evaluation.keystrokes import prefix_index
from privatune.evaluation.measure import evaluate_with_later
from privatune.evaluation.settings import EvaluationSettings
from privatune.federation.rounds import run_rounds
from privatune.federation.settings import ScenarioSettings
from privatune.models.arrays import Model, write_model
from privatune.models.checkpoint import load_weights
from privatune.models.network import initial_weights
from privatune.models.settings import LstmSettings, NumericsSettings
from privatune.systems.popov.devices import replicates
from privatune.text.settings import MARKS
from privatune.text.streams import Stream

WORDS = [*MARKS, *(f"w{n}" for n in range(20))]
ABOUT = {"model": {"kind": "lstm"}}
WEIGHTS = {n: w.numpy() for n, w in initial_weights(LstmSettings(hidden=8), len(WORDS), stream(0, "w")).items()}
MODEL = Model(WEIGHTS, ABOUT, len(pack(WEIGHTS, ABOUT)))
SAMPLES = EvaluationSettings(chunk_tokens=40, general_tokens=200, user_tokens=200, later_tokens=80)


def text(seed, units=6, words=120):
    ids = stream(seed, "t").integers(0, len(WORDS), units * words).astype(np.uint16)
    return Stream(ids, np.full(len(ids), 2, np.uint8), np.arange(units + 1) * words, [f"p{n}" for n in range(units)])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_replicate_is_what_jobs_of_their_own_make(tmp_path, precision):
    scenario = ScenarioSettings(
        client={"minibatch": 4, "bptt": 5}, cohort={"size": 1, "rounds": 1, "persons_per_device": 2}
    )
    private, general, *samples = (text(seed) for seed in range(5))
    numerics, index = NumericsSettings(precision=precision), prefix_index(WORDS)
    made = list(replicates(MODEL, private, general, tuple(samples), index, scenario, numerics, SAMPLES, 7, [0, 3]))
    assert [measures["seed"] for measures, _ in made] == [0, 3]
    for measures, records in made:
        seed = measures["seed"]
        ((_, model, alone),) = run_rounds(MODEL, private, general, scenario, numerics, seed, [1])
        write_model(tmp_path / "model", model)
        expected = evaluate_with_later(load_weights(tmp_path / "model"), *samples, index, SAMPLES, 7)
        assert measures == {"seed": seed, "round": 1, **expected} and records == alone
    assert made[0][0]["ppl_user"] != made[1][0]["ppl_user"], "each draws its own device"
