import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit

from privatune.core.streams import stream
from privatune.evaluation.resampling import resamples
from privatune.report.intervals import (
    BOTH,
    SEEDS,
    TEXT,
    Error,
    difference,
    interval,
    mean,
    ratio,
    text_errors,
)
from privatune.report.verdicts import UNDECIDED, higher, lower, verdict


def models(values, first_seed=0, number=1):
    return pd.DataFrame({"seed": range(first_seed, first_seed + len(values)), "round": number, "ppl": values})


def test_the_interval_covers_the_mean_as_often_as_it_says():
    draws = stream(0, "coverage").normal(5, 2, (4000, 3))
    found = [interval(sample) for sample in draws]
    assert np.mean([one.low <= 5 <= one.high for one in found]) == pytest.approx(0.95, abs=0.012)


def test_fewer_than_two_values_have_no_interval():
    assert interval([4.0])[:1] == (4.0,) and math.isnan(interval([4.0]).low) and interval([4.0]).n == 1
    assert math.isnan(interval([]).middle) and interval([math.nan]).n == 0


def test_pairs_are_made_by_seed():
    ours, theirs = models([10.0, 20.0, 30.0]), models([1.0, 2.0, 3.0], first_seed=1).iloc[::-1]
    found = difference(ours, theirs, "ppl")
    assert found.n == 2 and found.middle == pytest.approx(((20 - 1) + (30 - 2)) / 2)


def test_the_initial_model_is_the_same_under_every_seed():
    ours, initial = models([10.0, 20.0], first_seed=3), models([5.0], number=0)
    assert difference(ours, initial, "ppl").middle == 10 and difference(ours, initial, "ppl").n == 2
    assert difference(initial, ours, "ppl").middle == -10 and difference(initial, ours, "ppl").n == 2


def test_a_model_measured_on_one_text_has_one_number_of_clusters_and_needs_no_round():
    """Sentences of a classifier are all of one kind; a text of two kinds keeps the smaller number of both."""
    resampled = {"ppl_resampled": "9 11 10 10", "seed": [0], "ppl": 10.0}
    error = math.sqrt(2 / 3)
    for clusters, freedom in ((30, 29), (3, 2)):
        found = mean(pd.DataFrame(resampled | {"clusters": clusters}), "ppl")
        assert (found.high - found.middle) == pytest.approx(stdtrit(freedom, 0.975) * error)
    both = {"clusters_general": 50, "clusters_user": 3}
    assert mean(pd.DataFrame(resampled | both), "ppl")[:3] == pytest.approx(found[:3])
    two = pd.DataFrame({"seed": [0, 1], "ppl": [1.0, 2.0]})
    assert difference(two, two.assign(ppl=[0.0, 5.0]), "ppl").n == 2


def test_pairing_takes_out_what_the_seeds_share():
    shared = np.array([10.0, 50.0, 90.0])
    found = difference(models(shared + np.array([1.0, 1.1, 0.9])), models(shared), "ppl")
    assert 0.7 < found.low < 1 < found.high < 1.3


def test_nothing_to_compare_with_gives_nothing():
    assert difference(models([1.0]), models([]), "ppl").n == 0
    assert difference(models([]), models([1.0], number=0), "ppl").n == 0


@given(st.floats(0.1, 10), st.lists(st.floats(1, 1000), min_size=2, max_size=6))
def test_a_ratio_knows_no_unit(scale, values):
    theirs = [100.0 + place for place in range(len(values))]
    one = ratio(models(values), models(theirs), "ppl")
    two = ratio(models([scale * value for value in values]), models(theirs), "ppl")
    assert two[:3] == pytest.approx(tuple(scale * part for part in one[:3]), rel=1e-6)
    assert one.low <= one.middle <= one.high


# below: models measured on persons, of whom each sample draws a few. A person has a level of nats per word, and every
# model adds to it; a replicate adds what its devices do. Sums over persons become perplexities, as evaluation has them.

PERSONS, WORDS = 30, 200


