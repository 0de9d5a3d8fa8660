"""The noisy mean: against a slow reference, at its edges, and the pitfalls of private training by name."""

import inspect
import math
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.core.vectors import shapes_of
from privatune.federation.cohorts import fixed_cohort, poisson_cohort
from privatune.privacy.clipping import clip_update, clipped_sum, joined_sum, unit_of
from privatune.privacy.mechanism import COUNT_UNIT, Mechanism, noisy_mean, whole_deviation
from privatune.privacy.noise import discrete_gaussian
from privatune.privacy.settings import AdaptiveClipSettings

LIKE = {"bias": (3,), "weight": (2, 3)}
KEY = (7, 1)
FINITE = st.floats(-(2.0**100), 2.0**100, width=32)
UPDATES = st.fixed_dictionaries({name: arrays(np.float32, shape, elements=FINITE) for name, shape in LIKE.items()})


def mechanism(**changes):
    values = {"sampling": "poisson", "population": 50, "cohort": 4, "rounds": 10, "noise_multiplier": 0.8, "clip": 0.5}
    return Mechanism(**(values | {"delta": 1e-3} | changes))


def draw(seed, scale=1.0):
    rng = stream(seed, "test update")
    return {name: (scale * rng.standard_normal(shape)).astype(np.float32) for name, shape in LIKE.items()}


def released(m, updates, persons, like, clip, key):
    """The noisy mean of a round in one part."""
    return noisy_mean(m, [clipped_sum(updates, like, clip, m.spacing(clip))], persons, clip, key)


def exact_square(values):
    """The square of an L2 norm without rounding."""
    return sum(Fraction(value) ** 2 for value in np.ravel(values).tolist())


def vector(update):
    return np.concatenate([np.ravel(update[name]) for name in sorted(update)])


def noise_of(m, clip, key, purpose="privacy noise", size=9):
    """The noise on a sum, as the mechanism draws it, in units of the updates."""
    deviation = whole_deviation(m.noise_of_sum, clip, m.spacing(clip))
    return m.spacing(clip) * discrete_gaussian(size, deviation, key[0], purpose, key[1])


def slow_noisy_sum(updates, clip, noise):
    """One long vector, one person after the other."""
    total = np.zeros(9)
    for update in updates:
        one = vector(update).astype(np.float64)
        total += one * min(1.0, clip / max(math.sqrt(math.fsum(value**2 for value in one)), 1e-300))
    return total + noise


@given(update=UPDATES, clip=st.floats(1e-6, 1e6))
def test_a_clipped_update_is_within_the_clip_and_points_the_same_way(update, clip):
    clipped, within = clip_update(update, clip)
    before, after = vector(update).astype(np.float64), vector(clipped)
    norm = math.sqrt(math.fsum((value / 1e15) ** 2 for value in before)) * 1e15
    assert exact_square(after) <= Fraction(clip) ** 2, "not even in the last bits"
    assert within == (norm <= clip) or norm == pytest.approx(clip)
    if within:
        np.testing.assert_array_equal(after, before)
    else:
        np.testing.assert_allclose(after, before * (clip / norm), rtol=1e-9, atol=0)


@given(
    values=arrays(np.float64, st.integers(1, 60), elements=st.floats(-(2.0**500), 2.0**500)),
    clip=st.floats(1e-150, 1e150),
)
def test_a_clip_holds_in_exact_arithmetic(values, clip):
    """Long and short, of sizes whose squares are no doubles; and in whole units, whose squares are summed exactly."""
    for length in (values, values * 2.0**-400, np.repeat(values, 7)):
        assert exact_square(clip_update({"w": length}, clip).update["w"]) <= Fraction(clip) ** 2
        whole = clipped_sum([{"w": length}], {"w": length.shape}, clip, unit := unit_of(clip, 400)).sum["w"]
        assert exact_square(whole) <= (Fraction(clip) / Fraction(unit)) ** 2


def test_updates_near_the_clip_are_clipped_below_it():
    """Where rounding decides: norms within a few last bits of the clip, of many values."""
    for seed in range(300):
        update = draw(seed)
        clip = math.sqrt(math.fsum(value**2 for value in vector(update).astype(np.float64)))
        for near in (clip * (1 + n * 2.0**-52) for n in range(-4, 5)):
            assert exact_square(vector(clip_update(update, near).update)) <= Fraction(near) ** 2


