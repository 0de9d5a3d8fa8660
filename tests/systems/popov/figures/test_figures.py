from functools import cache
from importlib import import_module
from itertools import combinations, product

import pytest
from matplotlib.text import Text

from privatune.report.frames import write_table
from privatune.report.tables import stages
from privatune.systems.popov.tables import client_costs, clients, comparison

ONE = ("initial", "device-rehearsal", "averaging-rehearsal")
RUNS = {
    "one seed": {},
    "three seeds": {"seeds": (0, 1, 2)},
    "first seed": {"seeds": (0,)},
    "scenarios missing": {"scenarios": ONE},
    "no initial": {"scenarios": ("averaging-plain",)},
    "only initial": {"scenarios": ("initial",)},
}


@pytest.fixture(scope="module")
def tables(make_run, tmp_path_factory):
    """tables(**run): the tables of that run, which is made once."""

    @cache
    def make(**options):
        run, folder = make_run(**options), tmp_path_factory.mktemp("tables")
        paths = {name: folder / f"{name}.csv" for name in ("comparison", "stages", "client_costs")}
        write_table(clients.table(run.clients, run.scenarios), folder / "clients.csv")
        models = comparison.table(run.evaluations, [folder / "clients.csv"], run.paper, run.about)
        write_table(models, paths["comparison"])
        write_table(client_costs.table(run.costs, run.paper_text, run.scenarios), paths["client_costs"])
        write_table(stages.table(run.benchmarks, run.folder), paths["stages"])
        return paths | {"curve": run.curve}

    return make


@pytest.fixture
def made(tables, write_replicates):
    """made(figure, **run): that figure of that run."""

    def make(name, **options):
        if name.startswith("popov"):
            return import_module(f"privatune.systems.popov.figures.{name}").figure(write_replicates(**options))
        paths = tables(**options)
        needs = {"pretraining": ["curve"], "costs": ["stages", "client_costs"]}.get(name, ["comparison"])
        owner = "report" if name == "pretraining" else "systems.popov"
        return import_module(f"privatune.{owner}.figures.{name}").figure(**{need: paths[need] for need in needs})

    return make


FIGURES = ["perplexity_by_round", "tradeoff", "keystrokes", "pretraining", "costs"]


def drawn_texts(figure):
    """Every text that is drawn; matplotlib keeps labels of ticks outside the axis, which are not."""
    figure.draw_without_rendering()
    hidden = [
        tick.label1
        for axes in figure.axes
        for axis, place in ((axes.xaxis, 0), (axes.yaxis, 1))
        for tick in axis.get_major_ticks()
        if not min(axis.get_view_interval()) <= tick.label1.get_position()[place] <= max(axis.get_view_interval())
    ]
    texts = figure.findobj(lambda part: isinstance(part, Text) and part.get_visible() and part.get_text().strip())
    return [text for text in texts if text not in hidden]


@pytest.mark.parametrize(
    ("name", "run"),
    [
        *product(["perplexity_by_round", "tradeoff", "keystrokes"], ["three seeds", "only initial"]),
        *(
            pytest.param(*row, marks=pytest.mark.slow)
            for row in product(
                ["perplexity_by_round", "tradeoff", "keystrokes"], ["one seed", "scenarios missing", "no initial"]
            )
        ),
        *product(["popov_methods", "popov_rounds"], ["three seeds", "first seed"]),
        ("pretraining", "one seed"),
        ("costs", "one seed"),
        ("costs", "only initial"),
    ],
)
def test_texts_neither_overlap_nor_leave_the_figure(made, name, run):
    figure = made(name, **RUNS[run])
    boxes = {text: text.get_window_extent() for text in drawn_texts(figure)}
    assert len(boxes) > 5
    page = figure.bbox.padded(1)
    for text, box in boxes.items():
        assert page.x0 <= box.x0 <= box.x1 <= page.x1 and page.y0 <= box.y0 <= box.y1 <= page.y1, text
    for (one, box), (two, other) in combinations(boxes.items(), 2):
        assert not box.padded(-0.5).overlaps(other.padded(-0.5)), (one, two)


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_the_same_tables_give_the_same_bytes(made, name, same_bytes):
    same_bytes(lambda: made(name, scenarios=ONE))


def test_lines_start_at_the_initial_model_and_pass_through_the_rounds(made):
    general, user = made("perplexity_by_round").axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in user.get_lines()}
    assert lines["averaging rehearsal"] == [[0, 401], [1, pytest.approx(268)], [3, 176], [10, pytest.approx(118)]]
    assert lines["device lwf"] == [[1, 262]]
    assert not [patch for axes in (general, user) for patch in axes.collections]


def test_replicates_make_a_band(made):
    general, _ = made("perplexity_by_round", **RUNS["three seeds"]).axes
    assert len(general.collections) >= 1


def test_the_papers_points_are_hollow(made):
    (axes,) = made("tradeoff", scenarios=ONE).axes
    faces = [line.get_markerfacecolor() for line in axes.get_lines()]
    assert faces.count("#ffffff") == 3 and len(faces) == 6
