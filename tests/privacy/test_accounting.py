"""Epsilons: the paper's table, golden values of other accountants, and what an epsilon must not be asked of."""

import math
from dataclasses import replace

import numpy as np
import pytest
from dp_accounting import ComposedDpEvent, GaussianDpEvent, NeighboringRelation, PoissonSampledDpEvent
from dp_accounting.rdp import RdpAccountant, compute_epsilon
from scipy.optimize import brentq
from scipy.stats import binom

from privatune.attacks.audit import Gaussian, gaussian_epsilon
from privatune.core.errors import PrivatuneError
from privatune.privacy.accounting import (
    all_rounds,
    carriers_epsilon,
    default_delta,
    epsilon,
    guarantee,
    mechanism_of,
    noise_for,
    paper_delta,
)
from privatune.privacy.composition import ORDERS, RELATIONS, renyi_epsilon
from privatune.privacy.mechanism import ADJACENCIES, Mechanism
from privatune.privacy.settings import AdaptiveClipSettings, PrivacySettings

# Ramaswamy et al. (2020): N, their epsilon, three decimals of it, with 2 S, Poisson; M = 20,000, T = 2,000, z = 0.8
PAPER = [
    (2_000_000, 9.86, 9.857, 213, 6.935),
    (3_000_000, 6.73, 6.733, 106, 5.177),
    (4_000_000, 5.36, 5.356, 68, 4.188),
    (5_000_000, 4.54, 4.535, 50, 3.862),
    (10_000_000, 3.27, 3.269, 26, 3.083),
]


def at_scale(population, sampling="fixed", **changes):
    values = {"cohort": 20_000, "rounds": 2000, "noise_multiplier": 0.8, "clip": 0.8}
    return Mechanism(sampling, population, delta=paper_delta(population), **(values | changes))


def sampled(q, sigma, rounds, delta, clip=1.0):
    """Poisson sampling of a population in which delta is less than one person's share."""
    return Mechanism("poisson", 10_000, round(q * 10_000), rounds, sigma, clip, delta)


@pytest.mark.parametrize(
    ("population", "printed", "exact", "honest", "poisson"),
    [PAPER[0], *(pytest.param(*row, marks=pytest.mark.slow) for row in PAPER[1:])],
)
def test_the_papers_table(population, printed, exact, honest, poisson):
    as_paper = guarantee(at_scale(population), "rdp_plain", as_paper=True)
    assert as_paper.epsilon == pytest.approx(printed, abs=0.01)
    assert as_paper.epsilon == pytest.approx(exact, abs=5e-4)
    assert (as_paper.sensitivity, as_paper.adjacency) == (0.8, "replace one")
    assert epsilon([at_scale(population)], "rdp_plain") == pytest.approx(honest, abs=0.5)
    assert epsilon([at_scale(population, "poisson")], "rdp_plain") == pytest.approx(poisson, abs=5e-4)


def test_the_tighter_conversion():
    assert epsilon([at_scale(2_000_000)], "rdp", as_paper=True) == pytest.approx(9.107, abs=5e-4)


@pytest.mark.parametrize(
    ("q", "sigma", "rounds", "rdp", "low", "high"),
    [
        (0.01, 1, 1000, 2.1014, 1.8182, 1.8384),  # between the bounds of the PRV accountant
        # its one figure is an upper bound
        pytest.param(0.04, 1.5, 2250, 7.32911, 6.76, 6.77740, marks=pytest.mark.slow),
    ],
)
def test_other_accountants(q, sigma, rounds, rdp, low, high):
    mechanism = sampled(q, sigma, rounds, 1e-5)
    assert epsilon([mechanism], "rdp") == pytest.approx(rdp, abs=3e-4)
    assert low < epsilon([mechanism], "pld") < high


def test_pld_and_one_gaussian():
    assert epsilon([sampled(0.01, 1, 1000, 1e-5)], "pld") == pytest.approx(1.8282, abs=1e-4)
    assert epsilon([sampled(1, 1, 1, 1e-5)], "pld") == pytest.approx(4.377178, abs=1e-5)


