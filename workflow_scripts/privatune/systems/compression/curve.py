"""Measure the quality of a method against the bits it has sent."""

from collections.abc import Sequence
from typing import Any

import torch

from privatune.evaluation.keystrokes import prefix_index
from privatune.evaluation.measure import evaluate
from privatune.evaluation.settings import EvaluationSettings
from privatune.models.arrays import Model
from privatune.models.settings import NumericsSettings
from privatune.systems.compression.follow import follow
from privatune.systems.compression.methods import Choice
from privatune.systems.compression.progress import Progress
from privatune.text.streams import Stream

MEASURES = ["ppl_general", "ppl_user", "ppl_average", "kss_general", "kss_user"]


def curve(
    model: Model,
    training: tuple[Stream, Stream],
    tests: tuple[Stream, Stream],
    words: Sequence[str],
    choice: Choice,
    numerics: NumericsSettings,
    evaluation: EvaluationSettings,
    seeds: tuple[int, int],
    shares: Sequence[float],
) -> list[dict[str, Any]]:
    """Train, and measure the model before training and at shares of it.

    Args:
        model: the model that training starts from.
        training: private text, one unit per person, and general text, as in `follow`.
        tests: general and user text to measure on.
        words: the words of the vocabulary, in the order of their ids.
        choice, numerics, evaluation: the method, how to compute, and the settings of evaluation.
        seeds: the seed of the replicate and that of the measured samples.
        shares: shares of the whole training, ascending.

    Returns:
        One dictionary per measured point: steps (how many times every device has sent), tokens, bits_up, bits_down, and
        MEASURES.
    """
    start = Progress(0, 0, 0, 0, model.arrays)
    rows, index = [], prefix_index(words)
    for at in (start, *follow(model, *training, choice, numerics, seeds[0], shares)):
        weights = {name: torch.from_numpy(array) for name, array in at.model.items()}
        measures = evaluate(weights, *tests, index, evaluation, seeds[1])
        row = {name: value for name, value in at._asdict().items() if name != "model"}
        rows.append(row | {name: measures[name] for name in MEASURES})
    return rows