@pytest.mark.parametrize("clip", [1e-160, 1e160, math.inf, math.nan, 0.0])
def test_a_clip_of_which_sums_would_leave_the_range_is_refused(clip):
    with pytest.raises(PrivatuneError, match=r"privacy\.clip: the clip became .*, which is too small or too large"):
        unit_of(clip, 10)


@given(noise=st.floats(1e-6, 1e6), clip=st.floats(1e-6, 1e6), share=st.floats(0.01, 0.99))
def test_sums_and_noise_fit_and_the_noise_is_no_less_than_stated(noise, clip, share):
    m = mechanism(population=10_000_000, delta=1e-9, noise_multiplier=noise, clip=clip)
    for each in (m, replace(m, adaptive=AdaptiveClipSettings(budget_share=share))):
        unit = each.spacing(clip)
        deviation = whole_deviation(each.noise_of_sum, clip, unit)
        # what docs/dp-fedavg.md proves with: continuous noise of the variance d^2 - 9, and z S on the sum
        asked = (
            Fraction(noise) ** 2 / (1 if each is m else 1 - Fraction(share)) * (Fraction(clip) / Fraction(unit)) ** 2
        )
        assert deviation**2 - 9 >= asked
        assert deviation <= 1.001 * each.noise_of_sum * clip / unit + 6
        assert 10_000_000 * Fraction(clip) / Fraction(unit) + 64 * deviation < 2**63
    assert whole_deviation(0.0, clip, unit) == 0


def test_clipping_is_flat_and_not_by_tensor():
    update = {"a": np.array([3.0], np.float32), "b": np.array([[4.0]], np.float32)}
    clipped, within = clip_update(update, 1.0)
    assert not within
    assert (clipped["a"].item(), clipped["b"].item()) == pytest.approx((0.6, 0.8))


def test_noisy_mean_is_the_slow_one():
    updates = [draw(seed, scale) for seed, scale in enumerate([0.01, 1.0, 30.0])]
    m = mechanism()
    release = released(m, updates, [3, 9, 11], LIKE, 0.5, KEY)
    expected = slow_noisy_sum(updates, 0.5, noise_of(m, 0.5, KEY)) / 4
    np.testing.assert_allclose(vector(release.mean), expected, rtol=1e-12, atol=1e-13)
    assert {name: tensor.dtype for name, tensor in release.mean.items()} == dict.fromkeys(LIKE, np.float64)
    assert (release.next_clip, release.refused) == (0.5, 0)


def test_pitfall_1_the_sum_is_divided_by_the_public_cohort_size():
    """Poisson: three came where four are expected; the fourth would have moved the mean by its update over four."""
    updates = [draw(seed, 0.01) for seed in range(4)]
    three, four = (released(mechanism(), updates[:n], range(n), LIKE, 0.5, KEY).mean for n in (3, 4))
    np.testing.assert_allclose(vector(four) - vector(three), vector(updates[3]) / 4, rtol=1e-9)


@given(data=st.data(), clip=st.floats(0.01, 10), sampling=st.sampled_from(["poisson", "fixed"]))
def test_pitfall_2_the_sensitivity_is_what_the_mechanism_says(data, clip, sampling):
    """One person more or another, whatever they send: the sum moves no farther."""
    m = mechanism(sampling=sampling, clip=clip, noise_multiplier=0.0)
    cohort = [data.draw(UPDATES) for _ in range(4)]
    others = [*cohort[:3], data.draw(UPDATES)] if sampling == "fixed" else cohort[:3]
    sums = [4 * vector(released(m, updates, range(len(updates)), LIKE, clip, KEY).mean) for updates in (cohort, others)]
    assert np.linalg.norm(sums[0] - sums[1]) <= m.sensitivity * (1 + 1e-9)
    assert m.sensitivity == (2 * clip if sampling == "fixed" else clip)