def one_person_more(persons, sigma, delta):
    """Exact epsilon of one round of everyone (q = M / N = 1) against the same with one person more (q = M / (N + 1)).

    Everybody sends 1 but for the new person, who sends -1, so the sum is one Gaussian against a mixture of binomially
    many: each of the N is left out with probability 1 / (N + 1), though nobody changed their text.
    """
    weights = binom.pmf(np.arange(persons + 1), persons, q := persons / (persons + 1))
    taken = np.flatnonzero(weights > 1e-20)  # nearly all
    weights = weights[taken]
    x = np.linspace(taken[0] - 1 - 12 * sigma, persons + 12 * sigma, 40_001)

    def density(means, shares):
        return np.exp(-(((x[:, None] - means) / sigma) ** 2) / 2) @ shares / (sigma * math.sqrt(2 * math.pi))

    before = density(np.array([float(persons)]), np.ones(1))
    after = (1 - q) * density(taken, weights) + q * density(taken - 1, weights)

    def excess(epsilon):
        ways = [(before, after), (after, before)]
        return max(np.maximum(p - math.exp(epsilon) * q, 0).sum() * (x[1] - x[0]) for p, q in ways) - delta

    return brentq(excess, 0, 60)


@pytest.mark.parametrize(
    ("persons", "z", "delta", "rdp", "pld", "added"),
    [
        (100, 2.0, 1e-4, 1.880, 1.698, 6.756),
        pytest.param(10, 1.0, 1e-3, 3.537, 3.139, 15.39, marks=pytest.mark.slow),
        (1000, 2.3, 1e-4, 1.605, 1.447, 5.345),  # "one round of everyone" of tests/systems/dpfedavg/test_audit.py
    ],
)
def test_a_poisson_epsilon_is_about_zeroing_out_and_not_about_joining(persons, z, delta, rdp, pld, added):
    """With q = M / N one person more changes everybody's q: what is stated must not be said of add or remove."""
    mechanism = Mechanism("poisson", persons, persons, 1, z, 1.0, delta)
    stated = guarantee(mechanism)
    assert (stated.adjacency, stated.accountant) == ("zero out one", "pld")
    assert "zero out one" in str(stated) and "add" not in str(stated)
    assert stated.epsilon == pytest.approx(pld, abs=1e-3)
    assert stated.epsilon_rdp == pytest.approx(rdp, abs=1e-3)
    # zeroed out, with N public: the same round against one whose sum lacks one person's clip
    assert gaussian_epsilon(Gaussian(0, z), Gaussian(1, z), delta) == pytest.approx(stated.epsilon, abs=1e-3)
    assert one_person_more(persons, z, delta) == pytest.approx(added, rel=2e-3)
    assert added > 3 * stated.epsilon


def slow_fixed_rdp(order, q, sigma):
    """Theorem 27 of Wang et al. (2019) at order 2, worked out by hand: one term, no differences of higher order."""
    assert order == 2
    gaussian = 1 / sigma**2
    return math.log(1 + q**2 * min(4 * (math.exp(gaussian) - 1), 2 * math.exp(gaussian)))


def test_pitfall_4_the_adjacency_is_stated_and_used():
    """Fixed-size cohorts pay for 2 S: at the order 2, where the paper's size has its minimum, worked out by hand."""
    mechanism = at_scale(2_000_000)
    stated = guarantee(mechanism, "rdp_plain")
    assert (stated.adjacency, stated.sensitivity, stated.unit) == ("replace one", 1.6, "user")
    by_hand = 2000 * slow_fixed_rdp(2, 0.01, 0.8 / 2) + math.log(1 / mechanism.delta)
    assert stated.epsilon == pytest.approx(by_hand, rel=1e-9)
    other = guarantee(at_scale(2_000_000, "poisson"), "rdp_plain")
    assert (other.adjacency, other.sensitivity) == ("zero out one", 0.8)
    assert epsilon([mechanism]) == pytest.approx(epsilon([replace(mechanism, noise_multiplier=0.4)], as_paper=True)), (
        "2 S at z is S at z / 2"
    )


