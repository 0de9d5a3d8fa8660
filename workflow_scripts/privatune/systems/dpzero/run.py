"""Tune and train the classifiers of one method at one epsilon, and measure them on the test part."""

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from privatune.core.files import write_json
from privatune.core.streams import stream, stream_key
from privatune.core.tensors import digest, map_tensors, save_tensors
from privatune.evaluation.accuracy import accuracy, predictions, resampled, zero_shot
from privatune.models.checkpoint import use
from privatune.models.classifier import Classifier, Upper, classifier, encoder_weights, trained
from privatune.models.encoder import Encoder, load_encoder
from privatune.privacy.mechanism import Mechanism, mechanism_record
from privatune.privacy.releases import made_with, release_name, release_seed
from privatune.systems.dpzero.settings import ClassifierJobSettings, GradientSettings, ZerothSettings
from privatune.systems.dpzero.steps import Choice, Draws, bytes_per_step, forwards, train
from privatune.systems.dpzero.terms import expected_batch, mechanism_of, stated
from privatune.text.sentences import PARTS
from privatune.training.examples import Examples, read_examples


class Job(NamedTuple):
    """What all trainings of a job share."""

    settings: ClassifierJobSettings
    parts: dict[str, Examples]
    phrases: np.ndarray  # [classes, hidden] vectors of the labels' phrases; zero where there are none
    encoder: Encoder | None
    mechanism: Mechanism | None
    code: Sequence[str]
    device: torch.device


def train_classifiers(
    examples: str | Path,
    vectors: str | Path,
    encoder: str | Path | None,
    code: Sequence[str],
    settings: ClassifierJobSettings,
    classifiers: str | Path,
    tuning: str | Path,
    models: str | Path,
) -> None:
    """Choose rate and clip on the validation part, train under every seed, and write what the test part shows.

    Of the first seed, the trained weights are written, too, in the form that `export.classifiers.deployed` reads.

    Args:
        examples: the file that the scope reads: vectors, states or tokens.
        vectors: the file of sentence vectors, with the vectors of the labels' phrases.
        encoder: the encoder's folder; a method of the head alone needs none.
        code: the files of the library in use, which a secret release records.
        settings: the job's settings.
        classifiers, tuning: the files to write, one record per seed, and one per point of the grid.
        models: the file of the trained weights.

    Raises:
        PrivatuneError: a file is damaged, the settings support no epsilon, or a training moved no weight.
    """
    device = use(settings.numerics)
    parts = {part: read_examples(examples, part) for part in PARTS}
    method, n = settings.settings, len(parts["train"].labels)
    mechanism = None
    if settings.epsilon is not None:
        mechanism = mechanism_of(n, method, settings.epsilon, settings.privacy)
    about = stated(mechanism)
    loaded = load_encoder(encoder) if encoder else None
    arrays, header = map_tensors(vectors)
    phrases = np.array(arrays["phrases"])
    job = Job(settings, parts, phrases, loaded, mechanism, code, device)
    tried = [(choice, _tuned(job, choice)) for choice in _grid(job)]
    best = max(tried, key=lambda point: point[1])[0]  # the first of equals
    names = {"set": settings.set, "method": settings.method, "epsilon": about["epsilon"], "delta": about["delta"]}
    grid = [
        names
        | {"rate": choice.rate, "clip": _finite(choice.clip), "seed": settings.tuning.seed}
        | {"accuracy": found, "chosen": choice == best}
        for choice, found in tried
    ]
    baseline = zero_shot(phrases, read_examples(vectors, "test"), device)
    rows, kept = [], {}
    for seed in settings.seeds:
        model, change = _trained(job, best, seed)
        rows.append(_measured(job, best, seed, model, change) | about | names | {"zero_shot": baseline})
        if seed == settings.seeds[0]:
            kept = {f"{seed}/{name}": weight.cpu().numpy() for name, weight in _weights(model, loaded).items()}
    blocks = {str(settings.seeds[0]): None}  # all of the encoder's
    more = {"set": settings.set, "head": settings.head.name}
    save_tensors(models, kept, {"blocks": blocks, "classes": header["classes"], **more})
    write_json(tuning, grid)
    write_json(classifiers, rows)