def test_pitfall_2_the_sensitivity_is_reached():
    m = mechanism(sampling="fixed", cohort=1, noise_multiplier=0.0)
    plus, minus = ({name: sign * np.ones(shape) for name, shape in LIKE.items()} for sign in (1, -1))
    sums = [vector(released(m, [update], [0], LIKE, 0.5, KEY).mean) for update in (plus, minus)]
    assert np.linalg.norm(sums[0] - sums[1]) == pytest.approx(m.sensitivity)


@pytest.mark.parametrize("sampling", ["poisson", "fixed"])
def test_a_scalar_is_clipped_and_noised_as_a_vector_of_one_value(sampling):
    """Its sum moves by the clip, or by twice the clip, as a vector's does, and the noise is that of the multiplier."""
    m = mechanism(sampling=sampling, noised="scalar", unit="example")
    sent = [{"x": np.array(value)} for value in (0.2, -0.3, 7.0, -9.0)]
    (mean,) = released(m, sent, range(4), {"x": ()}, 0.5, KEY).mean.values()
    assert mean == pytest.approx((0.2 - 0.3 + 0.5 - 0.5 + noise_of(m, 0.5, KEY, size=1)[0]) / 4)
    assert m.sensitivity == mechanism(sampling=sampling).sensitivity
    with pytest.raises(PrivatuneError, match="an update has 9 values, but a scalar is accounted for"):
        released(m, [draw(number) for number in range(4)], range(4), LIKE, 0.5, KEY)


def test_pitfall_3_cohorts_are_drawn_as_they_are_accounted_for():
    """fixed: uniform, anew each round; Poisson: as often as q says, of a size that varies as a binomial does."""
    rounds, persons, size = 4000, 10, 3
    fixed = [fixed_cohort(persons, size, n, 0) for n in range(rounds)]
    poisson = [poisson_cohort(persons, size, n, 0) for n in range(rounds)]
    assert {len(set(drawn)) for drawn in fixed} == {size}
    for cohorts in (fixed, poisson):
        times = np.bincount(np.concatenate(cohorts).astype(int), minlength=persons)
        # five standard deviations of a binomial; a person of one round is as likely in the next
        assert np.abs(times - rounds * 0.3).max() < 5 * math.sqrt(rounds * 0.21)
        again = sum(0 in this and 0 in after for this, after in pairwise(cohorts))
        assert abs(again - rounds * 0.09) < 5 * math.sqrt(rounds * 0.09 * 0.91) * 1.5
        pairs = sum(0 in drawn and 1 in drawn for drawn in cohorts)
        expected = rounds * (0.09 if cohorts is poisson else 3 / 10 * 2 / 9)
        assert abs(pairs - expected) < 5 * math.sqrt(expected)
    sizes = np.array([len(drawn) for drawn in poisson])
    assert sizes.var() == pytest.approx(persons * 0.21, rel=0.1)
    assert fixed_cohort(5, 5, 1, 0) != fixed_cohort(5, 5, 2, 0) or fixed_cohort(5, 5, 3, 0) != fixed_cohort(5, 5, 1, 0)
    assert sorted(fixed_cohort(5, 5, 1, 0)) == poisson_cohort(5, 5, 1, 0) == list(range(5))
    assert fixed_cohort(200, 9, 4, 1) == fixed_cohort(200, 9, 4, 1) != fixed_cohort(200, 9, 4, 2)
    assert poisson_cohort(200, 9, 4, 1) == poisson_cohort(200, 9, 4, 1) != poisson_cohort(200, 9, 5, 1)
    for function in (fixed_cohort, poisson_cohort):
        with pytest.raises(PrivatuneError, match=r"cohort: a round needs 6 persons, but only 5"):
            function(5, 6, 1, 0)


def test_pitfall_3_sampling_with_replacement_is_refused():
    with pytest.raises(PrivatuneError, match="in the cohort twice; draw it without replacement"):
        released(mechanism(), [draw(0), draw(1)], [8, 8], LIKE, 0.5, KEY)
    with pytest.raises(PrivatuneError, match="the cohort has 3 persons, but 4 are accounted for"):
        released(mechanism(sampling="fixed"), [draw(n) for n in range(3)], range(3), LIKE, 0.5, KEY)
    with pytest.raises(PrivatuneError, match="outside the population of 50; draw it from"):
        released(mechanism(), [draw(0)], [50], LIKE, 0.5, KEY)


