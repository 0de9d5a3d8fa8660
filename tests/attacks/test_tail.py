"""The tail of c: the paper's figures, samples of known tails, what the test can and cannot tell apart."""

import math
from pathlib import Path

import numpy as np
import pytest
import tails
import yaml
from hypothesis import given
from hypothesis import strategies as st

from privatune.attacks.generalised_pareto import GeneralisedPareto
from privatune.attacks.settings import TailSettings, TailTestSettings
from privatune.attacks.tail import (
    NOT_REJECTED,
    PAPER_CRITICAL,
    REJECTED,
    UNDECIDED,
    Pareto,
    critical_value,
    epsilon,
    fit_tail,
    fit_tails,
    heavier_epsilon,
    hill,
    lilliefors,
    survival,
)
from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.core.tensors import save_tensors

# alpha, C, KS of the 20 pairs: table 3 of Popov et al. (2018)
TABLE_3 = [
    (15.8, 3.25, 0.49), (20.9, 5.64, 0.91), (15.1, 2.02, 0.48), (16.6, 2.48, 0.62), (16.5, 2.70, 0.83),
    (17.6, 4.19, 0.59), (14.9, 1.47, 1.39), (19.2, 3.31, 0.41), (15.6, 1.65, 0.93), (15.2, 1.83, 0.51),
    (16.5, 3.00, 0.76), (14.4, 1.53, 0.89), (19.5, 3.67, 0.66), (18.2, 2.20, 0.94), (16.2, 3.42, 0.67),
    (17.2, 2.66, 0.85), (17.3, 1.68, 0.73), (14.8, 2.18, 0.97), (17.1, 2.87, 0.65), (20.5, 4.60, 0.94),
]  # fmt: skip
ROOT = Path(__file__).parents[2]
SIMULATIONS = 2000


def pareto(n, alpha, seed, threshold=0.35):
    """log c of n texts, all beyond the threshold, where the tail is Pareto."""
    return threshold + stream(seed, "pareto").exponential(1 / alpha, n)


def log_normal(n, seed, beyond=0.01, sd=0.2):
    """log c of n texts of a log-normal, all beyond the quantile that leaves the share `beyond`."""
    rng, drawn = stream(seed, "log-normal"), np.empty(0)
    threshold = {0.01: 2.3263479, 0.1: 1.2815516}[beyond]
    while len(drawn) < n:
        values = rng.standard_normal(1 << 20)
        drawn = np.concatenate([drawn, values[values > threshold]])
    return sd * drawn[:n], sd * threshold


@pytest.mark.parametrize(("delta", "printed", "exact"), [(1e-4, 0.67, 0.675), (1e-5, 0.83, 0.831), (1e-6, 0.99, 0.989)])
def test_table_3_gives_table_4(delta, printed, exact):
    largest = max(epsilon(Pareto(alpha, c), delta) for alpha, c, _ in TABLE_3)
    assert largest == pytest.approx(exact, abs=5e-4)
    assert largest == pytest.approx(printed, abs=0.006)


def test_of_the_papers_pairs_number_7_is_rejected():
    assert [pair for pair, (_, _, ks) in enumerate(TABLE_3, 1) if ks > PAPER_CRITICAL] == [7]


@pytest.mark.parametrize("size", [300, pytest.param(3000, marks=pytest.mark.slow)])
def test_simulation_gives_the_papers_critical_value(size):
    assert critical_value(size, 10_000, 0) == pytest.approx(PAPER_CRITICAL, abs=0.02)


def test_the_critical_value_is_that_of_small_samples_too():
    # Lilliefors (1969), table for n = 20 at 5 %: D = 0.234
    assert critical_value(20, 10_000, 0) / math.sqrt(20) == pytest.approx(0.234, abs=0.005)
    assert critical_value(20, 1000, 0) != critical_value(20, 1000, 1)


@pytest.mark.parametrize(("alpha", "c"), [(14.4, 1.53), (20.9, 5.64), (7.5, 0.7)])
def test_estimators_find_a_known_tail(alpha, c):
    n, threshold = 200_000, 0.35
    beyond = round(n * c * math.exp(-alpha * threshold))
    log_c = np.concatenate([pareto(beyond, alpha, 3), np.zeros(n - beyond)])
    found = hill(log_c, threshold)
    assert found.alpha == pytest.approx(alpha, rel=4 / math.sqrt(beyond))
    for delta in (1e-4, 1e-6):
        assert epsilon(found, delta) == pytest.approx(epsilon(Pareto(alpha, c), delta), rel=4 / math.sqrt(beyond))


def test_the_line_starts_at_the_share_beyond_the_threshold():
    log_c = np.concatenate([pareto(100, 10.0, 1), np.zeros(900)])
    assert epsilon(hill(log_c, 0.35), 0.1) == pytest.approx(0.35)


@given(st.floats(0.1, 100), st.floats(1e-3, 1e6), st.floats(1e-12, 0.9))
def test_epsilon_solves_the_line_and_is_never_negative(alpha, c, delta):
    found = epsilon(Pareto(alpha, c), delta)
    assert found >= 0
    if delta <= c:
        assert c * math.exp(-alpha * found) == pytest.approx(delta)
    else:
        assert found == 0


