import numpy as np
import pandas as pd
import pytest

from privatune.report.frames import read_table, write_table
from privatune.systems.dpzero.figures import (
    accuracy_by_directions,
    accuracy_by_method,
    error_by_dimension,
    memory_by_method,
)
from privatune.systems.dpzero.tables import dimension, dpzero, dpzero_accuracy, memory


@pytest.fixture
def errors(write_dimension, tmp_path):
    write_table(dimension.table(write_dimension()), tmp_path / "dimension.csv")
    return error_by_dimension.figure(tmp_path / "dimension.csv")


@pytest.fixture
def memories(write_costs, tmp_path):
    write_table(memory.table(write_costs()), tmp_path / "memory.csv")
    return memory_by_method.figure(tmp_path / "memory.csv")


def test_texts_neither_overlap_nor_leave_the_figure_and_no_epsilon_lacks_its_delta(
    accuracies, errors, memories, readable
):
    for figure in (accuracy_by_method.figure(accuracies), accuracy_by_directions.figure(accuracies), errors, memories):
        readable(figure)


def test_every_method_is_drawn_at_every_epsilon(accuracies, points):
    labels, axes, *_ = accuracy_by_method.figure(accuracies).axes
    rows = read_table(accuracies, dpzero_accuracy.COLUMNS)
    rows = rows[(rows["set"] == "trec") & rows["method"].notna()]
    made = points(axes)
    assert list(made) == ["without noise"] + [f"epsilon {epsilon}, delta 1.5e-05 to 2.1e-05" for epsilon in (6, 2)]
    assert [len(series[0]) for series in made.values()] == [9, 10, 10]
    assert made["without noise"][0][:, 0] == pytest.approx(rows.loc[rows["epsilon"].isna(), "accuracy"])
    names = [text.get_text() for text in labels.get_yticklabels()]
    assert names[0] == "DP linear probe" and "DPZero, 512 steps" in names and len(names) == 10


def test_directions_are_drawn_in_their_groups(accuracies, points):
    grid = accuracy_by_directions.figure(accuracies).axes
    assert [axes.get_title(loc="left") for axes in grid] == [
        "rotten tomatoes, equal steps",
        "trec, equal steps",
        "rotten tomatoes, equal forward passes",
        "trec, equal forward passes",
    ]
    rows = read_table(accuracies, dpzero_accuracy.COLUMNS)
    for axes, methods in ((grid[1], ["zeroth-1", "zeroth-16", "zeroth-64"]),
                          (grid[3], ["forwards-1", "zeroth-16", "forwards-64"])):  # fmt: skip
        (plain,) = points(axes)["without noise"]
        expected = rows[(rows["set"] == "trec") & rows["epsilon"].isna()].set_index("method").loc[methods]
        assert plain == pytest.approx(expected[["directions", "accuracy"]].to_numpy())
        assert {len(series) for series in points(axes).values()} == {1}


def test_the_error_is_drawn_with_slopes(errors, points):
    made = points(errors.axes[0])
    assert [label.partition(":")[0] for label in made] == ["DPZero", "DPGD-0th"]
    assert all(len(series[0]) == 7 for series in made.values())
    (steep,) = made[next(label for label in made if label.startswith("DPGD"))]
    assert np.polyfit(*np.log(steep).T, 1)[0] == pytest.approx(1.0, abs=0.05)


def test_memory_is_drawn_as_the_median(memories, tmp_path):
    left, right = memories.axes
    rows = read_table(tmp_path / "memory.csv", memory.COLUMNS)
    medians = rows.groupby("row", sort=False)[["memory_over_inference", "seconds_over_inference"]].median()
    for axes, column in ((left, "memory_over_inference"), (right, "seconds_over_inference")):
        widths = {round(bar.get_y() + 0.3): bar.get_width() for bar in axes.patches}
        assert [widths[place] for place in range(6)] == pytest.approx(medians[column].tolist())


@pytest.mark.parametrize("options", [{"seeds": [0], "sets": ["trec"], "methods": ["probe"]}, {"sets": []}])
def test_a_small_run_is_drawn_too(write_classifiers, tmp_path, options):
    write_table(dpzero.table(write_classifiers(**options)), tmp_path / "dpzero.csv")
    write_table(dpzero_accuracy.table(tmp_path / "dpzero.csv"), tmp_path / "accuracy.csv")
    for module in (accuracy_by_method, accuracy_by_directions):
        module.figure(tmp_path / "accuracy.csv").draw_without_rendering()
        assert isinstance(read_table(tmp_path / "accuracy.csv", []), pd.DataFrame)
