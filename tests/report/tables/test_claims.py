import math
import sys
from types import SimpleNamespace

import pytest

from privatune.report.intervals import Error, interval, share
from privatune.report.tables.claims import table
from privatune.report.verdicts import Claim, higher, lower, never

SURE, CLOSE = [-1.0, -1.01, -0.99], [-1.0, -1.2, -0.6]


@pytest.fixture
def claimed(monkeypatch):
    """claimed(intervals, rules): the table of a paper with one claim each."""

    def made(ours, rules=None):
        claims = [
            Claim(str(place), "%", lambda _: math.nan, lambda _, found=found: found, rule)
            for place, (found, rule) in enumerate(zip(ours, rules or [lower()] * len(ours), strict=True))
        ]
        part = SimpleNamespace(SYSTEM="A paper", TABLES={}, claims=lambda _: claims, note=lambda _: "Its note.")
        monkeypatch.setitem(sys.modules, "privatune.systems.made_up.claims", part)
        return table("made_up")

    return made


def test_a_verdict_by_chance_does_not_outlive_its_company(claimed):
    alone = claimed([interval(CLOSE)]).frame
    assert alone[["verdict", "verdict_holm"]].to_numpy().tolist() == [["holds", "holds"]]
    among = claimed([interval(CLOSE), *[interval([1.0, -2.0, 0.5])] * 20, interval(SURE)]).frame
    assert among["verdict"].iloc[0] == "holds" and among["verdict_holm"].iloc[0] == "undecided"
    assert among["verdict"].iloc[-1] == among["verdict_holm"].iloc[-1] == "holds"
    assert among["p_holm"].iloc[-1] == pytest.approx(22 * among["p"].iloc[-1])


def test_it_says_how_many_verdicts_may_be_chance(claimed):
    made = claimed([interval(SURE)] * 30 + [interval([-1.0]), interval(SURE)], [lower()] * 31 + [never("it is a cost")])
    assert (
        "30 claims have a p. Each is judged at 95 %, so up to 1.5 of their verdicts" in made.note
        and "Its note." in made.note
    )


def test_each_interval_names_its_sources(claimed):
    text = Error(0.0001, 30)
    made = claimed([interval(SURE), interval(SURE, text), interval([-1.0], text), share(0, 9), interval([-1.0])])
    assert made.frame["sources"].tolist()[:4] == ["seeds", "seeds and text", "text", "trials"]
    assert made.shown["sources"].tolist()[4] == "–"


def test_one_replicate_on_much_text_decides_nothing(claimed):
    row = claimed([interval([-1.0], Error(1e-9, 1000))] * 2, [lower(), higher()]).frame
    assert (row["high"] < 0).all() and (row["sources"] == "text").all()
    assert (row[["verdict", "verdict_holm"]] == "undecided").all(axis=None) and row["p"].isna().all()