@given(st.floats(0.1, 100), st.floats(0.01, 0.5), st.floats(1e-9, 1e-2))
def test_a_shape_of_0_is_the_pareto_tail(alpha, threshold, delta):
    share = 0.1
    tail = Pareto(alpha, share * math.exp(alpha * threshold))
    assert heavier_epsilon(GeneralisedPareto(0.0, 1 / alpha), threshold, share, delta) == pytest.approx(
        epsilon(tail, delta)
    )
    assert heavier_epsilon(GeneralisedPareto(0.01, 1 / alpha), threshold, share, delta) > epsilon(tail, delta)


def test_a_heavier_tail_that_passes_shows_in_the_upper_limit():
    """The issue's: log c ~ t with 6 degrees of freedom, scale 0.1; epsilon at 1e-6 is 1.78."""
    fits = [fit_tail(0.1 * stream(seed, "t").standard_t(6, 11_000), settings(), 0) for seed in range(60)]
    passed = [row for row in fits if row["verdict"] == NOT_REJECTED]
    assert len(passed) > 30, "the test alone does not see it"
    pareto, high = (
        np.median([row[column][-1] for row in passed]) for column in ("estimated_epsilon", "estimated_epsilon_high")
    )
    assert pareto < 1.1
    assert high == pytest.approx(1.78, abs=0.2)


def test_the_statistic_by_its_definition():
    excess = stream(0, "excess").exponential(0.1, 57)
    points = np.sort(excess)
    fitted = 1 - np.exp(-points / excess.mean())
    below = [np.mean(excess < x) for x in points]
    upto = [np.mean(excess <= x) for x in points]
    distance = max(np.abs(fitted - below).max(), np.abs(fitted - upto).max())
    assert lilliefors(excess) == pytest.approx(math.sqrt(57) * distance)
    assert lilliefors(7 * excess) == pytest.approx(lilliefors(excess)), "the scale is estimated"


def test_a_pareto_tail_is_rejected_in_one_case_of_twenty():
    critical = critical_value(1000, SIMULATIONS, 0)
    rejected = [lilliefors(pareto(1000, 16, seed) - 0.35) > critical for seed in range(400)]
    assert 0.025 < np.mean(rejected) < 0.08


@pytest.mark.slow
def test_a_log_normal_is_rejected_beyond_its_99_percent_quantile():
    log_c, threshold = log_normal(100 * 3000, 0)
    critical = critical_value(3000, SIMULATIONS, 0)
    power = np.mean([lilliefors(part - threshold) > critical for part in log_c.reshape(100, 3000)])
    assert power > 0.88
    few = critical_value(100, SIMULATIONS, 0)
    assert np.mean([lilliefors(part - threshold) > few for part in log_c.reshape(3000, 100)]) < 0.2, (
        "why there is a minimum"
    )


def test_the_default_threshold_and_number_of_texts_have_power():
    default = TailSettings()
    beyond = round(default.texts * (1 - default.threshold_quantile))
    assert beyond >= default.minimum_exceedances
    log_c, threshold = log_normal(100 * beyond, 1, beyond=0.1)
    critical = critical_value(beyond, SIMULATIONS, 0)
    assert np.mean([lilliefors(part - threshold) > critical for part in log_c.reshape(100, beyond)]) > 0.9


def settings(**values):
    return TailTestSettings(**({"threshold_quantile": 0.9, "simulations": SIMULATIONS} | values))


def test_verdicts():
    tail = np.concatenate([pareto(2000, 16, 5), stream(1, "rest").uniform(-0.3, 0.35, 18_000)])
    kept = fit_tail(tail, settings(), 0)
    assert (kept["texts"], kept["exceedances"], kept["verdict"]) == (20_000, 2000, NOT_REJECTED)
    assert kept["threshold"] == pytest.approx(0.35, abs=0.001)
    expected = [epsilon(Pareto(kept["alpha"], kept["c"]), delta) for delta in (1e-4, 1e-5, 1e-6)]
    assert kept["estimated_epsilon"] == expected
    assert kept["shape_low"] < 0 < kept["shape_high"]
    assert all(high > pareto for high, pareto in zip(kept["estimated_epsilon_high"], expected, strict=True))
    normal = stream(0, "normal").normal(0, 0.2, 20_000)
    other = fit_tail(normal, settings(), 0)
    assert (other["rejected"], other["verdict"], other["estimated_epsilon"]) == (True, REJECTED, [None] * 3)
    assert other["shape_high"] < 0 and other["estimated_epsilon_high"] == [None] * 3, "lighter than any Pareto tail"
    few = fit_tail(pareto(500, 16, 5), settings(threshold=0.35), 0)
    assert (few["exceedances"], few["rejected"], few["verdict"]) == (500, False, UNDECIDED)
    assert few["estimated_epsilon"] == few["estimated_epsilon_high"] == [None] * 3
    assert few["alpha"] > 0 and few["shape"] is None
    enough = fit_tail(pareto(500, 16, 5), settings(threshold=0.35, minimum_exceedances=500), 0)
    assert enough["verdict"] == NOT_REJECTED