def test_pitfall_5_empty_cohort_zero_update_one_person():
    noise = noise_of(mechanism(), 0.5, KEY) / 4
    empty = released(mechanism(), [], [], LIKE, 0.5, KEY)
    np.testing.assert_allclose(vector(empty.mean), noise)
    zero = {name: np.zeros(shape, np.float32) for name, shape in LIKE.items()}
    assert clip_update(zero, 0.5).within
    np.testing.assert_array_equal(vector(released(mechanism(), [zero], [2], LIKE, 0.5, KEY).mean), vector(empty.mean))
    alone = released(mechanism(cohort=1, noise_multiplier=0.0), [draw(1, 1e-3)], [2], LIKE, 0.5, KEY)
    np.testing.assert_allclose(vector(alone.mean), vector(draw(1, 1e-3)))
    none = {"nothing": np.zeros((0, 3), np.float32)}
    assert released(mechanism(), [none], [2], shapes_of(none), 0.5, KEY).mean["nothing"].shape == (0, 3)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("adaptive", [None, AdaptiveClipSettings()])
def test_pitfall_6_what_is_not_finite_is_refused_and_counted_privately(value, adaptive):
    """It counts as zero: an error would tell of it, and no value of one person may move the count by more than 1/2."""
    bad = draw(0)
    bad["weight"][1, 2] = value
    with pytest.raises(PrivatuneError, match="holds NaN or infinity"):
        clip_update(bad, 0.5)
    m = mechanism(adaptive=adaptive)
    with_it = released(m, [draw(1), bad], [2, 3], LIKE, 0.5, KEY)
    without = released(m, [draw(1)], [2], LIKE, 0.5, KEY)
    assert (with_it.refused, without.refused) == (1, 0)
    np.testing.assert_array_equal(vector(with_it.mean), vector(without.mean))
    assert with_it.next_clip == without.next_clip


def test_pitfall_6_values_whose_squares_are_not_finite_are_clipped():
    huge = {"bias": np.full(3, 1e300), "weight": np.full((2, 3), -1e300)}
    assert np.linalg.norm(vector(clip_update(huge, 0.5).update)) == pytest.approx(0.5)
    tiny = {"bias": np.full(3, 1e-300), "weight": np.zeros((2, 3))}
    assert np.linalg.norm(vector(clip_update(tiny, 1e-301).update) * 1e300) == pytest.approx(0.1)


def test_pitfall_7_every_person_has_weight_one():
    """A person of ten times the text, whose update is longer, counts as another who points the same way."""
    m = mechanism(noise_multiplier=0.0)
    lengths = [vector(released(m, [draw(0, scale), draw(1)], [2, 3], LIKE, 0.5, KEY).mean) for scale in (10.0, 100.0)]
    np.testing.assert_allclose(*lengths, rtol=1e-6)
    names = {name for function in (clipped_sum, noisy_mean) for name in inspect.signature(function).parameters}
    assert names == {"mechanism", "updates", "sums", "persons", "like", "clip", "unit", "key"}, "no weight"
    with pytest.raises(PrivatuneError, match="2 updates from a cohort of 1, but each person sends one"):
        released(m, [draw(0), draw(0)], [2], LIKE, 0.5, KEY)


def test_pitfall_8_noise_has_a_stream_of_its_own():
    """Another seed or round, other noise; the same ones, the same noise, so that a retry releases nothing new."""
    m = mechanism()

    def made(seed, number):
        return vector(released(m, [], [], LIKE, 0.5, (seed, number)).mean)

    np.testing.assert_array_equal(made(0, 1), made(0, 1))
    assert len({made(seed, number).tobytes() for seed in (0, 1, 1 << 127) for number in (1, 2)}) == 6


