import pytest

from privatune.core.files import write_json
from privatune.report.frames import read_table, write_table
from privatune.report.intervals import Interval
from privatune.report.page.said import Model, point
from privatune.report.page.section import PARTS
from privatune.report.tables.models import COLUMNS, table


def section(path, name, *models):
    """A section of the page with these models, in a file."""
    write_json(path, dict.fromkeys(PARTS, "") | {"name": name, "models": [point(model) for model in models]})
    return path


@pytest.fixture
def sections(tmp_path):
    """Two systems: one with a model in two rounds, one with an epsilon."""
    kss = ("main: KSS, %", "averaging, round")
    main = [
        Model(kss[0], f"{kss[1]} 1", Interval(50.0, 49.0, 51.0, 3, "seeds"), "higher", megabytes=2.5, listed=False),
        Model(kss[0], f"{kss[1]} 4", Interval(55.0, 54.0, 56.0, 3, "seeds"), "higher", megabytes=10.0),
    ]
    private = Model(
        "dpzero: accuracy, %", "NA", Interval(80.0, 1, 1, 1), "higher", "one sentence", epsilon=2, delta=1e-5
    )
    return [section(tmp_path / "main.json", "main", *main), section(tmp_path / "dpzero.json", "dpzero", private)]


def test_every_model_of_every_section_is_a_row_with_its_costs(sections, tmp_path):
    made = table(sections)
    write_table(made, tmp_path / "models.csv")
    frame = read_table(tmp_path / "models.csv", COLUMNS)
    assert list(frame.columns) == COLUMNS and frame["system"].tolist() == ["main", "main", "dpzero"]
    assert frame["name"].iloc[2] == "NA", "a name, not a null"
    affordable = frame[(frame["task"] == "main: KSS, %") & (frame["megabytes"] <= 3)]
    assert affordable["quality"].tolist() == [50.0], "the filter of docs/budget.md"
    assert frame["epsilon"].notna().equals(frame["delta"].notna())


def test_a_reader_sees_each_model_once_and_what_is_known_of_it(sections):
    shown = table(sections).shown
    assert shown["model"].tolist() == ["averaging, round 4", "NA"]
    assert shown["sent up and down, MB"].tolist() == ["10", "–"] and shown["delta"].tolist() == ["–", "1e-05"]


def test_no_section_no_row():
    made = table([])
    assert made.frame.empty and list(made.frame.columns) == COLUMNS and made.shown.empty