def test_a_fixed_threshold_is_taken_as_it_is():
    log_c = np.concatenate([pareto(1200, 16, 5), np.zeros(200_000)])
    row = fit_tail(log_c, settings(threshold=0.35), 0)
    assert (row["threshold"], row["exceedances"], row["verdict"]) == (0.35, 1200, NOT_REJECTED)


def test_no_epsilon_is_drawn_for_a_delta_that_is_not_in_the_tail():
    log_c = np.concatenate([pareto(1200, 16, 5), np.zeros(200_000)])
    row = fit_tail(log_c, settings(threshold=0.35, deltas=[0.05, 1e-3]), 0)
    for column in ("estimated_epsilon", "estimated_epsilon_high"):
        assert row[column][0] is None and row[column][1] > 0


def test_equal_models_have_no_tail():
    row = fit_tail(np.zeros(100), settings(), 0)
    assert (row["exceedances"], row["alpha"], row["rejected"], row["verdict"]) == (0, None, None, UNDECIDED)
    with pytest.raises(ValueError, match="nothing lies beyond"):
        hill(np.zeros(100), 0.0)


def test_a_delta_outside_the_tail_is_refused():
    with pytest.raises(ValueError, match=r"0\.2 is not in the tail"):
        TailTestSettings(threshold_quantile=0.9, deltas=[1e-4, 0.2])
    TailTestSettings(threshold=0.3, threshold_quantile=0.9, deltas=[0.2])


def test_the_curve_has_all_of_the_far_tail():
    values = stream(0, "values").normal(size=5000)
    log_c, share = survival(values)
    assert len(log_c) < 300
    assert log_c[:5].tolist() == np.sort(values)[::-1][:5].tolist()
    assert all(np.mean(values >= x) == y for x, y in zip(log_c, share, strict=True))


def test_files_become_rows_and_curves(tmp_path):
    for direction in ("forward", "reverse"):
        about = {"pair": "3", "direction": direction}
        save_tensors(tmp_path / direction, {"log_c": pareto(1500, 9, 1).astype(np.float32)}, about)
    fits, curves = fit_tails([tmp_path / "forward", tmp_path / "reverse"], settings(), 0)
    assert [(row["pair"], row["direction"]) for row in fits["fits"]] == [("3", "forward"), ("3", "reverse")]
    assert fits["deltas"] == [1e-4, 1e-5, 1e-6]
    assert set(curves["direction"]) == {"forward", "reverse"}
    (tmp_path / "reverse").write_bytes(b"")
    with pytest.raises(PrivatuneError, match="reverse"):
        fit_tails([tmp_path / "reverse"], settings(), 0)


def documented(heading):
    """Rows of the tables below a heading of docs/measured-privacy.md, each a list of cells; shares as numbers."""
    page = (ROOT / "docs/measured-privacy.md").read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line[:2] == "| "]
    return [[float(c[:-2]) / 100 if c.endswith(" %") else c for c in row] for row in rows if row[1][:1].isdigit()]


def near(share, stated, count):
    return share == pytest.approx(stated, abs=4 * math.sqrt(max(stated * (1 - stated), 0.01) / count) + 0.005)


@pytest.mark.slow
@pytest.mark.parametrize("law", tails.TAILS)
def test_the_documented_power(law):
    rows = {(row[0], row[1]): row[2:] for row in documented("What the test can tell")}
    assert len(rows) == len(tails.TAILS) * len(tails.BEYOND)
    for quantile, stated in zip(tails.QUANTILES, rows[law, "1,000"], strict=True):
        assert near(tails.rejected(law, 1000, quantile, 100), stated, 100), quantile


@pytest.mark.slow
@pytest.mark.parametrize("law", ["exponential tails", "Student t, 6"])
def test_what_the_documents_say_that_a_tail_hides(law):
    rows = documented("What a tail that passes can hide")
    assert [row[0] for row in rows] == list(tails.LAWS) * len(tails.SIZES)
    _, stated, pareto, high, _, reaches = next(row for row in rows if row[0] == law)
    ratios = tails.hidden(law, *tails.SIZES["default"], 150)
    assert near(1 - len(ratios) / 150, stated, 150)
    assert np.median(ratios, axis=0) == pytest.approx([float(pareto), float(high)], abs=0.08)
    assert near((ratios[:, 1] >= 1).mean(), reaches, len(ratios))


def test_the_quantiles_of_the_documented_sizes_are_those_of_the_configurations():
    for name, (beyond, quantile) in tails.SIZES.items():
        tail = TailSettings()
        if name != "default":
            tail = TailSettings(**yaml.safe_load((ROOT / "config" / name).read_text())["tail"])
        assert (round(tail.texts * (1 - tail.threshold_quantile)), tail.threshold_quantile) == (beyond, quantile)
