import math

import matplotlib
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from privatune.report.style import drawing, looks, perplexity_axis, save_figure


@drawing()
def a_figure() -> Figure:
    drawn = Figure()
    drawn.subplots().plot([1, 2], [3, 4], label="line")
    return drawn


def test_the_same_figure_gives_the_same_bytes_whatever_matplotlib_is_set_to(tmp_path):
    save_figure(a_figure(), tmp_path / "1.pdf", tmp_path / "1.png")
    with matplotlib.rc_context({"font.size": 20, "axes.grid": False, "savefig.dpi": 50}):
        save_figure(a_figure(), tmp_path / "2.pdf", tmp_path / "2.png")
        assert matplotlib.rcParams["font.size"] == 20
    for form in ("pdf", "png"):
        assert (tmp_path / f"1.{form}").read_bytes() == (tmp_path / f"2.{form}").read_bytes()
    assert b"CreationDate" not in (tmp_path / "1.pdf").read_bytes()


def test_a_note_stands_above_all_that_is_drawn(tmp_path):
    figure = a_figure()
    save_figure(figure, tmp_path / "a.pdf", tmp_path / "a.png", "Tiny sizes.")
    (note,) = figure.texts
    assert note.get_text() == "Tiny sizes."
    figure.draw_without_rendering()  # at one resolution
    assert note.get_window_extent().y0 >= figure.axes[0].get_tightbbox().y1
    save_figure(plain := a_figure(), tmp_path / "a.pdf", tmp_path / "a.png")
    assert not plain.texts


@given(st.floats(1, 1e6), st.floats(1, 1e4))
def test_a_perplexity_axis_has_a_few_round_numbers(low, factor):
    axes = Figure().subplots()
    perplexity_axis(axes, "y", [low, low * factor, math.nan])
    bottom, top = axes.get_ylim()
    assert bottom < low and top > low * factor
    assert 2 <= len(axes.get_yticks()) <= 6


def test_squares_are_single_devices_and_colours_differ():
    models = pd.DataFrame(
        {"scenario": ["initial", "a", "b", "b"], "round": [0, 1, 1, 3], "clients_per_round": [0, 1, 10, 10]}
    )
    chosen = looks(models)
    assert [look.marker for look in chosen.values()] == ["D", "s", "o"]
    assert len({look.colour for look in chosen.values()}) == 3
