import pandas as pd
import pytest

from privatune.core.files import write_json
from privatune.report.figures import canaries as canary_figure
from privatune.report.tables import canaries, private_models

MEASURES = ["ppl_general", "ppl_user", "ppl_average", "recall1_user", "recall3_user", "kss_user"]
GUARANTEE = dict.fromkeys(private_models.STATED, 1.0) | {"epsilon": 2.5, "sampling": "poisson", "adjacency": "add"}


@pytest.fixture
def files(tmp_path):
    paths = []
    for variant, guarantee, found in (("fedavg", None, True), ("private", GUARANTEE, False)):
        rows = [
            {
                "n_users": users,
                "n_copies": copies,
                "canary": 0,
                "rank": 1,
                "references": 1024,
                "exposure": 10.0 if found else 0.0,
                "low": 0.0,
                "high": 12.0,
                "beam_found": found,
            }
            for users in (1, 4)
            for copies in (1, 9)
        ]
        model = {"variant": variant, "seed": 0, "guarantee": guarantee, "canaries": rows} | dict.fromkeys(MEASURES, 9.0)
        paths.append(tmp_path / f"{variant}.json")
        write_json(paths[-1], model)
    return paths


def test_an_epsilon_stands_only_beside_noise_and_with_its_terms(files):
    made = private_models.table(files)
    assert made.frame["epsilon"].isna().tolist() == [True, False]
    assert made.frame.loc[1, private_models.STATED].notna().all()
    assert made.shown["epsilon"].tolist() == ["–", "2.5"]


def test_canaries_have_a_row_each_and_the_note_states_the_largest_exposure(files):
    made = canaries.table(files)
    assert len(made.frame) == 8
    assert "above 10.0" in made.note
    assert made.shown["found"].tolist() == ["yes"] * 4 + [""] * 4


def test_the_figure_counts_what_was_found(files, tmp_path):
    canaries.table(files).frame.to_csv(tmp_path / "canaries.csv", index=False)
    first, second, _ = canary_figure.figure(tmp_path / "canaries.csv").axes
    assert [text.get_text() for text in first.texts] == ["1/1"] * 4
    assert [text.get_text() for text in second.texts] == ["0/1"] * 4
    assert pd.read_csv(tmp_path / "canaries.csv")["exposure"].max() == first.images[0].get_clim()[1]
