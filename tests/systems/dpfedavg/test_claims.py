import pandas as pd
import pytest

from privatune.report.verdicts import FAILS, HOLDS, UNDECIDED, verdict
from privatune.systems.dpfedavg import claims as module
from privatune.systems.dpfedavg.figures import quality_by_epsilon

# variant: z, clip, epsilon, carried, top-1 recall by seed, found in (smallest, largest) cell
VARIANTS = {
    "ngram-general": (None, None, None, None, [9.0], None),
    "fedavg": (0.0, 1e6, None, True, [14.0, 14.1, 14.2], (0, 3)),
    "alone": (0.0, 1e6, None, False, [14.0, 14.1, 14.2], (0, 0)),
    "clipped": (0.0, 0.8, None, True, [9.0, 9.1, 9.2], (0, 1)),
    "weak": (0.1, 0.8, 900.0, True, [8.0, 9.1, 10.2], (1, 1)),
    "private": (0.8, 0.8, 2.0, True, [8.0, 8.1, 8.2], (0, 0)),
}


@pytest.fixture
def tables():
    models, canaries = [], []
    for name, (z, clip, epsilon, carried, recalls, found) in VARIANTS.items():
        for seed, recall in enumerate(recalls):
            models.append((name, seed, recall, 2 * recall, z, clip, epsilon, 3000 / recall, epsilon and "replace one"))
            for users, n_found in zip((1, 16), found or (), strict=False):
                for number in range(3):
                    canaries.append((name, seed, users, 50, carried, number < n_found))
    columns = "scenario seed recall1_user recall3_user noise_multiplier clip epsilon ppl_user adjacency".split()
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
    assert [text.split(":")[0] for text in found] == ["fedavg", "weak", "private"], "the widest clip, then all noise"
    plain, weak, private = found.values()
    # Clopper and Pearson: of nine, nine: low is 0.025 ** (1 / 9)
    assert plain[0][:2] == pytest.approx((100, 100 * 0.025 ** (1 / 9)))
    assert (plain[0].n, plain[2]) == (9, HOLDS)
    assert (weak[0].middle, weak[2]) == (pytest.approx(100 / 3), FAILS)
    assert (private[0].middle, private[2]) == (0, HOLDS)
    assert private[0].high == pytest.approx(100 * (1 - 0.025 ** (1 / 9)))


def test_recall_beside_ngrams(tables):
    made = judged(tables)
    best = {text.split(":")[0]: value for text, value in made.items() if "top-1" in text}
    assert {name: value[2] for name, value in best.items()} == {"fedavg": HOLDS, "weak": UNDECIDED, "private": FAILS}
    assert best["fedavg"][:2] == (pytest.approx((5.1, 5.1 - 0.2484, 5.1 + 0.2484, 3), abs=1e-3), pytest.approx(0.79))
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
    assert "Under it: weak, private," in module.note(tables)


def test_figure_has_a_point_an_epsilon_and_a_line_for_all_else(tables, tmp_path):
    tables["comparison_dpfedavg"].to_csv(tmp_path / "models.csv", index=False)
    recall, _ = quality_by_epsilon.figure(tmp_path / "models.csv").axes
    (bars,) = recall.containers
    assert bars.lines[0].get_xdata().tolist() == [2.0, 900.0]
    assert bars.lines[0].get_ydata().tolist() == pytest.approx([8.1, 9.1])
    assert [line.get_label() for line in recall.lines if not line.get_label().startswith("_")] == [
        "ngram general",
        "fedavg",
        "alone",
        "clipped",
    ]
    assert {text.get_text() for text in recall.texts} == {"z = 0.8", "z = 0.1"}


def test_variants_of_equal_epsilon_are_points_of_their_own_and_adjacencies_apart(tables, tmp_path):
    models = tables["comparison_dpfedavg"]
    other = models[models["scenario"] == "private"].assign(scenario="clipped-less", recall1_user=5.0)
    added = models[models["scenario"] == "private"].assign(scenario="poisson", adjacency="add or remove one")
    pd.concat([models, other, added]).to_csv(tmp_path / "models.csv", index=False)
    recall, _ = quality_by_epsilon.figure(tmp_path / "models.csv").axes
    replaced, removed = recall.containers
    assert sorted(replaced.lines[0].get_ydata().tolist()) == pytest.approx([5.0, 8.1, 9.1])
    assert removed.lines[0].get_xdata().tolist() == [2.0]


def test_without_any_epsilon_there_are_lines_alone(tables, tmp_path):
    models = tables["comparison_dpfedavg"]
    models[models["epsilon"].isna()].to_csv(tmp_path / "models.csv", index=False)
    assert quality_by_epsilon.figure(tmp_path / "models.csv").axes[0].containers == []