@pytest.mark.parametrize("sampling", ["poisson", "fixed"])
def test_noise_has_the_deviation_that_it_says(sampling):
    like = {"a": (400, 250), "b": (100_000,)}
    m = mechanism(sampling=sampling, cohort=5, noise_multiplier=1.3, clip=0.2)
    zero = {name: np.zeros(shape, np.float32) for name, shape in like.items()}
    values = vector(released(m, [zero] * 5, range(5), like, 0.2, KEY).mean)
    sigma = 1.3 * 0.2 / 5  # z S / M, as the paper
    assert values.std() == pytest.approx(sigma, rel=0.01)  # 200,000 values: a standard error of 0.16 %
    assert abs(values.mean()) < 5 * sigma / math.sqrt(len(values))
    # the fourth moment of a normal
    assert (values**4).mean() / sigma**4 == pytest.approx(3, rel=0.03)


def test_pitfall_9_no_clip_chosen_on_the_way_without_a_budget():
    with pytest.raises(PrivatuneError, match=r"clip: 0\.4, but 0\.5 is accounted for"):
        released(mechanism(), [], [], LIKE, 0.4, KEY)
    released(mechanism(adaptive=AdaptiveClipSettings()), [], [], LIKE, 0.4, KEY)
    nobody = clipped_sum([], LIKE, 0.5, mechanism().spacing(0.5))
    with pytest.raises(PrivatuneError, match=r"the round's sums were not clipped at 0\.2"):
        noisy_mean(mechanism(adaptive=AdaptiveClipSettings()), [nobody], [], 0.2, KEY)
    for clip in (0.0, math.inf, math.nan):
        with pytest.raises(PrivatuneError, match="cannot serve as a bound"):
            noisy_mean(mechanism(adaptive=AdaptiveClipSettings()), [nobody], [], clip, KEY)


def test_adaptive_clipping_finds_the_quantile():
    """Norms are uniform on 0 to 1: the clip goes to their quantile, from above and from below (Andrew et al. 2021)."""
    like, norms = {"w": (1,)}, (np.arange(400) + 0.5) / 400
    updates = [{"w": np.array([norm])} for norm in norms]
    for start, quantile in ((2.0, 0.5), (0.05, 0.8)):
        adaptive = AdaptiveClipSettings(quantile=quantile, budget_share=0.2)
        m = mechanism(population=400, cohort=400, rounds=70, clip=start, adaptive=adaptive, noise_multiplier=1.0)
        clip, clips = start, []
        for number in range(1, 71):
            clip = released(m, updates, range(400), like, clip, (0, number)).next_clip
            clips.append(clip)
        assert np.mean(clips[-20:]) == pytest.approx(quantile, abs=0.02)


def test_adaptive_clipping_by_hand():
    adaptive = AdaptiveClipSettings(quantile=0.5, rate=0.2, budget_share=0.36)
    m = mechanism(adaptive=adaptive, noise_multiplier=0.8)
    assert m.noise_of_sum == pytest.approx(0.8 / 0.8)
    assert m.noise_of_count == pytest.approx(0.8 / 2 / 0.6)
    release = released(m, [draw(0, 1e-3), draw(1, 1e-3), draw(2, 50)], [1, 2, 3], LIKE, 0.5, KEY)
    deviation = whole_deviation(m.noise_of_count, 1.0, COUNT_UNIT)
    noise = COUNT_UNIT * discrete_gaussian(1, deviation, 7, "clip count noise", 1)[0]
    # of four expected: two within, one beyond, one that did not come and counts 0
    share = 0.5 + (0.5 + 0.5 - 0.5 + noise) / 4
    assert release.next_clip == pytest.approx(0.5 * math.exp(-0.2 * (share - 0.5)))
    wider = released(m, [], [], LIKE, 0.5, KEY).mean
    np.testing.assert_allclose(vector(wider), noise_of(m, 0.5, KEY) / 4)
    assert m.spacing(0.5) * whole_deviation(m.noise_of_sum, 0.5, m.spacing(0.5)) == pytest.approx(0.8 * 0.5 / 0.8)


