"""An exported model reads text as the model that it was made from."""

import numpy as np
import pytest
import torch

from privatune.core.streams import stream
from privatune.evaluation.keystrokes import prefix_index
from privatune.evaluation.measure import Sample, reader, score
from privatune.export import reading
from privatune.export.graph import exported, widths
from privatune.export.runtime import running
from privatune.text.settings import MARKS

INDEX = prefix_index([*MARKS, *(f"w{number}" for number in range(58))])


def sample(chunks=3, length=11):
    ids = stream(3, "text").integers(0, 60, (chunks, length))
    return Sample(ids, np.where(ids > 1, 3, ids == 0), np.array([length, 4, length]), np.arange(chunks))


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("kind", ["lstm", "cifg"])
def test_scores_are_those_of_the_weights(weights, kind, alone):
    w = weights(kind)
    read = reading.reader(running(exported(w), 1, "m", "fix"), widths(w), alone)
    for part, expected in zip(score(read, sample(), INDEX), score(w, sample(), INDEX), strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-5)


def test_alone_each_chunk_is_read_for_itself_word_by_word():
    seen = []

    def call(outputs, inputs):
        seen.append((inputs["words"].item(), inputs["h0"].item()))
        return [np.full((1, 1, 4), inputs["words"], np.float32), inputs["h0"] + 1]

    read = reading.reader(call, {"h0": 1}, alone=True)(2)
    first = read(np.array([[5, 6], [7, 8]]))
    second = read(np.array([[9, 3]]))
    assert seen == [(5, 0), (6, 0), (7, 1), (8, 1), (9, 2), (3, 2)]
    assert first[:, 0].tolist() == [5, 6, 7, 8] and second[:, 0].tolist() == [9, 3]


def test_every_start_is_fresh(weights):
    w, ids = weights("cifg"), np.array([[3, 4], [5, 6]])
    for model in (reader(w), reading.reader(running(exported(w), 1, "m", "fix"), widths(w), False)):
        first = model(2)(ids).clone()
        assert torch.equal(model(2)(ids), first)