OF_FIXED_SIZE = r"privacy\.accountant: pld does not support cohorts of fixed size; take rdp"


def test_pitfall_3_the_accountants_sampling_is_the_samplers():
    both = {sampling: at_scale(2_000_000, sampling) for sampling in ("fixed", "poisson")}
    assert epsilon([both["fixed"]]) > 10 * epsilon([both["poisson"]])
    with pytest.raises(PrivatuneError, match=OF_FIXED_SIZE):
        epsilon([both["fixed"]], "pld")
    with pytest.raises(ValueError, match="pld does not support cohorts of fixed size"):
        PrivacySettings(noise_multiplier=1, sampling="fixed", accountant="pld")
    with pytest.raises(PrivatuneError, match=r"privacy\.sampling: shuffled has no accountant; take"):
        at_scale(2_000_000, "shuffled")


@pytest.mark.slow
def test_no_noise_is_found_by_an_accountant_of_another_sampling():
    with pytest.raises(PrivatuneError, match=OF_FIXED_SIZE):
        noise_for(at_scale(2_000_000), 3.0, "pld")


def test_pitfall_9_the_adaptive_clip_is_within_the_budget():
    """The noised sum and the noised count, composed as two Gaussians of one cohort, cost what z does."""
    adaptive = Mechanism("poisson", 1000, 50, 100, 0.9, 0.5, 1e-4, AdaptiveClipSettings(budget_share=0.3))
    orders = [2, 4, 8, 32]
    joint, both = RdpAccountant(orders), RdpAccountant(orders)
    joint.compose(PoissonSampledDpEvent(adaptive.q, GaussianDpEvent(0.9)))
    # the sum moves by the clip, the count of +-1/2 by 1/2
    parts = [GaussianDpEvent(adaptive.noise_of_sum), GaussianDpEvent(adaptive.noise_of_count / 0.5)]
    both.compose(PoissonSampledDpEvent(adaptive.q, ComposedDpEvent(parts)))
    assert both.rdp == pytest.approx(joint.rdp, rel=1e-9)
    assert adaptive.noise_of_sum > 0.9
    assert guarantee(adaptive, "rdp").record() == guarantee(replace(adaptive, adaptive=None), "rdp").record()


@pytest.mark.parametrize("accountant", ["rdp", "rdp_plain", "pld"])
def test_pitfall_11_two_phases_on_the_same_data_compose(accountant):
    whole = sampled(0.01, 2, 60, 1e-5)
    tuning, training = replace(whole, rounds=20), replace(whole, rounds=40)
    assert epsilon([tuning, training], accountant) == pytest.approx(epsilon([whole], accountant), rel=1e-4)
    assert epsilon([tuning, training], accountant) > epsilon([training], accountant)
    for other in ({"sampling": "fixed"}, {"delta": 1e-6}, {"unit": "example"}, {"adjacency": "replace one"}):
        with pytest.raises(PrivatuneError, match="must have the same unit, sampling, adjacency and delta"):
            epsilon([whole, replace(whole, **other)])


@pytest.mark.parametrize(("sampling", "accountant"), [("fixed", "rdp"), ("poisson", "rdp"), ("poisson", "pld")])
def test_a_scalar_and_a_vector_of_equal_noise_have_equal_epsilon_and_the_unit_is_stated(sampling, accountant):
    vector = Mechanism(sampling, 5000, 50, 30, 1.1, 0.5, 1e-5)
    scalar = replace(vector, noised="scalar", unit="example")
    stated, other = guarantee(vector, accountant), guarantee(scalar, accountant)
    assert (stated.epsilon, stated.epsilon_rdp) == (other.epsilon, other.epsilon_rdp)
    assert {k: v for k, v in other.record().items() if stated.record()[k] != v} == {
        "unit": "example",
        "noised": "scalar",
    }
    assert "by user (" in str(stated) and "noise multiplier 1.1 of a vector" in str(stated)
    assert "by example (" in str(other) and "noise multiplier 1.1 of a scalar" in str(other)


