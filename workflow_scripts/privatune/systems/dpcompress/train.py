"""Run the phases of a method under one seed, each of them paid for before its first step."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch

from privatune.core.streams import stream, stream_key
from privatune.core.tensors import Arrays
from privatune.evaluation.accuracy import logits
from privatune.models.checkpoint import PRECISIONS
from privatune.models.encoder import Encoder
from privatune.models.settings import NumericsSettings
from privatune.privacy.mechanism import Mechanism
from privatune.systems.dpcompress.model import Model, Weights, random_removed, smallest_removed, untrained
from privatune.systems.dpcompress.plans import Phase, reads
from privatune.systems.dpcompress.settings import TrainSettings
from privatune.systems.dpcompress.terms import expected_batch
from privatune.training import first_order
from privatune.training.clipped import Loss
from privatune.training.distillation import distillation
from privatune.training.examples import Examples, read_examples
from privatune.training.first_order import FirstOrder, Noise
from privatune.training.sampling import poisson_batches

MOST_TOKENS = 512  # of a minibatch, with padding; with 1,024 a step takes a fifth longer
MOST_VECTORS = 2048  # of a minibatch of vectors; larger ones may fall out of the cache


class Task(NamedTuple):
    """What all trainings of a job share.

    Attributes:
        encoder: the published encoder, on the accelerator.
        classes: the number of classes.
        plan: the phases.
        mechanisms: of each phase: null without noise, or where it reads no private text.
        train: settings of all trainings.
        private, public: the files of the private and of the public sentences, by what they hold.
        taught_by: the phase that finished models were made by; null if there are none.
        teachers: their weights by seed and name, for distillation on public text.
        numerics: how the job computes.
    """

    encoder: Encoder
    classes: int
    plan: Sequence[Phase]
    mechanisms: Sequence[Mechanism | None]
    train: TrainSettings
    private: Mapping[str, str]
    public: Mapping[str, str]
    taught_by: Phase | None
    teachers: Arrays
    numerics: NumericsSettings

    def examples(self, phase: Phase, part: str) -> Examples:
        """Return the private sentences of a part, as the model of a phase reads them."""
        return read_examples(self.private[reads(phase, self.train)], part)

    def model(self, phase: Phase, seed: int) -> Model:
        """Return the untrained model of a phase; its head and random weights are the same in every phase of a seed."""
        return untrained(self.encoder, phase, self.train.blocks, self.classes, stream(seed, "classifier"))


def trained_phase(
    task: Task, number: int, before: Weights, rate: float, seed: int, hidden: int, noise: Noise | None
) -> tuple[Weights, float]:
    """Train the model of one phase; return its trained weights, and their largest change.

    Args:
        task: what all trainings share.
        number: which of its phases, from 0.
        before: the weights after the phase before; empty in the first.
        rate: the learning rate.
        seed: seed of the weights that training starts with and of a random mask, which may be public.
        hidden: seed of the minibatches.
        noise: gives the generator of a step's noise; null without noise.
    """
    phase, device = task.plan[number], torch.device(task.numerics.accelerator)
    model = _start(task, phase, before, seed)
    first = model.weights()
    model.classifier.to(device)
    examples, loss = _lesson(task, number, before, seed)
    n = len(examples.labels)
    batch = expected_batch(n, phase, task.train)
    most = MOST_VECTORS if phase.head_only else MOST_TOKENS
    batches = poisson_batches(examples, batch, stream_key(hidden, "phase", number), most, device)
    mechanism = task.mechanisms[number]
    clip, z = (mechanism.clip, mechanism.noise_of_sum) if mechanism else (math.inf, 0.0)
    optimizer: Literal["sgd", "adamw"] = "sgd" if phase.head_only else "adamw"
    decays, deviation = not phase.head_only, z * clip if z else 0.0
    steps = FirstOrder(phase.steps, batch, rate, optimizer, decays, clip, deviation)
    more = {} if loss is None else {"loss": loss}
    first_order.train(model.classifier, batches, steps, noise, PRECISIONS[task.numerics.precision], **more)
    weights = {name: weight.cpu() for name, weight in model.weights().items()}
    return weights, max(float((weight - first[name].cpu()).abs().max()) for name, weight in weights.items())


def _start(task: Task, phase: Phase, before: Weights, seed: int) -> Model:
    """Return the model with which a phase starts; nothing that another phase learnt is in it but what `start` says."""
    model = task.model(phase, seed)
    if phase.mask == "before":
        model.remove(smallest_removed(before, phase.sparsity))
    elif phase.mask != "none":
        masks = smallest_removed(model.weights(), phase.sparsity)
        model.remove(random_removed(masks, stream(seed, "random mask")) if phase.mask == "random" else masks)
    if phase.start == "before":
        model.load(before)
    return model


def _lesson(task: Task, number: int, before: Weights, seed: int) -> tuple[Examples, Loss | None]:
    """Return the examples of a phase and its loss, which is null for the cross entropy of the labels."""
    phase = task.plan[number]
    if phase.teacher == "none":
        return task.examples(phase, "train"), None
    finished = phase.teacher == "finished" and task.taught_by
    taught_by, files = (finished, task.public) if finished else (task.plan[number - 1], task.private)
    teacher = task.model(taught_by, seed)
    teacher.load(_finished(task.teachers, seed) if finished else before)
    device = torch.device(task.numerics.accelerator)
    read, examples = (read_examples(files[reads(each, task.train)], "train") for each in (taught_by, phase))
    predicted = torch.from_numpy(logits(teacher.classifier.to(device), read, device)).to(device)
    labels = None if finished else torch.from_numpy(examples.labels).to(device)
    places = examples._replace(labels=np.arange(len(examples.labels)))
    return places, distillation(labels, predicted, phase.weight, phase.temperature)


def _finished(teachers: Arrays, seed: int) -> Weights:
    """Return the weights of one model."""
    prefix = f"{seed}/"
    found = {name.removeprefix(prefix): values for name, values in teachers.items() if name.startswith(prefix)}
    return {name: torch.from_numpy(np.array(values)) for name, values in found.items()}