def _weights(model: Classifier, encoder: Encoder | None) -> dict[str, torch.Tensor]:
    """Return the trained weights of a classifier by their names in the encoder, whose last blocks are in its body."""
    every = range(encoder.blocks if encoder else 0)
    return encoder_weights(model, every[-len(model.body.blocks) :] if isinstance(model.body, Upper) else every)


def _grid(job: Job) -> list[Choice]:
    """Return the points of the grid; without noise nothing is clipped."""
    method, tuning = job.settings.settings, job.settings.tuning
    clips = [method.clip * factor for factor in tuning.clips] if job.mechanism else [math.inf]
    return [Choice(method.rate * factor, clip) for clip in clips for factor in tuning.factors]


def _finite(clip: float) -> float | None:
    return clip if math.isfinite(clip) else None


def _trained(job: Job, choice: Choice, seed: int) -> tuple[Classifier, float]:
    """Return a trained classifier and the largest change of a weight."""
    s = job.settings
    rng = stream(seed, "classifier")
    model = classifier(s.settings.scope, s.head, job.phrases, rng, job.encoder).to(job.device)
    before = {name: weight.detach().clone() for name, weight in trained(model).items()}
    train(model, job.parts["train"], s.settings, choice, job.mechanism, _draws(job, choice, seed), s.numerics)
    changes = [float((weight.detach() - before[name]).abs().max()) for name, weight in trained(model).items()]
    logging.info("%s, rate %g, clip %g, seed %d: largest change %g", s.method, *choice, seed, max(changes))
    return model, max(changes)


def _draws(job: Job, choice: Choice, seed: int) -> Draws:
    """Return the seeds of a training: public ones, or for a secret release its own secret seed for what must hide."""
    s = job.settings
    if s.secrets is None or job.mechanism is None:
        return Draws(directions=seed, hidden=stream_key(seed, "dpzero hidden"))
    texts = {
        part: digest({"values": examples.values, "labels": examples.labels}) for part, examples in job.parts.items()
    }
    origin = {
        "system": "dpzero",
        "sentences": texts["train"],
        "method": s.settings.model_dump(mode="json"),
        "head": s.head.model_dump(mode="json"),
        "mechanism": mechanism_record(replace(job.mechanism, clip=choice.clip)),
        "rate": choice.rate,
        "seed": seed,
    }
    folder = Path(s.secrets) / release_name(origin)
    return Draws(directions=seed, hidden=release_seed(folder, origin, made_with(job.code, s.numerics)))


def _tuned(job: Job, choice: Choice) -> float:
    """Return the accuracy on the validation part at one point of the grid."""
    model, _ = _trained(job, choice, job.settings.tuning.seed)
    validation = job.parts["validation"]
    return accuracy(predictions(model, validation, job.device), validation.labels)


def _measured(job: Job, choice: Choice, seed: int, model: Classifier, change: float) -> dict[str, Any]:
    """Return the record of one trained classifier, and of the largest change of its weights."""
    s, test, n = job.settings, job.parts["test"], len(job.parts["train"].labels)
    predicted = predictions(model, test, job.device)
    method, step = s.settings, s.settings.step
    parameters = sum(weight.numel() for weight in trained(model).values())
    return {
        "scope": method.scope.name,
        "head": s.head.name,
        "step": step.name,
        "optimiser": step.optimiser if isinstance(step, GradientSettings) else None,
        "directions": step.directions if isinstance(step, ZerothSettings) else None,
        "noised": step.noised if isinstance(step, ZerothSettings) else "vector",
        "seed": seed,
        "n": n,
        "classes": len(job.phrases),
        "batch": expected_batch(n, method),
        "steps": method.steps,
        "forwards": forwards(method),
        "rate": choice.rate,
        "clip": _finite(choice.clip),
        "accuracy": accuracy(predicted, test.labels),
        "accuracy_resampled": resampled(predicted, test.labels, s.seed, s.set),
        "clusters": len(test.labels),
        "majority": 100 * float(np.bincount(test.labels).max()) / len(test.labels),
        "largest_change": change,
        "parameters": parameters,
        "bytes_per_step": bytes_per_step(method, parameters),
    }
