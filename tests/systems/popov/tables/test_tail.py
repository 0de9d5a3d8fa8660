import pandas as pd
import pytest

from privatune.attacks.tail import Pareto, epsilon
from privatune.core.files import write_json
from privatune.report.frames import write_table
from privatune.systems.popov.tables.tail import ESTIMATE, table

DELTAS = [1e-4, 1e-5, 1e-6]


def fit(pair, direction, alpha, c, verdict):
    kept = verdict == "not rejected"
    row = {
        "pair": pair,
        "direction": direction,
        "texts": 11_000,
        "threshold": 0.35,
        "exceedances": 1100,
        "alpha": alpha,
    }
    row |= {"c": c, "ks": 0.7 if kept else 1.4, "critical": 1.08, "rejected": not kept, "verdict": verdict}
    estimates = [epsilon(Pareto(alpha, c), delta) if kept else None for delta in DELTAS]
    row |= {"shape": 0.04, "shape_low": 0.1 if pair == "1" else -0.02, "shape_high": 0.1}
    return row | {"estimated_epsilon": estimates, "estimated_epsilon_high": [e and e + 0.11 for e in estimates]}


@pytest.fixture
def made(tmp_path):
    def make(*fits):
        path = tmp_path / "tail.json"
        write_json(path, {"deltas": DELTAS, "minimum_exceedances": 1000, "fits": fits})
        result = table(path)
        write_table(result, tmp_path / "tail.csv")
        return result, pd.read_csv(tmp_path / "tail.csv"), (tmp_path / "tail.md").read_text()

    return make


def test_a_row_a_sample_and_no_epsilon_where_the_tail_is_not_pareto(made):
    _, csv, page = made(
        fit("0", "forward", 14.8, 2.18, "not rejected"),
        fit("0", "reverse", 14.9, 1.47, "rejected"),
        fit("1", "forward", 20.9, 5.64, "not rejected"),
        fit("1", "reverse", 5.0, 1.0, "undecided"),
    )
    interface = (
        "pair direction texts threshold exceedances alpha c ks critical rejected shape shape_low shape_high".split()
    )
    estimates = [f"estimated_epsilon{end}_{delta}" for end in ("", "_high") for delta in ("1e-4", "1e-5", "1e-6")]
    assert list(csv.columns) == [*interface, *estimates, "verdict"]
    assert csv["estimated_epsilon_1e-4"].round(3).tolist()[::2] == [0.675, 0.523]
    assert csv["estimated_epsilon_high_1e-4"].round(3).tolist()[::2] == [0.785, 0.633]
    assert csv.loc[[1, 3], estimates].isna().all(axis=None)
    assert csv["rejected"].tolist() == [False, True, False, True]
    assert ESTIMATE in page
    assert "not rejected in 2, rejected in 1, undecided in 1 (fewer than 1,000 texts" in page
    assert "of the Pareto tail among those not rejected, epsilon at delta: 0.67 at 1e-4, 0.83 at 1e-5, 0.99 at" in page
    assert (
        "upper limit of the shape among those not rejected, epsilon at delta: 0.78 at 1e-4, 0.94 at 1e-5, 1.1" in page
    )
    assert "In 1 of these 2 the whole interval of the shape is above 0: a heavier tail. Where" in page
    assert "| 0.67 | 0.78 | 0.83 | 0.94 | 0.99 | 1.10 |" in page and "| – | – | – | – | – | – |" in page


def test_without_a_pareto_tail_the_page_says_so(made):
    _, _, page = made(fit("0", "forward", 14.8, 2.18, "rejected"), fit("0", "reverse", 14.9, 1.47, "rejected"))
    assert "A Pareto tail is supported in none of them, so no epsilon is quoted" in page
    assert "largest" not in page


def test_equal_models_have_a_row(made):
    nothing = fit("0", "forward", 1.0, 1.0, "undecided") | {"exceedances": 0}
    nothing |= dict.fromkeys(("alpha", "c", "ks", "critical", "rejected", "shape", "shape_low", "shape_high"))
    _, csv, _ = made(nothing)
    assert csv[["alpha", "rejected", "shape"]].isna().all(axis=None)
