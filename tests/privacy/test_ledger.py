"""Phases composed: golden values however a training is cut into them, and what has no common epsilon."""

import math
from dataclasses import replace

import pytest

from privatune.core.errors import PrivatuneError
from privatune.privacy.accounting import epsilon, guarantee
from privatune.privacy.ledger import Phase, entries, together, total
from privatune.privacy.mechanism import Mechanism

ONE = Mechanism("poisson", 10_000, 100, 1000, 1.0, 1.0, 1e-5)  # q = 0.01


def cut(whole, *rounds):
    """The rounds of a mechanism as phases of one training."""
    assert sum(rounds) == whole.rounds
    return [replace(whole, rounds=number) for number in rounds]


@pytest.mark.parametrize(
    ("parts", "low", "high"),
    [
        # Golden values: (q, sigma, T) of ramaswamy-2020.md by PLD, or between the bounds of the PRV accountant
        pytest.param(cut(ONE, 400, 350, 250), 1.8281, 1.8283, marks=pytest.mark.slow),
        (cut(ONE, *[250] * 4), 1.8281, 1.8283),
        pytest.param(
            cut(replace(ONE, cohort=400, noise_multiplier=1.5, rounds=2250), 1250, 1000),
            6.76,
            6.7774,
            marks=pytest.mark.slow,
        ),
        # Gaussians of everyone under 2 z tell as one under z: the first, once; 1 / z^2 adds up
        ([replace(ONE, cohort=10_000, rounds=1)], 4.377168, 4.377188),
        ([replace(ONE, cohort=10_000, rounds=1, noise_multiplier=2.0)] * 4, 4.37715, 4.37721),
        (
            [replace(ONE, cohort=10_000, rounds=r, noise_multiplier=z) for r, z in ((1, 2.0), (12, 4.0))],
            4.37715,
            4.37721,
        ),
    ],
)
def test_golden_values_by_phases(parts, low, high):
    assert low < together(parts, 1e-5) < high


def test_golden_values_of_cohorts_of_a_fixed_size():
    """The paper's 9.107 at 2 million persons, for a sensitivity of S: with 2 S, at twice the noise."""
    whole = Mechanism("fixed", 2_000_000, 20_000, 2000, 1.6, 0.8, 2_000_000**-1.1)
    assert together(cut(whole, 500, 1500), whole.delta) == pytest.approx(9.107, abs=5e-4)


def test_entries_add_up_from_the_most_noise_to_the_least():
    training = replace(ONE, rounds=100, noise_multiplier=3.0)
    tuning = replace(training, rounds=20, noise_multiplier=2.0, delta=1e-6)
    phases = [Phase("b", "tuning", tuning), Phase("b", "training", training), Phase("a", "training", training)]
    phases.append(Phase("b", "training", training))
    whole = total(phases)
    assert (whole.delta, whole.unit) == (1e-6, "user"), "the least delta of any phase"
    made = entries(phases, whole.delta)
    assert [(e.model, e.phase, e.phases) for e in made] == [
        ("b", "training", 2),
        ("a", "training", 1),
        ("b", "tuning", 1),
    ]
    alone = [epsilon([replace(e.mechanism, delta=1e-6)], "pld") for e in made]
    assert [e.epsilon_alone for e in made] == pytest.approx(alone, rel=1e-4)
    so_far = [epsilon([replace(training, rounds=rounds, delta=1e-6)], "pld") for rounds in (200, 300)]
    assert [e.epsilon_so_far for e in made[:2]] == pytest.approx(so_far, rel=1e-4)
    assert made[2].epsilon_so_far == pytest.approx(whole.epsilon, rel=1e-9)
    assert max(so_far[1], alone[2]) < whole.epsilon < so_far[1] + alone[2]


def test_text_as_it_is_makes_the_rest_infinite():
    phases = [Phase("counts", "counts of words", None), Phase("a", "training", replace(ONE, rounds=2))]
    assert [(e.model, math.isinf(e.epsilon_so_far)) for e in entries(phases, 1e-5)] == [("a", False), ("counts", True)]
    assert total(phases) == (math.inf, 1e-5, "user")
    assert total(phases[:1])[0] == math.inf and total(phases[:1]).unit is None
    assert together([replace(ONE, noise_multiplier=0.0)], 1e-5) == math.inf
    assert total([]).epsilon == 0


def test_users_and_examples_have_no_common_epsilon_but_scalars_and_vectors_have():
    part = replace(ONE, cohort=10_000, rounds=2, noise_multiplier=8.0)
    mixed = [part, replace(part, noised="scalar")]
    assert together(mixed, 1e-5) == pytest.approx(together([replace(part, rounds=4)], 1e-5), rel=1e-4)
    examples = [Phase("a", "training", replace(each, unit="example")) for each in mixed]
    assert total(examples) == (pytest.approx(together(mixed, 1e-5)), 1e-5, "example")
    for noise in (1.0, 0.0):
        other = Phase("b", "training", replace(part, noise_multiplier=noise))
        with pytest.raises(PrivatuneError, match="one epsilon cannot protect both users and examples"):
            total([*examples, other])


def test_replacing_one_composes_with_its_own_adjacency_and_mixed_ones_are_bounded_for_zeroing_out():
    zeroing = Mechanism("poisson", 500, 50, 5, 4.0, 1.0, 1e-4, unit="example")
    replacing = replace(zeroing, adjacency="replace one")
    assert together([replacing], 1e-4) == guarantee(replacing).epsilon > together([zeroing], 1e-4)
    twice = together([zeroing, zeroing], 1e-4)
    assert twice <= together([zeroing, replacing], 1e-4) < 1.3 * twice


def test_little_noise_and_small_deltas_are_composed_by_renyi_dp():
    """What a variant with `accountant: rdp` states, its ledger can state too."""
    for mechanism, delta in ((replace(ONE, noise_multiplier=1e-5), 1e-5), (ONE, 1e-20)):
        stated = epsilon([replace(mechanism, delta=delta)], "rdp")
        assert together([mechanism], delta) == pytest.approx(stated, rel=1e-12)
    with pytest.raises(PrivatuneError, match="raise the noise multiplier"):
        together([replace(ONE, noise_multiplier=1e-5, adjacency="replace one")], 1e-5)