def test_pitfall_12_only_the_noisy_mean_is_public():
    """What a release holds: no cohort, no norm, no count; the one private figure is named as such."""
    release = released(mechanism(), [draw(0)], [2], LIKE, 0.5, KEY)
    assert release._fields == ("mean", "next_clip", "refused")
    assert "`refused` stays on the server" in type(release).__doc__


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cohort": 51}, "cohort: 51 persons per round cannot be drawn from 50; take 1 to 50"),
        ({"cohort": 0}, "cohort: 0 persons per round"),
        ({"rounds": 0}, "rounds: 0 rounds are too few; take 1 or more"),
        ({"clip": math.inf}, "clip: inf cannot serve as a bound"),
        ({"clip": 0.0}, r"clip: 0\.0 cannot serve as a bound"),
        ({"noise_multiplier": -1.0}, r"noise_multiplier: -1\.0"),
        ({"noise_multiplier": math.nan}, "noise_multiplier: nan"),
        ({"delta": 0.02}, r"delta: 0\.02 is not between 0 and 1 / 50 persons"),
        ({"delta": 0.0}, "delta: 0 is not between"),
        ({"unit": "example", "cohort": 51}, "cohort: 51 examples per round cannot be drawn from 50"),
        ({"unit": "example", "delta": 0.02}, "is not between 0 and 1 / 50 examples"),
        ({"unit": "household"}, "there is no epsilon for unit household"),
        ({"noised": "matrix"}, "there is no epsilon for unit user and a noised matrix"),
    ],
)
def test_a_mechanism_of_which_nothing_could_be_claimed(changes, message):
    with pytest.raises(PrivatuneError, match=message):
        mechanism(**changes)


@given(
    updates=st.lists(UPDATES, min_size=1, max_size=6),
    cuts=st.lists(st.integers(0, 6), max_size=3),
    order=st.randoms(use_true_random=False),
    clip=st.floats(1e-3, 1e6),
)
def test_how_a_cohort_is_cut_into_jobs_changes_no_bit(updates, cuts, order, clip):
    shuffled = order.sample(updates, len(updates))
    edges = [0, *sorted(cuts), len(updates)]
    unit = unit_of(clip, 50)
    parts = [clipped_sum(shuffled[a:b], LIKE, clip, unit) for a, b in pairwise(edges)]
    one, several = clipped_sum(updates, LIKE, clip, unit), joined_sum(parts)
    assert several[1:] == one[1:]
    for name in LIKE:
        np.testing.assert_array_equal(several.sum[name], one.sum[name])
        assert np.abs(one.sum[name]).max() < 2**62


@given(update=UPDATES, clip=st.floats(1e-6, 1e6))
def test_whole_multiples_of_the_unit_are_no_longer_than_the_clip(update, clip):
    summed = clipped_sum([update], LIKE, clip, unit_of(clip, 10_000_000))
    exact = vector(clip_update(update, clip).update)
    taken = summed.unit * vector(summed.sum).astype(np.float64)
    assert exact_square(vector(summed.sum)) <= (Fraction(clip) / Fraction(summed.unit)) ** 2
    assert np.abs(taken - exact).max() <= summed.unit == unit_of(clip, 10_000_000)
    assert summed.unit < clip * 2.0**-36


def test_parts_of_another_clip_or_model_are_refused():
    parts = [clipped_sum([draw(0)], LIKE, clip, unit_of(clip, 50)) for clip in (0.5, 2.0)]
    with pytest.raises(PrivatuneError, match="differ in model or clip"):
        joined_sum(parts)
    with pytest.raises(PrivatuneError, match="differ in model or clip"):
        joined_sum([parts[0], clipped_sum([], {"bias": (3,)}, 0.5, unit_of(0.5, 50))])


@pytest.mark.parametrize("number", [0, 11])
def test_a_round_that_is_not_accounted_for(number):
    with pytest.raises(PrivatuneError, match=f"round {number}: 10 rounds are accounted for"):
        released(mechanism(), [], [], LIKE, 0.5, (7, number))


@pytest.mark.parametrize(
    "tensors",
    [{}, {"bias": (3,)}, LIKE | {"more": (1,)}, {"bias": (1,), "weight": (2, 3)}, {"bias": (3,), "weight": (3,)}],
)
def test_tensors_of_another_shape_would_broadcast(tensors):
    """A bias of one value, added to all three, would move the sum by more than the clip."""
    other = {name: np.ones(shape, np.float32) for name, shape in tensors.items()}
    with pytest.raises(PrivatuneError, match="update 1 of the round: its tensors are not shaped as the model's"):
        released(mechanism(), [other], [2], LIKE, 0.5, KEY)
