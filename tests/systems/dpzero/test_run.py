"""Real trainings on a few made-up sentence vectors."""

import math
from functools import cache

import numpy as np
import pytest

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json
from privatune.core.tensors import save_tensors
from privatune.systems.dpzero import terms
from privatune.systems.dpzero.run import train_classifiers
from privatune.systems.dpzero.settings import ClassifierJobSettings
from privatune.training.zeroth_order import direction_seeds

N, HIDDEN, CLASSES = 240, 6, 3
EPSILON = 3.0
SHARED = {"set": "letters", "method": "tried", "head": {"name": "linear"}, "privacy": {}, "secrets": None, "seed": 0}
SHARED |= {
    "seeds": [0, 1],
    "numerics": {"threads": 1},
    "tuning": {"factors": [0.1, 1.0], "seed": 9},
    "epsilon": EPSILON,
}
ZEROTH = {"step": {"name": "zeroth", "directions": 4}, "batch": 24, "steps": 60, "rate": 0.3}
NOISE = 1.505  # what ZEROTH needs for EPSILON, as `noise_for` finds in seconds; for all examples it finds it at once
EVERYONE = ZEROTH | {"batch": None, "steps": 10}
PROBE = {"step": {"name": "gradient", "optimiser": "sgd"}, "batch": None, "steps": 20, "rate": 3.0}


@pytest.fixture(autouse=True, scope="module")
def quick():
    search = cache(terms.noise_for)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(terms, "noise_for", lambda mechanism, *of: NOISE if mechanism.q < 1 else search(mechanism, *of))
        yield


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    """Three clusters of vectors, whose middles are the vectors of the labels' phrases."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, CLASSES, N)
    middles = np.eye(CLASSES, HIDDEN, dtype=np.float32) * 3
    path = tmp_path_factory.mktemp("sentences") / "vectors.safetensors"
    arrays = {
        "vectors": (middles[labels] + rng.normal(0, 1, (N, HIDDEN))).astype(np.float32),
        "labels": labels,
        "part": np.repeat([0, 1, 2], [160, 40, 40]).astype(np.uint8),
        "phrases": middles,
    }
    save_tensors(path, arrays, {"classes": list("abc")})
    return path


@pytest.fixture(scope="module")
def train(vectors, tmp_path_factory):
    """A function that runs a job with some settings changed, and returns its records and its grid.

    Equal calls run once.
    """
    done = {}

    def run(method, name="once", **changed):
        key = repr((method, name, changed))
        if key not in done:
            folder = tmp_path_factory.mktemp("job")
            settings = ClassifierJobSettings(**{**SHARED, **changed, "settings": method})
            files = (folder / name for name in ("classifiers.json", "tuning.json", "models.safetensors"))
            train_classifiers(vectors, vectors, None, [], settings, *files)
            done[key] = read_json(folder / "classifiers.json"), read_json(folder / "tuning.json")
        return done[key]

    return run


@pytest.mark.parametrize("method", [ZEROTH, PROBE])
def test_every_way_learns_what_is_easy(train, method):
    for epsilon in (None, EPSILON):
        rows, grid = train(method, epsilon=epsilon)
        assert min(row["accuracy"] for row in rows) > 70 > max(row["majority"] for row in rows)
        assert [row["seed"] for row in rows] == [0, 1]
        assert sum(point["chosen"] for point in grid) == 1
        chosen = next(point for point in grid if point["chosen"])
        assert chosen["accuracy"] == max(point["accuracy"] for point in grid)
        assert {row["rate"] for row in rows} == {chosen["rate"]}
        assert all(row["largest_change"] > 0 and row["zero_shot"] > 80 for row in rows)


def test_without_epsilon_nothing_is_clipped_or_claimed(train):
    rows, grid = train(ZEROTH, epsilon=None)
    claimed = ("epsilon", "delta", "adjacency", "accountant", "q", "noise_multiplier", "clip")
    assert all(row[name] is None for row in rows for name in claimed)
    assert [point["clip"] for point in grid] == [None, None]


def test_what_an_epsilon_needs_is_stated_from_the_true_number_of_examples(train):
    (row, _), _ = train(ZEROTH)
    assert (row["n"], row["batch"], row["steps"], row["forwards"]) == (160, 24, 60, 2 * 4 * 60)
    assert row["q"] == 24 / 160
    assert row["delta"] == pytest.approx(1 / 1600)
    assert 2.99 < row["epsilon"] <= EPSILON
    assert row["adjacency"] == "zero out one"
    assert row["bytes_per_step"] == 8 + 4 * 4
    (probe, _), _ = train(PROBE)
    assert (probe["q"], probe["batch"], probe["bytes_per_step"]) == (1.0, 160, 4 * (HIDDEN + 1) * CLASSES)


def test_replacing_an_example_costs_more_noise_than_leaving_it_out(train):
    (out, _), _ = train(EVERYONE)
    (replaced, _), _ = train(EVERYONE, privacy={"adjacency": "replace one"})
    assert replaced["adjacency"] == "replace one"
    assert replaced["noise_multiplier"] > out["noise_multiplier"]


def test_the_same_job_gives_the_same_records(train):
    assert train(ZEROTH) == train(ZEROTH, "again")


def test_a_method_by_forward_passes_does_not_read_the_seed_of_its_noise_from_that_of_its_directions(train, tmp_path):
    """A secret release has noise of its own, keeps it for a second run, and its directions stay public."""
    public, _ = train(ZEROTH)
    secret, _ = train(ZEROTH, "secret", secrets=str(tmp_path / "secrets"))
    assert secret != public
    assert train(ZEROTH, "again", secrets=str(tmp_path / "secrets"))[0] == secret
    assert train(ZEROTH, "other", secrets=str(tmp_path / "others"))[0] != secret
    assert len(set(direction_seeds(4, 0, 1))) == 4


def test_wrong_sizes_are_one_line(train):
    with pytest.raises(PrivatuneError, match="batch: 161 examples per step are more than the 160 that train"):
        train(ZEROTH | {"batch": 161})
    with pytest.raises(PrivatuneError, match=r"dpzero\.privacy\.delta: 0\.01 for 160 examples is 1\.6 times"):
        train(ZEROTH, privacy={"delta": 0.01})
    assert math.isclose(train(EVERYONE, privacy={"delta": 1e-5})[0][0]["delta"], 1e-5)
