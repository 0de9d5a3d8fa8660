from io import BytesIO

import numpy as np
import pandas as pd
import pytest

from privatune.systems.compression.figures import bits_to_reach, perplexity_by_bits
from privatune.systems.compression.looks import method_looks


@pytest.fixture
def compression(tmp_path):
    rows = []
    for method, mode, codec, scale in (
        ("averaging-dense", "averaging", "dense", 1),
        ("gradient-topk", "gradient", "topk", 2),
    ):
        for seed, steps in ((0, (0, 10, 20)), (1, (0, 12, 24))):  # texts of other lengths: other steps
            for step, perplexity in zip(steps, (400, 200, 100 * scale), strict=True):
                rows.append((method, mode, codec, seed, step, perplexity, perplexity, 8e6 * scale * step))
    columns = "method mode codec seed steps ppl_user ppl_average bits_up".split()
    path = tmp_path / "compression.csv"
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    return path


def lines(axes):
    return {line.get_label(): line.get_xydata() for line in axes.get_lines() if not line.get_label().startswith("_")}


def test_a_line_is_the_geometric_mean_of_replicates_at_the_same_share_of_training(compression):
    panels = perplexity_by_bits.figure(compression).axes
    assert len(panels) == 2
    drawn = lines(panels[1])
    np.testing.assert_allclose(drawn["averaging dense"], [[np.sqrt(10 * 12), 200], [np.sqrt(20 * 24), 100]])
    np.testing.assert_allclose(drawn["gradient topk"][:, 1], [200, 200])


def test_a_method_is_drawn_as_far_as_all_replicates_are_measured(compression):
    drawn = lines(bits_to_reach.figure(compression).axes[0])
    assert drawn["averaging dense"][:, 0].max() < 200, "the first point that sent anything has none before it"
    assert drawn["averaging dense"][:, 0].min() == pytest.approx(100)
    assert not len(drawn["gradient topk"]), "it is no better at its end than at the first look"
    assert (np.diff(drawn["averaging dense"][:, 1]) >= 0).all()


def test_a_run_so_short_that_nothing_lies_between_two_points_is_drawn_without_lines(compression):
    runs = pd.read_csv(compression)
    runs[runs["method"] == "gradient-topk"].to_csv(compression, index=False)
    figure = bits_to_reach.figure(compression)
    figure.savefig(BytesIO())
    assert not any(len(points) for points in lines(figure.axes[0]).values())


def test_variants_of_one_codec_look_different():
    runs = pd.DataFrame(
        [(m, m.split("-")[0], m.split("-")[1]) for m in ("averaging-qsgd", "averaging-qsgd-down", "gradient-qsgd")],
        columns=["method", "mode", "codec"],
    )
    assert len(set(method_looks(runs).values())) == 3
