"""The audit through the real rounds: it passes a correct mechanism and finds bugs that are planted in it."""

import math
from dataclasses import replace

import numpy as np
import pytest

from privatune.attacks.audit import Gaussian, coins, estimate, gaussian_epsilon, signs
from privatune.attacks.settings import AuditSettings
from privatune.core.errors import PrivatuneError
from privatune.core.vectors import flat
from privatune.federation.cohorts import poisson_cohort
from privatune.privacy import clipping
from privatune.privacy import mechanism as mechanism_module
from privatune.privacy.mechanism import Mechanism
from privatune.privacy.settings import AdaptiveClipSettings
from privatune.systems.dpfedavg import rounds as private
from privatune.systems.dpfedavg.audit import LENGTH, audit, audited, canary_updates, observe
from privatune.systems.dpfedavg.rounds import State

SIZE = 6000
SETTINGS = AuditSettings(canaries=400, guesses=60)
CLAIM = 2.0  # every mechanism below claims an epsilon of at most this
MECHANISMS = {
    "one round of everyone": Mechanism("poisson", 1000, 1000, 1, 2.3, 0.5, 1e-4),
    "rounds of some": Mechanism("poisson", 1000, 100, 4, 1.2, 0.5, 1e-4),
    "rounds of a fixed size": Mechanism("fixed", 1000, 50, 4, 2.2, 0.5, 1e-4),
    "a clip that adapts": Mechanism("poisson", 1000, 100, 4, 1.2, 0.5, 1e-4, AdaptiveClipSettings()),
}


