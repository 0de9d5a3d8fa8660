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
    return row | {"epsilon": [epsilon(Pareto(alpha, c), delta) if kept else None for delta in DELTAS]}


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
    interface = "pair direction texts threshold exceedances alpha c ks critical rejected".split()
    assert list(csv.columns) == [*interface, "epsilon_1e-4", "epsilon_1e-5", "epsilon_1e-6", "verdict"]
    assert csv["epsilon_1e-4"].round(3).tolist()[::2] == [0.675, 0.523]
    assert csv.loc[[1, 3], ["epsilon_1e-4", "epsilon_1e-5", "epsilon_1e-6"]].isna().all(axis=None)
    assert csv["rejected"].tolist() == [False, True, False, True]
    assert ESTIMATE in page
    assert "not rejected in 2, rejected in 1, undecided in 1 (fewer than 1,000 texts" in page
    assert "epsilon at delta: 0.67 at 1e-4, 0.83 at 1e-5, 0.99 at 1e-6. Where" in page
    assert "| 0.67 | 0.83 | 0.99 |" in page and "| – | – | – |" in page


def test_without_a_pareto_tail_the_page_says_so(made):
    _, _, page = made(fit("0", "forward", 14.8, 2.18, "rejected"), fit("0", "reverse", 14.9, 1.47, "rejected"))
    assert "in none of them a Pareto tail is supported, no epsilon is quoted" in page
    assert "largest" not in page


def test_equal_models_have_a_row(made):
    nothing = fit("0", "forward", 1.0, 1.0, "undecided") | {"exceedances": 0}
    nothing |= dict.fromkeys(("alpha", "c", "ks", "critical", "rejected"))
    _, csv, _ = made(nothing)
    assert csv[["alpha", "rejected"]].isna().all(axis=None)
