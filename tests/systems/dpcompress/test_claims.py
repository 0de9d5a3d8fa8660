import math
from pathlib import Path

import pytest

from privatune.report.frames import read_table
from privatune.report.tables.claims import table as claims_table
from privatune.report.verdicts import FAILS, HOLDS, UNDECIDED, verdict
from privatune.systems.dpcompress import claims as module

PAPER = Path(__file__).parents[3] / "report/dpcompress/paper.csv"
# a word of each claim, our figure from the records that are made up, and the verdict
EXPECTED = {
    "DPKD with half": (-5, HOLDS),
    "structured DPIMP to half": (-0.2, HOLDS),
    "from published weights": (11, HOLDS),
    "public text": (1, HOLDS),
    "unstructured DPIMP to": (-2, UNDECIDED),
    "a public mask": (-0.4, HOLDS),
    "a random mask": (-6, FAILS),
    "the private mask": (-1.6, FAILS),
    "the public mask": (5.6, HOLDS),
}


@pytest.fixture
def tables(accuracies):
    models = read_table(accuracies.with_name("dpcompress_models.csv"), module.TABLES["dpcompress_models"])
    return {"dpcompress_models": models, "paper": read_table(PAPER, module.TABLES["paper"])}


def judged(tables, part=""):
    return [
        (claim.text, ours := claim.ours(tables), claim.paper(tables), verdict(claim.rule, ours, claim.paper(tables)))
        for claim in module.claims(tables)
        if part in claim.text
    ]


def moved(tables, **points):
    """The tables, with the private rows of methods moved by some points."""
    rows = tables["dpcompress_models"]
    change = rows["method"].str.replace("-", "_").map(points).fillna(0).where(rows["target"].notna(), 0)
    return tables | {"dpcompress_models": rows.assign(accuracy=rows["accuracy"] + change)}


def test_every_claim_is_made_at_the_target_epsilon_with_its_delta(tables):
    made = judged(tables)
    assert len(made) == len(EXPECTED)
    assert all(text.startswith("trec, at epsilon 4.25 (delta 2.1e-05): ") for text, *_ in made)
    for (text, ours, _, said), (part, (points, expected)) in zip(made, EXPECTED.items(), strict=True):
        assert part in text and said == expected, text
        assert ours.middle == pytest.approx(points, abs=0.6) and ours.n == 3
    figures = [paper for *_, paper, _ in made]
    assert figures[0] == -5 and all(math.isnan(figure) for figure in figures[1:])


@pytest.mark.parametrize(
    ("part", "points", "expected"),
    [
        ("DPKD with half", {"dpkd": 4}, FAILS),
        ("DPKD with half", {"dpkd": -4}, FAILS),
        ("DPKD with half", {"full": 2}, UNDECIDED),
        ("structured DPIMP to half", {"half": 4}, FAILS),
        ("from published weights", {"half_random": 8}, FAILS),
        ("on public text", {"distil_public": -4}, FAILS),
        ("unstructured DPIMP to", {"prune": 2}, HOLDS),
        ("a public mask", {"mask_public": -5}, FAILS),
        ("a random mask", {"mask_random": 6}, HOLDS),
        ("the private mask", {"prune": 4}, HOLDS),
        ("the public mask", {"mask_random": 8}, FAILS),
    ],
)
def test_a_claim_follows_its_rule(tables, part, points, expected):
    ((*_, said),) = judged(moved(tables, **points), part)
    assert said == expected


def test_both_of_a_pair_keep_the_same_blocks(tables):
    rows = tables["dpcompress_models"]
    other = rows["blocks"].where(rows["method"] != "half", "3 4 5")
    ours = {
        text.partition("): ")[2]: ours.n
        for text, ours, *_ in judged(tables | {"dpcompress_models": rows.assign(blocks=other)})
    }
    assert [n for text, n in ours.items() if text.startswith(("structured", "half the"))] == [0, 0]
    assert sum(ours.values()) == 3 * 7


def test_the_epsilon_of_most_methods_is_the_target(tables):
    rows = tables["dpcompress_models"]
    at_eight = tables | {"dpcompress_models": rows.replace({"target": {4.25: 8.0, 8.0: 4.25}})}
    assert all("at epsilon 8 (delta" in text for text, *_ in judged(at_eight))
    few = rows[rows["method"].isin(["full", "half", "dpkd"])]
    assert all("at epsilon 4.25 (" in text for text, *_ in judged(tables | {"dpcompress_models": few}))


def test_nothing_is_decided_without_evidence(tables, without_evidence):
    without_evidence(module, tables)


def test_the_table_of_claims(accuracies):
    made = claims_table("dpcompress", dpcompress_models=accuracies.with_name("dpcompress_models.csv"), paper=PAPER)
    assert made.frame["p"].notna().all() and not made.frame["recalled"].any()
    assert made.frame["claim"].str.contains("a claim of this project").sum() == 6
    assert "whose structure is recalled" in made.note and "not of its weights" in made.note