def test_no_epsilon_without_noise():
    for accountant in ("rdp", "rdp_plain", "pld"):
        with pytest.raises(PrivatuneError, match="without noise there is no epsilon"):
            guarantee(sampled(0.01, 0, 10, 1e-5), accountant)


@pytest.mark.parametrize("z", [5e-324, 1e-200, 1e-160, 1e-20, 9e-7])
def test_next_to_no_noise_is_refused(z):
    """1e-160 stated an epsilon of 0.0, because the divergence of every order was NaN; 1e-200 divided by zero."""
    with pytest.raises(
        PrivatuneError, match=r"privacy\.noise_multiplier: .* is next to no noise; take 0, .*or at least"
    ):
        sampled(0.01, z, 10, 1e-5)
    with pytest.raises(ValueError, match=r"noise_multiplier: .* is next to no noise"):
        PrivacySettings(noise_multiplier=z)


def test_where_losses_do_not_fit_into_memory_rdp_is_named():
    """An epsilon of 10^14 would take 92 GiB. What the least noise costs can be stated by RDP: T z^-2, about."""
    little = Mechanism("poisson", 1000, 50, 300, 1e-6, 1.0, 1e-5)
    with pytest.raises(PrivatuneError, match=r"privacy\.accountant: pld needs too much memory .*; take rdp, or raise"):
        guarantee(little)
    assert guarantee(little, "rdp").epsilon == pytest.approx(300 * 1.1 / 2 / 1e-12, rel=1e-6), "at the order 1.1"
    with pytest.raises(PrivatuneError, match=r"pld needs too much memory .* 1\.6e\+14; raise the noise multiplier$"):
        epsilon([replace(little, adjacency="replace one")], "pld")


@pytest.mark.slow
@pytest.mark.parametrize("adjacency", [None, "replace one"])
def test_an_infinite_epsilon_is_not_stated(adjacency):
    """What privacy loss distributions cut off is more than this delta: the epsilon ended in a traceback of JSON."""
    rare = Mechanism("poisson", 1000, 50, 30, 1.0, 1.0, 1e-20, adjacency=adjacency)
    instead = "" if adjacency else "take rdp, or "
    for ask in (lambda: epsilon([rare], "pld"), lambda: noise_for(rare, 2.0, "pld")):
        with pytest.raises(PrivatuneError, match=rf"privacy\.delta: pld gives no .* 1e-20; {instead}raise the delta"):
            ask()
    if not adjacency:
        assert 5 < epsilon([rare], "rdp") < epsilon([rare], "rdp_plain") < 15
        with pytest.raises(PrivatuneError, match="rdp_plain gives no finite epsilon"):
            epsilon([replace(rare, delta=1e-320)], "rdp_plain")


def test_an_epsilon_is_one_that_an_order_gives():
    assert renyi_epsilon([2.0, 3.0], [math.nan, -1e-16], 1e-5) == math.inf
    assert renyi_epsilon([2.0, 3.0, 4.0], [math.nan, 1.0, 0.0], 1e-5) == compute_epsilon([3.0], [1.0], 1e-5)[0]
    # 109 of 156 orders are below the rounding of doubles, so that dp-accounting alone states 0 at any delta
    rare = Mechanism("poisson", 10_000_000, 1, 10, 1e5, 1.0, 1e-12)
    alone = RdpAccountant(None, RELATIONS["zero out one"])
    alone.compose(all_rounds(rare, 1e5))
    assert min(alone.rdp) < 0
    assert alone.get_epsilon(1e-12) == 0 < epsilon([rare], "rdp") < 1


def test_carriers_who_never_take_part():
    assert carriers_epsilon(Mechanism("poisson", 100, 5, 12, 1.5, 0.8, 1e-4, carriers=30)) == 0


