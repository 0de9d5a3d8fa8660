"""The synthetic experiment: against plain steps in all dimensions, and what its records say."""

import numpy as np
import pytest
import torch

from privatune.core.streams import stream
from privatune.models.settings import NumericsSettings
from privatune.systems.dpzero.dimension import METHODS, _drawn, errors_by_dimension, problem, train
from privatune.systems.dpzero.dimension_settings import DimensionSettings

SMALL = DimensionSettings(
    examples=60, dimensions=[6, 40], rank=3, delta=1e-3, steps=4, clips=[0.5, 2.0], replicates=3, tuning_replicates=2
)
CPU = torch.device("cpu")


def plain(posed, clips, z, steps, replicates, key):
    """One replicate, method and clip after the other, in float64, with every vector at its whole length."""
    inputs, n = posed.inputs.double().numpy().T, posed.inputs.shape[1]
    ended = np.zeros((2, len(z), replicates))
    for place in np.ndindex(ended.shape):
        method, clip, replicate = place
        x, bound = posed.start.double().numpy().copy(), clips[method, clip]
        for step in _drawn(posed, steps, replicates, key):
            u, g, norm, scalar = (part[replicate].double().numpy() for part in step)
            sum_of = np.zeros(len(u))
            for a in inputs:
                slope = (a @ x) * (a @ u)
                most = bound / norm[0] if METHODS[method] == "DPGD-0th" else bound
                sum_of += np.sign(slope) * min(abs(slope), most) * u
            noise = g if METHODS[method] == "DPGD-0th" else scalar * u
            x -= posed.rate / n * (sum_of + z[clip] * bound * noise)
        losses = [np.square(inputs @ at).mean() for at in (x, posed.start.double().numpy())]
        ended[place] = losses[0] / losses[1]
    return ended


@pytest.mark.parametrize("dimension", [3, 40])
def test_all_clips_and_replicates_together_are_plain_steps_one_by_one(dimension):
    posed = problem(SMALL, dimension, CPU)
    clips, z = np.array([[0.5, 2.0], [0.1, 4.0]]), np.array([3.0, 0.0])
    found = train(posed, clips, z, 4, 3, (0, "test"))
    np.testing.assert_allclose(found, plain(posed, clips, z, 4, 3, (0, "test")), rtol=1e-4)


def test_a_direction_has_the_length_of_one_in_all_dimensions():
    posed = problem(SMALL, 40, CPU)
    squares = np.array([step.norm.square().numpy() for step in _drawn(posed, 200, 20, (1, "test"))]).ravel()
    assert squares.mean() == pytest.approx(40, rel=0.02) and squares.var() == pytest.approx(80, rel=0.15)


def test_the_rate_and_the_problem_do_not_depend_on_the_dimension():
    for decay, trace in ((0.0, 3.0), (1.0, 1 + 1 / 2 + 1 / 3)):
        settings = SMALL.model_copy(update={"decay": decay, "examples": 20_000})
        posed = [problem(settings, dimension, CPU) for dimension in (6, 40)]
        assert posed[0].rate == posed[1].rate == pytest.approx(1 / (trace + 2))
        for one in posed:
            hessian = (one.inputs @ one.inputs.T / 20_000).numpy()
            np.testing.assert_allclose(np.linalg.eigvalsh(hessian)[::-1], np.arange(1, 4) ** -decay, atol=0.06)
            assert float(one.start.norm()) == pytest.approx(1)


def test_a_record_for_each_method_dimension_and_replicate():
    records = errors_by_dimension(SMALL, NumericsSettings())
    assert records == errors_by_dimension(SMALL, NumericsSettings()), "the same settings, the same numbers"
    assert [(r["dimension"], r["method"], r["replicate"]) for r in records] == [
        (dimension, method, replicate) for dimension in (6, 40) for method in METHODS for replicate in range(3)
    ]
    for record in records:
        assert (
            record["clip"] in SMALL.clips and record["error"] > 0 and record["error"] != record["error_without_noise"]
        )
        assert (record["epsilon"], record["delta"], record["adjacency"]) == (2.0, 1e-3, "zero out one")
    assert len({r["clip"] for r in records if (r["method"], r["dimension"]) == ("DPZero", 6)}) == 1


def test_the_clip_is_chosen_by_replicates_that_are_not_judged():
    posed = problem(SMALL, 6, CPU)
    tuning, judged = (next(iter(_drawn(posed, 1, 2, (0, part)))).direction for part in ("tuning", "judged"))
    assert not np.isclose(tuning.numpy(), judged.numpy()).any()
    assert stream(0, "tuning", 6, 0).random() != stream(0, "judged", 6, 0).random()


def test_settings_that_protect_nobody_or_repeat_a_dimension_are_refused():
    with pytest.raises(ValueError, match="is not below 1 / 60, so it protects nobody; lower it"):
        DimensionSettings(examples=60, delta=0.02)
    with pytest.raises(ValueError, match="list each number of weights once, the smallest first"):
        DimensionSettings(dimensions=[40, 20])
