import pytest

from privatune.core.files import write_json
from privatune.core.settings import CohortSettings
from privatune.federation.settings import ClientSettings
from privatune.systems.compression.methods import MethodSettings, choices
from privatune.systems.compression.tables import compression

METHODS = {
    "averaging-topk": {"mode": "averaging", "codec": {"name": "topk"}, "download": {"name": "half"}},
    "gradient-dense": {"mode": "gradient"},
    "gradient-topk": {"mode": "gradient", "codec": {"name": "topk"}},
    "gradient-dgc-strict": {"mode": "gradient", "codec": {"name": "dgc"}, "memory": "person"},
}


@pytest.fixture
def made(tmp_path):
    shared = {"client": ClientSettings(), "cohort": CohortSettings(), "final_rate": 0.1, "averaged": 0.5}
    runs, tunings = [], []
    for name, settings in METHODS.items():
        (choice,) = choices(MethodSettings(learning_rates=[1.5], **settings), **shared)
        tunings.append(tmp_path / name / "tuning.json")
        runs.append(tmp_path / name / "seed-0.json")
        tunings[-1].parent.mkdir()
        write_json(tunings[-1], [{"choice": choice.model_dump(mode="json"), "ppl_average": 9.0, "steps": 2}])
        measures = dict.fromkeys("ppl_general ppl_user ppl_average kss_general kss_user".split(), 50.0)
        rows = [{"steps": step, "tokens": step, "bits_up": step, "bits_down": step} for step in (0, 2)]
        write_json(runs[-1], [{"method": name, "seed": 0, **row, **measures} for row in rows])
    return compression.table(runs, tunings, {method: [] for method in METHODS}, "a model", 0.5)


def test_a_row_says_how_models_reach_a_person_and_whose_memory_a_codec_has(made):
    rows = made.frame.groupby("method", sort=False).first()
    assert rows.index.tolist() == list(METHODS) and len(made.frame) == 2 * len(METHODS)
    assert rows["download"].tolist() == ["half", "dense", "dense", "dense"]
    assert rows["memory"].tolist() == ["", "", "device", "person"], "of a codec that keeps something between two steps"
    assert (rows["learning_rate"] == 1.5).all()


def test_the_note_says_what_is_averaged_and_what_passes_from_person_to_person(made):
    assert "newest 50 % of the steps" in made.note and "leaves with the person" in made.note