@pytest.mark.parametrize(
    ("sampling", "accountant", "cohort", "target", "within"),
    [
        # everyone takes part, which is fast to account for
        ("poisson", "rdp", 500, 3.0, 1e-3),
        ("poisson", None, 500, 1.0, 1e-2),
        *(
            pytest.param(*row, marks=pytest.mark.slow)
            for row in (
                ("fixed", None, 25, 6.0, 1e-3),
                ("poisson", "rdp", 25, 3.0, 1e-3),
                ("poisson", None, 25, 1.0, 1e-2),
            )
        ),
    ],
)
def test_noise_for_a_target(sampling, accountant, cohort, target, within):
    settings = PrivacySettings(target_epsilon=target, sampling=sampling, accountant=accountant, delta=1e-4, clip=0.3)
    mechanism = mechanism_of(settings, 500, cohort, 40)
    z, by = mechanism.noise_multiplier, accountant or {"fixed": "rdp", "poisson": "pld"}[sampling]
    assert mechanism == Mechanism(sampling, 500, cohort, 40, z, 0.3, 1e-4)
    assert target - within < epsilon([mechanism], by) <= target, "met by the accountant that is stated"
    assert epsilon([replace(mechanism, noise_multiplier=0.98 * z)], by) > target


def test_a_target_that_needs_next_to_no_noise_is_refused():
    with pytest.raises(
        PrivatuneError, match=r"privacy\.target_epsilon: 9000, in 1 rounds of 1 of 500 persons, would need a"
    ):
        noise_for(Mechanism("poisson", 500, 1, 1, 0.0, 1.0, default_delta(500)), 9000)


@pytest.mark.parametrize(
    ("mechanism", "accountant"),
    [
        pytest.param(Mechanism("fixed", 300, 10, 12, 1.2, 1.0, 1e-3), "rdp", marks=pytest.mark.slow),
        (Mechanism("poisson", 300, 10, 12, 1.2, 1.0, 1e-3), "rdp"),
        (Mechanism("poisson", 50, 20, 1, 2.0, 1.0, 1e-2), "rdp_plain"),
    ],
)
def test_more_noise_fewer_rounds_and_smaller_cohorts_are_worth_more(mechanism, accountant):
    found = epsilon([mechanism], accountant)
    assert epsilon([replace(mechanism, noise_multiplier=1.5 * mechanism.noise_multiplier)], accountant) < found
    assert epsilon([replace(mechanism, rounds=2 * mechanism.rounds)], accountant) > found
    assert epsilon([replace(mechanism, cohort=2 * mechanism.cohort)], accountant) > found
    assert epsilon([replace(mechanism, clip=0.7)], accountant) == found, "noise is in units of the clip"


def test_little_noise_needs_orders_below_two():
    """What a few hundred persons can have: 14.446 by privacy loss distributions, and 57 at whole orders alone."""
    assert 14.446 < epsilon([Mechanism("poisson", 300, 10, 12, 0.3, 1.0, 1e-3)], "rdp") < 20


def test_all_that_must_stand_beside_an_epsilon():
    record = guarantee(at_scale(2_000_000, "poisson"), "rdp").record()
    assert {name: record[name] for name in record if not name.startswith("epsilon")} == {
        "unit": "user",
        "noised": "vector",
        "adjacency": "zero out one",
        "sensitivity": 0.8,
        "sampling": "poisson",
        "population": 2_000_000,
        "cohort": 20_000,
        "q": 0.01,
        "rounds": 2000,
        "noise_multiplier": 0.8,
        "clip": 0.8,
        "delta": 2_000_000**-1.1,
        "accountant": "rdp",
    }
    text = str(guarantee(at_scale(2_000_000, "poisson"), "rdp"))
    for part in (
        "by user",
        "zero out one",
        "poisson",
        "q = 0.01",
        "2,000 rounds",
        "delta",
        "clipped at 0.8",
        "rdp",
    ):
        assert part in text


