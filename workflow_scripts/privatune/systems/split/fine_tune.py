"""The vendor's side in the workflow: tops that are trained on what was sent, and how well they classify."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from privatune.core.files import write_json
from privatune.core.tensors import map_tensors
from privatune.evaluation.accuracy import accuracy, resampled
from privatune.models.encoder import Encoder
from privatune.systems.split.settings import SendSettings, VendorSettings
from privatune.systems.split.top import fine_tuned, predicted
from privatune.training.examples import read_examples


def fine_tune_tops(sent: Sequence[str | Path], encoder: Encoder, settings: VendorSettings, path: str | Path) -> None:
    """Train a top on all states that were sent, and write their accuracies on validation and test part.

    Args:
        sent: files of sent states, one per way of sending and seed.
        encoder: the whole encoder.
        settings: how to train, and the ways of sending in the order of the files.
        path: file to write, a list of one record per file.
    """
    ways = [(sending, seed) for sending in settings.sendings for seed in sending.seeds]
    write_json(path, [_measured(at, encoder, settings, *way) for way, at in zip(ways, sent, strict=True)])


def _measured(
    sent: str | Path, encoder: Encoder, settings: VendorSettings, sending: SendSettings, seed: int
) -> dict[str, Any]:
    arrays, about = map_tensors(sent)
    train, validation, test = (read_examples(sent, part) for part in ("train", "validation", "test"))
    phrases = np.zeros((len(about["classes"]), arrays["states"].shape[1]), np.float32)
    top = fine_tuned(encoder, sending.cut, train, phrases, settings.top, seed, sending.numerics)
    found, tried = (predicted(top, part, sending.numerics) for part in (test, validation))
    return {
        **{"cut": sending.cut, "noise": sending.noise, "importance": sending.importance, "seed": seed},
        "accuracy": accuracy(found, test.labels),
        "accuracy_resampled": resampled(found, test.labels, settings.seed, settings.set),
        "accuracy_validation": accuracy(tried, validation.labels),
        "majority": 100 * float(np.bincount(test.labels).max()) / len(test.labels),
        "n": len(train.labels),
        "clusters": len(test.labels),
    }
