"""Measure a trained classifier: what it gets right, and how large it is."""

from typing import Any

import numpy as np
import torch
from torch import nn

from privatune.evaluation.accuracy import accuracy, predictions, resampled
from privatune.models.encoder import Encoder, upper_blocks
from privatune.systems.dpcompress.model import Weights, kept_blocks, prunable
from privatune.systems.dpcompress.settings import CompressJobSettings, PruneSettings
from privatune.systems.dpcompress.terms import expected_batch
from privatune.systems.dpcompress.train import MOST_TOKENS, MOST_VECTORS, Task


def predicted(task: Task, weights: Weights, seed: int, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the predictions of trained weights and the labels, [n] int64 each, for the private sentences of a part."""
    last, device = task.plan[-1], torch.device(task.numerics.accelerator)
    model, examples = task.model(last, seed), task.examples(last, part)
    model.load(weights)
    most = MOST_VECTORS if last.head_only else MOST_TOKENS
    return predictions(model.classifier.to(device), examples, device, most), examples.labels


def measured(task: Task, settings: CompressJobSettings, weights: Weights, seed: int) -> dict[str, Any]:
    """Return what the record of one classifier says of its making, its accuracy and its size."""
    last, method = task.plan[-1], settings.settings
    found, labels = predicted(task, weights, seed, "test")
    kept = kept_blocks(task.encoder, last.blocks)
    parameters = deployed_weights(task.encoder, kept, weights)
    matrices = prunable(weights).values() if last.mask != "none" else []
    zeros = sum(int((weight == 0).sum()) for weight in matrices)
    n = len(task.examples(last, "train").labels)
    return {
        "kind": method.kind,
        "seed": seed,
        "n": n,
        "classes": task.classes,
        "blocks": " ".join(map(str, kept)),
        "trained_blocks": len({name.split(".")[1] for name in weights if name.startswith("blocks.")}),
        "sparsity": zeros / sum(weight.numel() for weight in matrices) if zeros else 0.0,
        "mask": "private" if isinstance(method, PruneSettings) else getattr(method, "mask", "none"),
        "start": getattr(method, "start", "pretrained"),
        "phases": len(task.plan),
        "steps": sum(phase.steps for phase in task.plan if phase.share),
        "batch": expected_batch(n, last, task.train),
        "accuracy": accuracy(found, labels),
        "accuracy_resampled": resampled(found, labels, settings.seed, settings.set),
        "clusters": len(labels),
        "majority": 100 * float(np.bincount(labels).max()) / len(labels),
        "parameters": parameters,
        "nonzero": parameters - zeros,
    }


def deployed_weights(encoder: Encoder, kept: tuple[int, ...], weights: Weights) -> int:
    """Return how many weights a model has when it is used: embeddings, kept blocks and head, with those that are 0."""
    every = upper_blocks(encoder, encoder.blocks)
    dropped = sum(_count(block) for number, block in enumerate(every) if number not in kept)
    head = sum(weight.numel() for name, weight in weights.items() if name.startswith("head."))
    return _count(encoder.network) - dropped + head


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