def measured(draw, effect, seeds=1, spread=0.0, own=0.0, sample=0, first_seed=0):
    """Rows of one model: perplexity of a sample of persons and of its resamples.

    Args:
        draw: of the persons' levels and word counts, shared by all models of a trial.
        effect: nats per word that the model adds.
        seeds, spread: replicates, and the deviation of what each adds.
        own: deviation, by person, of what the model adds: its answer differs from person to person.
        sample: seed of the sample, as evaluation has it.
    """
    levels, words = draw.normal(5, 0.4, PERSONS), draw.integers(WORDS // 2, 2 * WORDS, PERSONS)
    answers = draw.normal(0, own, PERSONS) if own else 0
    weights = resamples(PERSONS, 100, sample, "user")
    rows = []
    for seed in range(seeds):
        nats = words * (levels + effect + answers + (draw.normal(0, spread) if spread else 0))
        again = np.exp(weights @ nats / (weights @ words))
        cell = " ".join(f"{value:.6g}" for value in again)
        value = math.exp(nats.sum() / words.sum())
        rows.append(
            {"seed": first_seed + seed, "ppl_user": value, "ppl_user_resampled": cell, "clusters_user": PERSONS}
        )
    return pd.DataFrame(rows).assign(round=1)


def trials(count, **arguments):
    """Pairs of models; both see the same persons under one trial."""
    for trial in range(count):
        yield [
            measured(stream(trial, "persons"), 0.0, sample=trial),
            measured(stream(trial, "persons"), sample=trial, **arguments),
        ]


@pytest.mark.slow
def test_the_combined_interval_of_a_difference_covers_the_truth_as_often_as_it_says():
    """Persons answer differently to fine-tuning, and devices differ: by the seeds alone the interval is too narrow."""
    covered, of_seeds = [], []
    for initial, tuned in trials(200, effect=-0.3, seeds=5, spread=0.02, own=0.15):
        found = ratio(tuned, initial.assign(round=0), "ppl_user")
        assert found.sources == BOTH and found.n == 5
        covered.append(found.low <= math.exp(-0.3) <= found.high)
        plain = ratio(
            *(rows.drop(columns="ppl_user_resampled") for rows in (tuned, initial.assign(round=0))), "ppl_user"
        )
        assert plain.sources == SEEDS
        of_seeds.append(plain.low <= math.exp(-0.3) <= plain.high)
    assert 0.90 <= np.mean(covered) <= 0.98
    assert np.mean(of_seeds) < 0.8, "the test tells the two apart"


def test_the_interval_of_one_models_perplexity_covers_it_too():
    truth = math.exp(5)
    found = [
        mean(measured(stream(trial, "one"), 0.0, seeds=4, spread=0.1, sample=trial), "ppl_user") for trial in range(200)
    ]
    assert 0.90 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.98


def test_pairing_by_text_keeps_a_small_difference_visible():
    """Persons differ by 40 % in perplexity, the models by 1 %: what the sample does to both of them cancels."""
    for initial, tuned in trials(20, effect=-0.01, seeds=3, spread=0.001, own=0.005):
        found = ratio(tuned, initial.assign(round=0), "ppl_user")
        assert verdict(lower(), found.map(lambda quotient: quotient - 1), 0.0) == "holds"
        alone = mean(initial, "ppl_user")
        assert (alone.high - alone.low) / alone.middle > 0.1, "the sample itself is that coarse"


def test_one_replicate_has_an_interval_of_the_text_that_is_named_and_decides_nothing():
    [(initial, tuned)] = trials(1, effect=-0.3, own=0.1)
    found = difference(tuned, initial.assign(round=0), "ppl_user")
    assert (found.n, found.sources) == (1, TEXT) and found.low < found.middle < found.high < 0
    assert verdict(lower(), found, 0.0) == verdict(higher(), found, 0.0) == UNDECIDED


def test_replicates_that_are_all_equal_do_not_get_an_interval_from_the_text():
    [(initial, tuned)] = trials(1, effect=-0.3, seeds=4)
    found = difference(tuned, initial.assign(round=0), "ppl_user")
    assert found.sources == SEEDS and found.low == found.high
    assert verdict(lower(), found, 0.0) == UNDECIDED


def test_models_measured_on_other_resamples_are_not_paired_by_text():
    [(initial, tuned)] = trials(1, effect=-0.3, seeds=3, spread=0.1)
    short = initial.assign(round=0, ppl_user_resampled=initial["ppl_user_resampled"].str.split().str[:50].str.join(" "))
    for other in (
        short,
        initial.assign(round=0, ppl_user_resampled=math.nan),
        initial.drop(columns="ppl_user_resampled"),
    ):
        assert difference(tuned, other.assign(round=0), "ppl_user").sources == SEEDS


def test_a_model_without_rounds_is_the_same_under_every_seed():
    [(initial, tuned)] = trials(1, effect=-0.3, seeds=3, spread=0.1)
    found = difference(tuned, initial.assign(round=math.nan), "ppl_user")
    assert found.n == 3 and found.sources == BOTH


def test_the_squares_of_half_widths_add():
    one, both, text = (
        interval([1.0, 2.0, 4.0]),
        interval([1.0, 2.0, 4.0], Error(0.5, 30)),
        interval([2], Error(0.5, 30)),
    )
    assert both.low < one.low < one.high < both.high and both.middle == one.middle
    assert both.high - both.low == pytest.approx(math.hypot(one.high - one.low, text.high - text.low))
    assert both.at(0.95) == (both.low, both.high) and both.at(0.99)[0] < both.low
    more = both.at(0.95, 1000)
    assert both.low < more[0] < text.low + both.middle - text.middle, "more replicates leave the error of the text"
    assert both.map(math.exp).at(0.9)[1] == pytest.approx(math.exp(both.at(0.9)[1]))


def test_a_models_standard_error_is_the_spread_of_its_resamples():
    made = pd.DataFrame({"ppl_user_resampled": ["1 2 3", math.nan], "clusters_user": 3})
    found = text_errors(made)
    assert found["ppl_user_se"].iloc[0] == 1 and math.isnan(found["ppl_user_se"].iloc[1])