@pytest.mark.parametrize("sampling", ["poisson", "fixed"])
def test_the_epsilon_of_carriers_is_that_of_a_person_drawn_as_often(sampling):
    mechanism = Mechanism(sampling, 100, 5, 12, 4.0, 0.8, 1e-4, carriers=30, participation=0.5)
    assert carriers_epsilon(mechanism) == epsilon([Mechanism("poisson", 2, 1, 12, 4.0, 0.8, 1e-4)])
    assert carriers_epsilon(mechanism, "pld") == epsilon([Mechanism("poisson", 2, 1, 12, 4.0, 0.8, 1e-4)], "pld")
    if sampling == "poisson":
        assert carriers_epsilon(mechanism) > 2 * epsilon([mechanism])
    # next to no noise: a grid as fine as for small epsilons would fit no memory
    assert carriers_epsilon(replace(mechanism, noise_multiplier=0.001), "pld") > 1e5
    with pytest.raises(PrivatuneError, match="without noise"):
        carriers_epsilon(replace(mechanism, noise_multiplier=0.0))
    with pytest.raises(PrivatuneError, match="and a probability from 0 to 1"):
        replace(mechanism, participation=1.1)


def test_settings_become_a_mechanism():
    given_noise = mechanism_of(PrivacySettings(noise_multiplier=1.1, clip=0.3), 400, 20, 12)
    assert given_noise == Mechanism("poisson", 400, 20, 12, 1.1, 0.3, 1 / 4000)
    for both in ({}, {"noise_multiplier": 1, "target_epsilon": 2}):
        with pytest.raises(ValueError, match="set exactly one of the two"):
            PrivacySettings(**both)


@pytest.mark.parametrize("population", [2, 7, 389, 1000, 10_000_000])
def test_delta_is_at_most_a_tenth_of_a_persons_share(population):
    """With more than 1 / (10 N) to publish one person's text in ten runs would count as private; N^-1.1 is more."""
    stated = mechanism_of(PrivacySettings(noise_multiplier=1), population, 1, 1)
    assert stated.delta * population == pytest.approx(0.1)
    assert stated.delta < paper_delta(population)
    for delta in (stated.delta, stated.delta / 3):
        mechanism_of(PrivacySettings(noise_multiplier=1, delta=delta), population, 1, 1)
    large = {"noise_multiplier": 1, "delta": paper_delta(population)}
    with pytest.raises(PrivatuneError, match=r"privacy\.delta: .* take at most .*, or set privacy\.allow_large_delta"):
        mechanism_of(PrivacySettings(**large), population, 1, 1)
    assert mechanism_of(PrivacySettings(**large, allow_large_delta=True), population, 1, 1).delta == large["delta"]
    with pytest.raises(PrivatuneError, match="is not between 0 and 1 / "):
        mechanism_of(
            PrivacySettings(noise_multiplier=1, delta=1.01 / population, allow_large_delta=True), population, 1, 1
        )


def test_orders_and_relations_are_those_of_the_paper():
    assert list(ORDERS) == [*range(2, 64), 128, 256]
    assert RELATIONS == {
        "zero out one": NeighboringRelation.REPLACE_SPECIAL,
        "replace one": NeighboringRelation.REPLACE_ONE,
    }, "the adjacencies zero out one and replace one"
    assert RELATIONS.keys() == set(ADJACENCIES.values())
    for sampling, adjacency in ADJACENCIES.items():
        relation = RELATIONS[adjacency]
        mechanism = Mechanism(sampling, 1000, 50, 3, 1.5, 1.0, 1e-4)
        direct = RdpAccountant(None if sampling == "poisson" else ORDERS, relation)
        direct.compose(all_rounds(mechanism, 1.5))
        assert epsilon([mechanism], "rdp") == direct.get_epsilon(1e-4), "and these are what an epsilon is computed with"


# DPZero on TREC (Zhang et al. 2024): 512 examples a class, batches of 64, 10,000 steps, delta 1e-5. The multiplier m is
# that of epsilon 2 for 6 x 512 examples. Opacus 1.6.0 gives 2.0000 and 2.3598 by its RDP, and, with errors below 0.01,
# 1.848 and 2.182 by its PRV accountant.
TREC = Mechanism("poisson", 3072, 64, 10_000, 4.551092, 100.0, 1e-5, unit="example", noised="scalar")


