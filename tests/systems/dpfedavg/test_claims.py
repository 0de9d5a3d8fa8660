import math
from pathlib import Path

import pandas as pd
import pytest

from privatune.report.intervals import share
from privatune.report.tables.claims import table as claims_table
from privatune.report.verdicts import FAILS, HOLDS, UNDECIDED, verdict
from privatune.systems.dpfedavg import claims as module
from privatune.systems.dpfedavg.figures import quality_by_epsilon

ROOT = Path(__file__).parents[3]
# variant: z, clip, epsilon of carriers, carried, top-1 recall by seed, found and bits beyond (smallest, largest) cell
VARIANTS = {
    "ngram-general": (None, None, None, None, [9.0], None, None),
    "fedavg": (0.0, 1e6, None, True, [14.0, 14.1, 14.2], (2, 3), (9, 12)),
    "alone": (0.0, 1e6, None, False, [14.0, 14.1, 14.2], (0, 0), (None, None)),
    "clipped": (0.0, 0.8, None, True, [9.0, 9.1, 9.2], (0, 1), (3, 5)),
    "vain": (0.01, 0.8, 9e6, True, [8.0, 9.1, 10.2], (0, 1), (3, 5)),
    "weak": (0.7, 0.8, 19.0, True, [8.0, 9.1, 10.2], (1, 1), (5, 5)),
    "private": (0.8, 0.8, 12.0, True, [8.0, 8.1, 8.2], (0, 0), (0, 0)),
}
EPSILON = {"vain": 1e5, "weak": 900.0, "private": 2.0}  # of persons who carry nothing


@pytest.fixture
def tables():
    models, canaries = [], []
    for name, (z, clip, epsilon, carried, recalls, found, bits) in VARIANTS.items():
        for seed, recall in enumerate(recalls):
            row = (name, seed, None if name == "ngram-general" else 7, recall, 2 * recall, z, clip, epsilon)
            models.append((*row, 3000 / recall, epsilon and "replace one", epsilon and 1e-3, EPSILON.get(name)))
            for users, n_found, more in zip((1, 16), found or (), bits or (), strict=False):
                for number in range(3):
                    beyond = None if more is None else more + number / 2
                    canaries.append((name, seed, users, 50, carried, 7 * carried, beyond, number < n_found))
                # the copies of which nothing is found without noise, and a canary that no round saw
                canaries.append((name, seed, users, 1, carried, 7 * carried, 0.0, False))
                canaries.append((name, seed, users, 50, carried, 0, -99.0, False))
    columns = [*module.TABLES["comparison_dpfedavg"], "ppl_user", "adjacency", "delta", "epsilon"]
    accounting = pd.DataFrame({"epsilon": [9.857, 6.733, 26.0], "paper_epsilon": [9.86, 6.73, None]})
    paper = {"recall1 n-gram": 10.24, "recall1 dp-fedavg": 11.03, "recall3 n-gram": 18.09, "recall3 dp-fedavg": 19.25}
    return {
        "comparison_dpfedavg": pd.DataFrame(models, columns=columns),
        "canaries": pd.DataFrame(canaries, columns=module.TABLES["canaries"]),
        "accounting": accounting,
        "paper_text": pd.DataFrame(paper.items(), columns=["figure", "value"]),
    }


def judged(tables):
    return {
        claim.text: (
            claim.ours(tables),
            claim.paper(tables),
            verdict(claim.rule, claim.ours(tables), claim.paper(tables)),
        )
        for claim in module.claims(tables)
    }


