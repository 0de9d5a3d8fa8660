from pathlib import Path

import pandas as pd
import pytest

from privatune.core.files import write_json
from privatune.privacy.settings import ScaleSettings
from privatune.report.frames import write_table
from privatune.systems.dpfedavg.accounting import by_population
from privatune.systems.dpfedavg.tables.accounting import table

PAPER = Path(__file__).parents[4] / "report/dpfedavg/paper.csv"
INTERFACE = [
    *"source unit adjacency sensitivity sampling population cohort rounds".split(),
    *"noise_multiplier clip delta accountant epsilon paper_epsilon".split(),
]


@pytest.fixture(scope="module")
def rows():
    """Of the paper's smallest population and of one that it has not."""
    settings = ScaleSettings(populations=[2_000_000, 6_000_000])
    return [row for row in by_population(settings) if row["accountant"] != "pld"]


@pytest.fixture(scope="module")
def made(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("accounting")
    write_json(folder / "accounting.json", rows)
    write_table(table(folder / "accounting.json", PAPER), folder / "accounting.csv")
    return pd.read_csv(folder / "accounting.csv"), (folder / "accounting.md").read_text()


def test_the_paper_stands_beside_what_is_accounted_for_alike(made):
    frame, page = made
    assert set(INTERFACE) <= set(frame.columns)
    paper = frame[frame["paper_epsilon"].notna()]
    assert set(zip(paper["source"], paper["accountant"], strict=True)) == {("as_paper", "rdp_plain")}
    assert paper["population"].tolist() == [2_000_000]
    assert (paper["epsilon"] - paper["paper_epsilon"]).abs().max() < 0.01
    assert "| 9.86 | 9.86 |" in page
    shares = frame["delta"] * frame["population"]
    assert shares[frame["source"] == "as_paper"].tolist() == pytest.approx(
        (frame["population"] ** -0.1)[:4].tolist(), rel=1e-5
    )
    assert shares[frame["source"] == "ours"].tolist() == pytest.approx([0.1] * 8, rel=1e-5)


def test_ours_pays_for_the_replacement(made):
    frame, page = made
    ours = frame[(frame["source"] == "ours") & (frame["sampling"] == "fixed")]
    assert set(ours["sensitivity"]) == {1.6} and set(ours["adjacency"]) == {"replace one"}
    assert (ours["epsilon"] > 30).all()
    assert "no bounds under that adjacency" in page


def test_other_sizes_have_no_figure_of_the_paper(rows, tmp_path):
    write_json(tmp_path / "accounting.json", [row | {"cohort": 10_000} for row in rows])
    assert table(tmp_path / "accounting.json", PAPER).frame["paper_epsilon"].isna().all()
