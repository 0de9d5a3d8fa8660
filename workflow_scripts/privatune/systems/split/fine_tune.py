"""The vendor's side in the workflow: tops that are trained on what was sent, and how well they classify."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from privatune.core.files import write_json
from privatune.core.tensors import map_tensors
from privatune.evaluation.accuracy import accuracy, resampled
from privatune.models.encoder import Encoder
from privatune.systems.split.settings import VendorSettings
from privatune.systems.split.top import fine_tuned, predicted
from privatune.training.examples import read_examples


def fine_tune_tops(sent: Sequence[str | Path], encoder: Encoder, settings: VendorSettings, path: str | Path) -> None:
    """Train a top on the states that were sent under each seed, and write its accuracies on validation and test part.

    Args:
        sent: files of sent states, one per seed.
        encoder: the whole encoder.
        settings: how to train.
        path: file to write, a list of one record per seed.
    """
    seeds = settings.sending.seeds
    write_json(path, [_measured(at, encoder, settings, seed) for seed, at in zip(seeds, sent, strict=True)])


def _measured(sent: str | Path, encoder: Encoder, settings: VendorSettings, seed: int) -> dict[str, Any]:
    sending, (arrays, about) = settings.sending, map_tensors(sent)
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