def test_extraction(tables):
    found = {text: made for text, made in judged(tables).items() if "extracted" in text}
    assert [text.split(":")[0] for text in found] == ["fedavg", "weak", "private"], (
        "the widest clip, then what protects"
    )
    plain, weak, private = found.values()
    # Clopper and Pearson: of nine, nine: low is 0.025 ** (1 / 9)
    assert plain[0][:2] == pytest.approx((100, 100 * 0.025 ** (1 / 9)))
    assert (plain[0].n, plain[2]) == (9, HOLDS)
    assert (weak[0].middle, weak[2]) == (pytest.approx(100 / 3), FAILS)
    # six of nine without noise are at least 29.9 %, none of nine at most 33.6 %: that proves nothing
    assert (private[0].middle, private[0].n, private[2]) == (0, 9, UNDECIDED)
    assert private[0].high == pytest.approx(100 * (1 - 0.025 ** (1 / 9)))
    smallest = tables["canaries"]["n_users"].eq(1) & tables["canaries"]["n_copies"].eq(50)
    fedavg = tables["canaries"]["scenario"].eq("fedavg") & tables["canaries"]["visits"].gt(0)
    tables["canaries"].loc[smallest & fedavg, "beam_found"] = True
    assert judged(tables)[next(text for text in found if text.startswith("private"))][2] == HOLDS


def test_an_undecided_claim_that_none_is_extracted_says_how_many_canaries_it_would_take(tables):
    (claim,) = (c for c in module.claims(tables) if c.text.startswith("private: no canary"))
    ours = claim.ours(tables)
    needed = claim.needed(claim.rule, ours, 0.0)
    assert 9 < needed < 20, "nine were too few"
    for n, decided in ((needed - 1, False), (needed, True)):
        control, none = share(round(n * 6 / 9), n), share(0, n)
        assert (verdict(module.none_beside(control), none, 0.0) == HOLDS) == decided
    assert math.isnan(claim.needed(claim.rule, ours._replace(middle=10.0), 0.0))
    assert math.isnan(module.canaries_needed(claim.rule, ours, 0.0, control=share(0, 9)))


def test_our_control_is_no_claim_of_the_paper(tables):
    controls = [text for text in judged(tables) if text.startswith("fedavg") and "canaries" in text]
    assert len(controls) == 2
    assert all("a control of this project, not a claim of the paper" in text for text in controls)


def test_where_the_attack_finds_nothing_without_noise_nothing_is_judged(tables):
    canaries = tables["canaries"]
    tables["canaries"] = canaries.assign(beam_found=canaries["beam_found"] & canaries["scenario"].ne("fedavg"))
    smallest = {text: made for text, made in judged(tables).items() if "smallest cells" in text}
    assert {made[2] for made in smallest.values()} == {UNDECIDED}
    assert {made[0].n for made in smallest.values()} == {0}


def test_one_canary_of_one_seed_decides_nothing(tables):
    canaries = tables["canaries"]
    tables["canaries"] = canaries[canaries["seed"] == 0].groupby(["scenario", "n_users", "n_copies"]).head(1)
    about = [made for text, made in judged(tables).items() if "canar" in text]
    assert len(about) == 6 and all(made[2] == UNDECIDED for made in about)


def test_exposure_is_judged_by_what_exceeds_that_of_a_model_that_never_saw_them(tables):
    made = {text.split(":")[0]: made for text, made in judged(tables).items() if "exposed" in text}
    assert {name: said for name, (_, _, said) in made.items()} == {"fedavg": HOLDS, "weak": FAILS, "private": HOLDS}
    assert made["private"][0].middle == pytest.approx(0.5) and made["private"][0].n == 9
    assert {ours.sources for ours, _, _ in made.values()} == {"canaries"}, "their n is not of seeds"


def test_recall_beside_ngrams(tables):
    made = judged(tables)
    best = {text.split(":")[0]: value for text, value in made.items() if "top-1" in text}
    assert {name: value[2] for name, value in best.items()} == {
        "fedavg": HOLDS,
        "vain": UNDECIDED,
        "weak": UNDECIDED,
        "private": FAILS,
    }
    assert best["fedavg"][0][:4] == pytest.approx((5.1, 5.1 - 0.2484, 5.1 + 0.2484, 3), abs=1e-3)
    assert best["fedavg"][1] == pytest.approx(0.79)
    third = next(value for text, value in made.items() if "private: top-3" in text)
    assert (third[0].middle, third[1]) == (pytest.approx(2 * 8.1 - 18), pytest.approx(1.16))


