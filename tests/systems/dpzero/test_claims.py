import math
from pathlib import Path

import pytest

from privatune.report.frames import read_table
from privatune.report.tables.claims import table as claims_table
from privatune.report.verdicts import FAILS, HOLDS, UNDECIDED, verdict
from privatune.systems.dpzero import claims as module
from privatune.systems.dpzero.tables import dimension, memory

PAPER = Path(__file__).parents[3] / "report/dpzero/paper.csv"


@pytest.fixture(scope="module")
def tables(models, measured):
    """The tables that claims read; nobody writes to them."""
    dimensions, costs = measured
    return {
        "dpzero": read_table(models, module.TABLES["dpzero"]),
        "dimension": dimension.table(dimensions).frame,
        "memory": memory.table(costs).frame,
        "paper": read_table(PAPER, module.TABLES["paper"]),
    }


def judged(tables, part):
    return {
        claim.text: (ours := claim.ours(tables), claim.paper(tables), verdict(claim.rule, ours, claim.paper(tables)))
        for claim in module.claims(tables)
        if part in claim.text
    }


def moved(tables, method, points, epsilon):
    """The tables, with a method moved by some points where its epsilon is near this one."""
    rows = tables["dpzero"]
    chosen = (rows["method"] == method) & (rows["epsilon"].sub(epsilon).abs() < 0.1)
    return tables | {"dpzero": rows.assign(accuracy=rows["accuracy"] + points * chosen)}


def test_every_claim_is_made_for_every_set(tables):
    texts = list(judged(tables, ""))
    assert len(texts) == len(set(texts)) == 2 * (1 + 1 + 2 + 2 * 2) + 2 + 1
    assert sum(text.startswith("trec: ") for text in texts) == 8
    assert all("delta" in text for text in texts if "epsilon" in text)


def test_dpzero_is_as_good_as_mezo_within_two_points(tables):
    ours, paper, said = judged(tables, "trec: DPZero at epsilon 6")[
        "trec: DPZero at epsilon 6 (delta 2.1e-05) is as good as MeZO with the same steps, batch and grid"
    ]
    assert (ours.n, said) == (10, HOLDS) and ours.middle == pytest.approx(-0.3, abs=0.4)
    assert paper == pytest.approx(87.6 - 88.9)
    for points, expected in ((-4, FAILS), (4, FAILS), (-1.7, UNDECIDED)):
        ((_, _, said),) = judged(moved(tables, "zeroth-1", points, 6.0), "trec: DPZero at epsilon 6").values()
        assert said == expected, points


def test_noise_on_the_vector_is_worse_by_more_than_three_points(tables):
    ((ours, paper, said),) = judged(tables, "trec: DPGD-0th").values()
    assert ours.middle == pytest.approx(-7, abs=0.5) and said == HOLDS and paper == -15.0
    ((_, paper, said),) = judged(moved(tables, "dpgd-0th", 6, 2.0), "trec: DPGD-0th").values()
    assert said == FAILS
    ((_, paper, _),) = judged(tables, "rotten_tomatoes: DPGD-0th").values()
    assert math.isnan(paper), "the paper has no such figure for SST-2"


def test_many_directions_at_equal_steps_and_at_equal_forward_passes(tables):
    steps, forwards = judged(tables, "trec: DP-AggZO, K = 64").values()
    assert steps[0].middle == pytest.approx(3, abs=0.5) and steps[2] == HOLDS
    assert steps[1] == pytest.approx(92.0 - 83.8), "of Bao et al., who have a figure of DPZero of their own"
    assert forwards[0].middle == pytest.approx(-3, abs=0.5) and forwards[2] == FAILS and math.isnan(forwards[1])


def test_the_linear_probe_is_compared_with_every_dpzero_at_every_epsilon(tables):
    made = judged(tables, "trec: DP linear probe")
    assert [text.partition(" (")[0].rpartition(" ")[2] for text in made] == ["6", "6", "2", "2"]
    assert {text.partition("as good as ")[2].partition(" (")[0] for text in made} == {
        "DPZero, 512 steps",
        "DPZero, 8,192 steps",
    }
    assert {said for _, _, said in made.values()} == {HOLDS}
    worse = judged(moved(tables, "probe", -6, 2.0), "trec: DP linear probe")
    assert [said for _, _, said in worse.values()] == [HOLDS, HOLDS, FAILS, FAILS]


def test_slopes_and_memory(tables, write_dimension):
    assert [said for _, _, said in judged(tables, "slope").values()] == [HOLDS, HOLDS]
    swapped = dimension.table(write_dimension({"DPZero": 0.9, "DPGD-0th": 0.1})).frame
    assert [said for _, _, said in judged(tables | {"dimension": swapped}, "slope").values()] == [FAILS, FAILS]
    ((ours, _, said),) = judged(tables, "peak memory").values()
    assert (ours.n, said) == (5, HOLDS) and 1.01 < ours.middle < 1.015, "the whole model, not the head"
    rows = tables["memory"]
    ratios = rows["memory_over_inference"] * (1 + 0.2 * rows["row"].eq("dpzero-all"))
    ((_, _, said),) = judged(tables | {"memory": rows.assign(memory_over_inference=ratios)}, "peak memory").values()
    assert said == FAILS
    equal = rows.assign(memory_over_inference=1.01)
    ((_, _, said),) = judged(tables | {"memory": equal}, "peak memory").values()
    assert said == HOLDS
    ((_, _, said),) = judged(tables | {"memory": equal[equal["repeat"] == 0]}, "peak memory").values()
    assert said == UNDECIDED, "one step"
    elsewhere = rows[rows["path"] != "in place"]
    ((_, _, said),) = judged(tables | {"memory": elsewhere}, "peak memory").values()
    assert said == UNDECIDED


def test_nothing_is_decided_without_evidence(tables, without_evidence):
    without_evidence(module, tables)


def test_the_table_of_claims_names_the_other_paper(models, tables, tmp_path):
    for name in ("dimension", "memory"):
        tables[name].to_csv(tmp_path / f"{name}.csv", index=False)
    files = {name: tmp_path / f"{name}.csv" for name in ("dimension", "memory")}
    made = claims_table("dpzero", dpzero=models, paper=PAPER, **files)
    assert len(made.frame) == 19 and made.frame["p"].notna().sum() == 18, "memory may be the same in every step"
    assert "Bao et al. 2025, table 1" in made.note
