import pytest

from privatune.systems.popov.figures import popov_methods, popov_rounds


def test_a_method_is_drawn_beside_the_papers_in_percent_of_the_initial_model(write_replicates):
    figure = popov_methods.figure(write_replicates())
    figure.draw_without_rendering()
    general, user, _ = figure.axes
    labels = [label.get_text() for label in general.get_yticklabels()]
    assert labels[0] == "device rehearsal 25" and labels[-1] == "averaging rehearsal, round 10"
    assert not any("plain, round" in label for label in labels), "neither replicates nor a row of the paper"
    place = labels.index("device plain")
    hollow = [line for line in user.get_lines() if line.get_marker() == "D" and line.get_ydata()[0] == place]
    assert hollow[0].get_xdata()[0] == pytest.approx(100 * 93.4 / 336.0)
    filled = [line for line in user.get_lines() if line.get_marker() == "o" and line.get_ydata()[0] == place]
    assert filled[0].get_xdata()[0] == pytest.approx(100 * 238 / 334, rel=0.02)


@pytest.mark.parametrize(("seeds", "intervals"), [([0, 1, 2], 13), ([0], 0)])
def test_a_single_run_has_no_interval(write_replicates, seeds, intervals):
    axes = popov_methods.figure(write_replicates(seeds=seeds)).axes[0]
    drawn = [path for lines in axes.collections for path in lines.get_paths() if len(path.vertices) == 2]
    assert sum(path.vertices[0, 0] < path.vertices[1, 0] for path in drawn) == intervals


def test_figure_2_has_the_chains_alone_and_a_band_where_there_are_replicates(write_replicates):
    figure = popov_rounds.figure(write_replicates(noise=0.05))
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert sorted(legend) == ["averaging control", "averaging plain", "averaging rehearsal", "initial"]
    (band,) = figure.axes[0].collections
    assert band.get_paths()[0].vertices[:, 0].max() == 4, "round 10 has one replicate"


@pytest.mark.parametrize("part", [pytest.param(popov_methods, marks=pytest.mark.slow), popov_rounds])
def test_the_same_table_gives_the_same_bytes(write_replicates, part, same_bytes):
    path = write_replicates()
    same_bytes(lambda: part.figure(path))