def start(clip=0.5, size=SIZE):
    return State({"a": np.zeros((size // 2, 1), np.float32), "b": np.ones(size - size // 2, np.float32)}, {}, clip)


def run(mechanism, seed=0, settings=SETTINGS):
    return audit(start(mechanism.clip), mechanism, "rdp", settings, seed)


def no_noise(monkeypatch):
    monkeypatch.setattr(mechanism_module, "discrete_gaussian", lambda size, *of: np.zeros(size, np.int64))


def no_clip(monkeypatch):
    correct = clipping.clip_update
    monkeypatch.setattr(clipping, "clip_update", lambda update, clip: correct(update, math.inf))


def everyone_in_every_round(monkeypatch):
    monkeypatch.setitem(private.DRAWS, "poisson", lambda persons, *others: list(range(persons)))


@pytest.mark.parametrize("name", MECHANISMS)
def test_a_correct_mechanism_passes(name):
    """At a confidence of 95 % one audit in twenty may exceed the truth; the claim is above that, and none does."""
    found = [run(MECHANISMS[name], seed) for seed in range(3)]
    assert all(1 < one["guarantee"]["epsilon"] < CLAIM for one in found)
    assert all(one["epsilon_lower"] <= one["guarantee"]["epsilon"] for one in found)
    assert all(one["epsilon_largest"] > CLAIM + 0.5 for one in found), "so many canaries could contradict the claim"


@pytest.mark.parametrize("bug", [no_noise, no_clip])
@pytest.mark.parametrize("name", MECHANISMS)
def test_planted_bugs_are_found(name, bug, monkeypatch):
    bug(monkeypatch)
    found = run(MECHANISMS[name])
    assert found["epsilon_lower"] > CLAIM, found
    assert found["epsilon_estimate"] > CLAIM


@pytest.mark.slow
def test_a_cohort_that_is_not_drawn_is_found(monkeypatch):
    """Everyone in each of 20 rounds, where one in twenty is accounted for."""
    claimed = Mechanism("poisson", 1000, 50, 20, 1.2, 0.5, 1e-4)
    found = run(claimed)
    assert found["epsilon_lower"] < found["guarantee"]["epsilon"] < CLAIM
    everyone_in_every_round(monkeypatch)
    assert run(claimed)["epsilon_lower"] > CLAIM


def test_the_audited_mechanism_differs_in_its_persons_alone():
    m = Mechanism("poisson", 389, 16, 10, 0.8, 0.8, 389**-1.1, AdaptiveClipSettings())
    made = audited(m, 1000)
    assert replace(made, population=389, cohort=16, delta=m.delta) == m
    assert m.q <= made.q < m.q + 1 / 1000
    assert made.delta == 0.01 / 1000 < m.delta
    assert audited(replace(m, delta=1e-9), 1000).delta == 1e-9
    assert audited(replace(m, cohort=389), 1000).cohort == 1000


@pytest.mark.parametrize("sampling", ["poisson", "fixed"])
def test_places_are_held_as_the_coins_fell(sampling):
    m, heads = Mechanism(sampling, 20, 5, 2, 1.0, 0.5, 1e-4), coins(1, 20)
    contribution = canary_updates(start(), heads, m, 1)
    assert 0 < heads.sum() < 20
    for person in range(20):
        update, direction = contribution(b"", 1, person), signs(1, person, SIZE) / np.sqrt(SIZE)
        if heads[person] or sampling == "fixed":
            sign = 1 if heads[person] else -1
            np.testing.assert_allclose(flat(update), sign * LENGTH * 0.5 * direction, rtol=1e-5)
        else:
            assert all(np.isnan(tensor).all() for tensor in update.values())


def test_who_is_not_there_leaves_no_trace(monkeypatch):
    """Not even in the count of a clip that adapts: as if the cohort had been drawn among the others alone."""
    m, heads, seed = replace(MECHANISMS["a clip that adapts"], population=40, cohort=20), coins(2, 40), 2
    with_nobody = observe(start(), heads, m, seed)
    monkeypatch.setitem(private.DRAWS, "poisson", lambda *of: [p for p in poisson_cohort(*of) if heads[p]])
    np.testing.assert_array_equal(with_nobody.projections, observe(start(), heads, m, seed).projections)


@pytest.mark.parametrize("name", ["rounds of some", "a clip that adapts"])
def test_what_the_attacker_sees_without_noise(name):
    """A canary's own part is 1 in the rounds that drew it; of the others' a hair: directions are nearly orthogonal."""
    seed, heads = 3, coins(3, 30)
    m = replace(MECHANISMS[name], population=30, cohort=6, noise_multiplier=0.0)
    seen = observe(start(), heads, m, seed)
    part = np.array([[heads[p] and p in poisson_cohort(30, 6, n, seed) for n in range(1, 5)] for p in range(30)])
    np.testing.assert_allclose(seen.projections, part, atol=4 * np.sqrt(6 / SIZE))
    # the model moves by the sum of orthogonal parts, so far as they are
    np.testing.assert_allclose(seen.noise, np.sqrt(part.sum(axis=0) / SIZE), rtol=0.1)
    whole = np.linalg.norm(part.sum(axis=1))
    np.testing.assert_allclose(seen.cosines, part.sum(axis=1) / whole, atol=0.1)


@pytest.mark.parametrize(("sampling", "distance"), [("poisson", 1.0), ("fixed", 2.0)])
def test_the_estimate_through_a_round_of_everyone(sampling, distance):
    """A Gaussian mechanism of known epsilon: 4.377 at sigma 1 and delta 1e-5 where a person is zeroed out."""
    m = Mechanism(sampling, 1000, 1000, 1, 1.0, 0.5, 1e-5)
    true = gaussian_epsilon(Gaussian(0, 1), Gaussian(distance, 1), 1e-5)
    found = audit(start(size=60_000), m, "rdp", AuditSettings(canaries=1000), 0)["epsilon_estimate"]
    assert 0.9 * true < found < 1.35 * true, "from so few it comes out high"


def test_an_estimate_needs_two():
    with pytest.raises(PrivatuneError, match="too few canaries: the coins chose 1 to send an update"):
        estimate(np.ones(1), 10, MECHANISMS["rounds of some"])