def test_the_epsilon_table(tables):
    made, _, said = judged(tables)[next(text for text in judged(tables) if text.startswith("epsilon of the paper"))]
    assert (made.middle, made.n, said) == (pytest.approx(0.003), 2, HOLDS)
    tables["accounting"].loc[0, "epsilon"] = 9.88
    assert judged(tables)[next(text for text in judged(tables) if text.startswith("epsilon of the paper"))][2] == FAILS


def test_nothing_is_decided_without_evidence(tables, without_evidence):
    without_evidence(module, tables)


def test_the_note_names_the_variants(tables):
    assert "Without differential privacy: fedavg," in module.note(tables)
    assert "Under it: weak, private." in module.note(tables)
    assert "exceeds 20, at the delta of the variant: vain." in module.note(tables)


def test_figure_has_a_point_an_epsilon_and_a_line_for_all_else(tables, tmp_path):
    tables["comparison_dpfedavg"].to_csv(tmp_path / "models.csv", index=False)
    recall, _ = quality_by_epsilon.figure(tmp_path / "models.csv").axes
    (bars,) = recall.containers
    assert bars.lines[0].get_xdata().tolist() == [2.0, 900.0, 1e5]
    assert bars.lines[0].get_ydata().tolist() == pytest.approx([8.1, 9.1, 9.1])
    assert [line.get_label() for line in recall.lines if not line.get_label().startswith("_")] == [
        "ngram general",
        "fedavg",
        "alone",
        "clipped",
    ]
    assert {text.get_text() for text in recall.texts} == {"z = 0.8", "z = 0.7", "z = 0.01"}
    assert recall.get_xlabel() == "user-level epsilon at delta = 0.001 (log.)", "never an epsilon without its delta"


def test_variants_of_equal_epsilon_are_points_of_their_own_and_adjacencies_apart(tables, tmp_path):
    models = tables["comparison_dpfedavg"]
    other = models[models["scenario"] == "private"].assign(scenario="clipped-less", recall1_user=5.0)
    added = models[models["scenario"] == "private"].assign(scenario="poisson", adjacency="zero out one", delta=2e-3)
    pd.concat([models, other, added]).to_csv(tmp_path / "models.csv", index=False)
    recall, _ = quality_by_epsilon.figure(tmp_path / "models.csv").axes
    replaced, removed = recall.containers
    assert sorted(replaced.lines[0].get_ydata().tolist()) == pytest.approx([5.0, 8.1, 9.1, 9.1])
    assert removed.lines[0].get_xdata().tolist() == [2.0]
    assert recall.get_xlabel() == "user-level epsilon at deltas of 0.001 to 0.002 (log.)"


def test_without_any_epsilon_there_are_lines_alone(tables, tmp_path):
    models = tables["comparison_dpfedavg"]
    models[models["epsilon"].isna()].to_csv(tmp_path / "models.csv", index=False)
    assert quality_by_epsilon.figure(tmp_path / "models.csv").axes[0].containers == []


def test_what_is_recalled_of_the_paper_is_marked_and_what_was_read_is_not(tables, tmp_path):
    for name, frame in tables.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    made = claims_table("dpfedavg", **{name: tmp_path / f"{name}.csv" for name in tables})
    read = made.frame["claim"].str.contains("control of this project|epsilon of the paper's five")
    assert (made.frame["recalled"] == ~read).all() and 0 < read.sum() < len(read)
    assert (made.shown["claim"].str.endswith(" (recalled)") == ~read).all()
    figures = made.shown["paper"][~read & made.frame["paper"].notna()]
    assert len(figures) and figures.str.endswith(" (recalled)").all()
    assert "Recalled: known from memory" in made.note


def test_every_figure_of_a_papers_text_says_whether_it_was_read():
    known = {path.parent.name: pd.read_csv(path)["known"] for path in (ROOT / "report").glob("*/paper-text.csv")}
    assert {name: set(values) for name, values in known.items()} == {"popov": {"read"}, "dpfedavg": {"recalled"}}
