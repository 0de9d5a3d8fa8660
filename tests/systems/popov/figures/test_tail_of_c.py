from itertools import combinations

import numpy as np
import pytest
from matplotlib.text import Text

from privatune.attacks.settings import TailTestSettings
from privatune.attacks.tail import fit_tails
from privatune.core.files import write_json
from privatune.core.streams import stream
from privatune.core.tensors import save_tensors
from privatune.report.frames import write_table
from privatune.systems.popov.figures.tail_of_c import figure
from privatune.systems.popov.tables import tail


@pytest.fixture
def paths(tmp_path):
    """paths(pairs, n): table and curves of that many pairs of a Pareto and a normal sample."""

    def make(pairs, n=12_000):
        files = []
        for pair in range(pairs):
            rng = stream(pair, "sample")
            samples = {"forward": rng.laplace(0, 0.1, n), "reverse": rng.normal(0, 0.2, n), "equal": np.zeros(n)}
            for direction in ("forward", "reverse") if pair else ("forward", "equal"):
                files.append(tmp_path / f"{pair}-{direction}")
                about = {"pair": str(pair), "direction": direction.replace("equal", "reverse")}
                save_tensors(files[-1], {"log_c": samples[direction].astype(np.float32)}, about)
        fits, curves = fit_tails(files, TailTestSettings(simulations=500), 0)
        write_json(tmp_path / "tail.json", fits)
        curves.to_csv(tmp_path / "curves.csv", index=False)
        write_table(tail.table(tmp_path / "tail.json"), tmp_path / "tail.csv")
        return tmp_path / "tail.csv", tmp_path / "curves.csv"

    return make


@pytest.mark.parametrize("pairs", [1, 2, 6])
def test_a_panel_a_sample_and_texts_that_can_be_read(paths, pairs):
    drawn = figure(*paths(pairs))
    assert len(drawn.axes) == 2 * min(pairs, 4)
    drawn.draw_without_rendering()
    assert drawn.axes[0].get_title(loc="left") == "pair 0, forward: Pareto tail not rejected"
    assert drawn.axes[1].get_title(loc="left") == "pair 0, reverse: Pareto tail undecided"
    titles = drawn.findobj(lambda part: isinstance(part, Text) and "Pareto tail" in part.get_text())
    marks = [text for axes in drawn.axes for text in axes.texts]
    assert len(titles) == len(drawn.axes)
    boxes = {text: text.get_window_extent() for text in [*titles, *marks, *drawn.legends[0].get_texts()]}
    page = drawn.bbox.padded(1)
    for text, box in boxes.items():
        assert page.x0 <= box.x0 <= box.x1 <= page.x1 and page.y0 <= box.y0 <= box.y1 <= page.y1, text
    for (one, box), (two, other) in combinations(boxes.items(), 2):
        assert not box.padded(-0.5).overlaps(other.padded(-0.5)), (one, two)


def test_epsilon_is_drawn_only_where_the_tail_is_pareto(paths):
    _, _, kept, rejected = figure(*paths(2)).axes
    assert [text.get_text() for text in rejected.texts] == []
    assert len(kept.texts) == 3
    assert rejected.get_title(loc="left").endswith("Pareto tail rejected")
    (marks,) = (line for line in kept.get_lines() if line.get_label() == "estimated epsilon at delta")
    (highs,) = (
        line for line in kept.get_lines() if line.get_label() == "estimated epsilon at the upper limit of the shape"
    )
    shown = [f"{x:.2f} to {y:.2f}" for x, y in zip(marks.get_xdata(), highs.get_xdata(), strict=True)]
    assert shown == [text.get_text() for text in kept.texts]
    assert list(marks.get_ydata()) == list(highs.get_ydata()) == [1e-6, 1e-5, 1e-4]


def test_the_same_tables_give_the_same_bytes(paths, same_bytes):
    made = paths(1)
    same_bytes(lambda: figure(*made))