@pytest.mark.slow
def test_512_examples_a_class_of_trec_are_fewer_than_the_paper_accounts_for():
    """The rarest class has 86 examples, so there are 2,646 and not 3,072: a nominal epsilon of 2 is 2.36."""
    assert noise_for(TREC, 2.0, "rdp") == pytest.approx(TREC.noise_multiplier, abs=1e-5)
    for examples, rdp, prv in ((3072, 2.0, 1.8483), (2646, 2.3598, 2.1817)):
        stated = guarantee(replace(TREC, population=examples))
        assert stated.epsilon_rdp == pytest.approx(rdp, abs=1e-4)
        assert prv - 0.02 < stated.epsilon < prv
        assert (stated.adjacency, stated.sensitivity, stated.unit) == ("zero out one", 100.0, "example")


@pytest.mark.slow
def test_both_conventions_of_noise():
    """A deviation of m C on the sum for zeroing out, and 2 m C for replacing one, as in the code of DPZero."""
    replacing = replace(TREC, population=2646, adjacency="replace one")
    m = noise_for(replace(replacing, adjacency=None), 2.0, "pld")
    z = noise_for(replacing, 2.0, "pld")
    assert (m, z) == (pytest.approx(4.90533, abs=1e-4), pytest.approx(9.67604, abs=1e-4))
    assert 1.9 * m < z < 2 * m, "the paper's factor of 2 is enough, and nearly what is needed"
    stated = guarantee(replace(replacing, noise_multiplier=z))
    assert (stated.adjacency, stated.sensitivity, stated.accountant) == ("replace one", 200.0, "pld")
    assert stated.epsilon == pytest.approx(2, abs=0.01) and math.isnan(stated.epsilon_rdp)
    assert "by example (replace one, sensitivity 200" in str(stated)
    assert epsilon([replacing], "pld") > 2 * epsilon([replace(replacing, adjacency=None)], "pld")


@pytest.mark.parametrize(("q", "z"), [(1.0, 4.0), (0.3, 3.0), pytest.param(0.05, 0.8, marks=pytest.mark.slow)])
def test_replacing_one_in_one_poisson_batch_by_numerical_integration(q, z):
    """The worst pair: an example that adds C, replaced by one that takes C away."""
    mechanism = replace(TREC, population=1000, cohort=round(1000 * q), rounds=1, noise_multiplier=z, clip=1.0)
    x = np.linspace(-1 - 12 * z, 1 + 12 * z, 40_001)

    def density(mean):
        one, none = (np.exp(-(((x - m) / z) ** 2) / 2) / (z * math.sqrt(2 * math.pi)) for m in (mean, 0.0))
        return q * one + (1 - q) * none

    def excess(eps):
        return np.maximum(density(1.0) - math.exp(eps) * density(-1.0), 0).sum() * (x[1] - x[0]) - mechanism.delta

    stated = guarantee(replace(mechanism, adjacency="replace one")).epsilon
    assert stated == pytest.approx(brentq(excess, 0, 40), abs=1e-3)
    if q == 1:
        twice = replace(mechanism, noise_multiplier=z / 2)
        assert stated == pytest.approx(epsilon([twice], "pld"), abs=1e-3), "2 C at z is C at z / 2"


def test_an_adjacency_without_an_accountant_is_refused():
    replacing = replace(TREC, adjacency="replace one")
    for accountant in ("rdp", "rdp_plain"):
        with pytest.raises(
            PrivatuneError, match=r"rdp.* does not support poisson sampling under replace one; take pld"
        ):
            guarantee(replacing, accountant)
    with pytest.raises(PrivatuneError, match="fixed sampling has no epsilon under zero out one; take replace one"):
        replace(TREC, sampling="fixed", adjacency="zero out one")
    with pytest.raises(PrivatuneError, match="poisson sampling has no epsilon under add or remove; take replace one"):
        replace(TREC, adjacency="add or remove")
    same = replace(TREC, adjacency="zero out one")
    assert epsilon([same, TREC], "rdp") > epsilon([TREC], "rdp"), "stated or not, it is one adjacency"
