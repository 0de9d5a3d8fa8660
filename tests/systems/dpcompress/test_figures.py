import pytest

from privatune.report.frames import read_table
from privatune.systems.dpcompress.figures import accuracy_by_epsilon, accuracy_by_size, accuracy_by_sparsity
from privatune.systems.dpcompress.looks import looks
from privatune.systems.dpcompress.tables import dpcompress

MODULES = [accuracy_by_size, accuracy_by_sparsity, accuracy_by_epsilon]


@pytest.fixture
def rows(accuracies):
    return read_table(accuracies, dpcompress.COLUMNS)


@pytest.mark.parametrize("module", MODULES)
def test_texts_neither_overlap_nor_leave_the_figure_and_no_epsilon_lacks_its_delta(module, accuracies, readable):
    readable(module.figure(accuracies))


@pytest.mark.parametrize(
    "options",
    [
        {
            "levels": [None, 4.25],
            "seeds": [0],
            "methods": ["full", "half", "prune", "mask-random"],
            "exported": ["full"],
        },
        {"levels": [4.25], "methods": ["full", "prune"], "exported": ["full"]},
        {"levels": [None], "methods": ["probe"], "exported": []},
        {"methods": [], "exported": []},
    ],
)
def test_a_small_run_is_drawn_too(make_accuracies, readable, options):
    path = make_accuracies(**options)
    for module in MODULES:
        readable(module.figure(path))


def test_what_figures_show_by_name_has_colours_of_its_own(rows):
    found = looks(rows)
    assert list(found)[:5] == ["full", "half", "dpkd", "drop-blocks", "prune"] and len(found) == 16
    assert len({look.colour for look in list(found.values())[:6]}) == 6
    assert len(set(found.values())) == 16


def test_size_and_time_of_float32_and_int8(accuracies, rows, points):
    size, time = accuracy_by_size.figure(accuracies).axes
    full = rows[rows["bytes_onnx"].notna()].set_index("method").loc["full"]
    float32 = points(size)["DP full model"][0][0]
    assert float32 == pytest.approx([full["bytes_safetensors"] / 1e6, full["accuracy"]], abs=2)
    hollow = [line.get_xydata() for line in time.lines if line.get_markerfacecolor() == "#ffffff"]
    assert [1000 * full["seconds_int8"], full["accuracy"] - 0.2] == pytest.approx(hollow[0][0]), "moved as the seed is"
    sparse = points(size)["unstructured DPIMP, 50 %"][0][0, 0]
    assert float32[0] - sparse == pytest.approx(6.6, abs=3), "it is stored sparse"


def test_curves_of_masks_begin_at_the_full_model(accuracies, rows, points):
    plain, private = accuracy_by_sparsity.figure(accuracies).axes
    assert [axes.get_title(loc="left") for axes in (plain, private)] == [
        "without noise",
        "epsilon 4.25, delta 2.1e-05",
    ]
    full = rows[(rows["method"] == "full") & (rows["target"] == 4.25)]["accuracy"].item()
    made = points(private)
    assert list(made) == ["private mask (unstructured DPIMP)", "public mask", "random mask"]
    for (curve,) in made.values():
        assert curve[:, 0] == pytest.approx([0, 25, 50, 75], abs=1) and curve[0, 1] == full
    (random,) = made["random mask"]
    assert random[2, 1] == rows[(rows["method"] == "mask-random") & (rows["target"] == 4.25)]["accuracy"].item()


def test_methods_with_the_most_epsilons_are_drawn_beside_their_twins(accuracies, rows, points):
    (axes,) = accuracy_by_epsilon.figure(accuracies).axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "4.25", "8", "without noise"]
    made = points(axes)
    assert list(made) == ["DP full model", "DP 3 of 6 blocks", "DPKD", "unstructured DPIMP, 50 %"]
    private, twin = made["DPKD"]
    expected = rows[rows["method"] == "dpkd"].set_index("target")["accuracy"]
    assert private[:, 1] == pytest.approx(expected[[1.0, 4.25, 8.0]])
    assert twin[:, 1] == pytest.approx(expected[expected.index.isna()])
