"""Make the classifiers of one method at one level under every seed, and measure them on the test part."""

import logging
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from privatune.core.files import write_json
from privatune.core.streams import stream, stream_key
from privatune.core.tensors import Arrays, digest, load_tensors, map_tensors, save_tensors
from privatune.evaluation.accuracy import accuracy, zero_shot
from privatune.models.checkpoint import use
from privatune.models.encoder import load_encoder
from privatune.privacy.budget import paid_noise, spend
from privatune.privacy.mechanism import Mechanism, mechanism_record
from privatune.privacy.releases import made_with, release_name, release_seed
from privatune.systems.dpcompress.measure import measured, predicted
from privatune.systems.dpcompress.model import Weights, kept_blocks
from privatune.systems.dpcompress.plans import Phase, phases
from privatune.systems.dpcompress.settings import CompressJobSettings
from privatune.systems.dpcompress.terms import account, planned
from privatune.systems.dpcompress.train import Task, trained_phase
from privatune.training.examples import read_examples

UNFINISHED = "unfinished"  # the folder of phases of models whose seeds are public, until the job is done


class Job(NamedTuple):
    """A task with its settings, and what identifies its releases."""

    task: Task
    settings: CompressJobSettings
    texts: str  # digest of the private sentences
    code: Sequence[str]
    unfinished: Path


def compress(
    private: Mapping[str, str],
    public: Mapping[str, str],
    teachers: str | Path | None,
    encoder: str | Path,
    code: Sequence[str],
    settings: CompressJobSettings,
    classifiers: str | Path,
    ledger: str | Path,
    models: str | Path,
) -> None:
    """Train a method under every seed, and write records, the ledger that all seeds share, and the trained weights.

    A phase that is finished is stored at once, with the ledger in which it was paid for, so that a job that was stopped
    goes on after its last finished phase and pays nothing twice.

    Args:
        private, public: files of the private and the public sentences by what they hold, such as last-2; the vectors of
            the private ones are among them.
        teachers: finished models, from which a student learns on public text.
        encoder: the encoder's folder.
        code: the files of the library in use, which a release records.
        settings: the job's settings.
        classifiers, ledger, models: the files to write. The models are those of all seeds if the method teaches another
            one, and else that of the first seed.

    Raises:
        PrivatuneError: a file is damaged, the settings support no epsilon, or the ledger refuses a phase.
    """
    device = use(settings.numerics)
    vectors, about = map_tensors(private["vectors"])
    test, train = (read_examples(private["vectors"], part) for part in ("test", "train"))
    plan = phases(settings.settings, settings.train)
    loaded = load_encoder(encoder)
    task = Task(
        loaded._replace(network=loaded.network.to(device)),
        len(about["classes"]),
        plan,
        planned(len(train.labels), plan, settings),
        settings.train,
        private,
        public,
        *_taught_by(teachers, settings),
        settings.numerics,
    )
    texts = digest({"values": train.values[train.starts], "labels": train.labels})
    job = Job(task, settings, texts, code, Path(models).parent / UNFINISHED)
    names = {"set": settings.set, "method": settings.method, "target": settings.epsilon}
    paid = account(len(train.labels), plan, task.mechanisms, settings)
    more = names | paid.stated() | {"zero_shot": zero_shot(np.array(vectors["phrases"]), test, device)}
    factor = _tuned(job)
    rate = _rate(settings, task.mechanisms[-1], factor)
    rows, kept, blocks = [], Arrays(), {}
    for seed in settings.seeds:
        weights, change = _released(job, factor, seed)
        rows.append(more | measured(task, settings, weights, seed) | {"rate": rate, "largest_change": change})
        if settings.teaches or seed == settings.seeds[0]:
            kept |= {f"{seed}/{name}": weight.numpy() for name, weight in weights.items()}
            blocks[str(seed)] = list(kept_blocks(loaded, plan[-1].blocks))
    save_tensors(models, kept, {"blocks": blocks, "classes": about["classes"], "set": settings.set, "head": "linear"})
    write_json(ledger, [names | row for row in paid.rows()])
    write_json(classifiers, rows)
    shutil.rmtree(job.unfinished, ignore_errors=True)


def _taught_by(path: str | Path | None, settings: CompressJobSettings) -> tuple[Phase | None, Arrays]:
    """Return the phase that finished models were made by, and their weights, if there are such models."""
    if path is None or settings.teacher is None:
        return None, {}
    return phases(settings.teacher, settings.train)[-1], map_tensors(path)[0]


def _rate(settings: CompressJobSettings, mechanism: Mechanism | None, factor: float) -> float:
    """Return the learning rate of a phase, which with noise is another one than without."""
    return factor * (settings.settings.rate or (settings.train.rate if mechanism else settings.train.plain_rate))


def _tuned(job: Job) -> float:
    """Return the factor of learning rates that is best on the validation part; of equals, the first."""
    factors = job.settings.train.factors
    return factors[0] if len(factors) == 1 else max(factors, key=lambda factor: _tried(job, factor))


def _tried(job: Job, factor: float) -> float:
    """Return the accuracy on the validation part of a model that is then thrown away."""
    seed = job.settings.train.tuning_seed
    weights, _ = _run(job, factor, seed, stream_key(seed, "dpcompress hidden"), None)
    return accuracy(*predicted(job.task, weights, seed, "validation"))


def _released(job: Job, factor: float, seed: int) -> tuple[Weights, float]:
    """Return the trained weights of a model, and their largest change in its last phase."""
    s, hidden = job.settings, stream_key(seed, "dpcompress hidden")
    if not any(job.task.mechanisms):
        return _run(job, factor, seed, hidden, None)
    origin = {
        "system": "dpcompress",
        "sentences": job.texts,
        "method": s.settings.model_dump(mode="json"),
        "train": s.train.model_dump(mode="json"),
        "mechanisms": [mechanism and mechanism_record(mechanism) for mechanism in job.task.mechanisms],
        "factor": factor,
        "seed": seed,
    }
    about = made_with(job.code, s.numerics)
    if s.secrets is None:
        return _run(job, factor, seed, hidden, job.unfinished / release_name(origin | about))
    folder = Path(s.secrets) / release_name(origin)
    return _run(job, factor, seed, release_seed(folder, origin, about), folder)


def _run(job: Job, factor: float, seed: int, hidden: int, folder: Path | None) -> tuple[Weights, float]:
    """Run the phases in their order; with a folder, go on after the last one that is finished there."""
    task, target = job.task, job.settings.epsilon or 0.0
    weights: Weights = {}
    change = 0.0
    for number, (phase, mechanism) in enumerate(zip(task.plan, task.mechanisms, strict=True)):
        done = folder / f"phase-{number}.safetensors" if folder else None
        if done and done.exists():
            arrays, about = load_tensors(done)
            weights, change = {name: torch.from_numpy(array) for name, array in arrays.items()}, about["change"]
            continue
        noise = None
        if mechanism and folder:
            spend(folder / "ledger.json", target, phase.name, mechanism)
            noise = paid_noise(folder / "ledger.json", phase.name, hidden)
        elif mechanism:
            noise = partial(stream, hidden, "noise of steps", phase.name)
        rate = _rate(job.settings, mechanism, factor)
        weights, change = trained_phase(task, number, weights, rate, seed, hidden, noise)
        logging.info("%s, rate %g, seed %d: largest change %g", phase.name, rate, seed, change)
        if done:
            save_tensors(done, {name: weight.numpy() for name, weight in weights.items()}, {"change": change}, True)
    return weights, change
