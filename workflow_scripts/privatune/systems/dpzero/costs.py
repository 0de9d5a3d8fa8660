"""What a step of each method costs, measured in a process of its own: seconds, and peak memory beside inference's."""

import gc
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.models.checkpoint import use
from privatune.models.classifier import Classifier, classifier, trained
from privatune.models.classifier_settings import AllScope, LinearHead, LoraScope
from privatune.models.encoder import Encoder, encoder_of, load_encoder, quiet_transformers
from privatune.models.settings import NumericsSettings
from privatune.privacy.clipping import unit_of
from privatune.privacy.noise import discrete_gaussian
from privatune.systems.dpzero.cost_settings import ROWS, CostSettings, Row
from privatune.systems.dpzero.peak import highest, restart, returned_at_once
from privatune.training import first_order, zeroth_order
from privatune.training.examples import Examples, Minibatch, minibatches, read_examples
from privatune.training.opacus import opacus_step

RATE, CLIP = 1e-6, 1.0  # they affect neither time nor memory
MEGABYTE = 1e6

Lap = Callable[[], None]  # is called before each step
Steps = Callable[[Lap], None]  # makes `repeats` steps, and one before them that is not measured


def step_cost(
    name: str, folder: str | Path, tokens: str | Path, settings: CostSettings, numerics: NumericsSettings, seed: int
) -> dict[str, Any]:
    """Measure a method on real sentences; call this once in a process, which must not have loaded a model before.

    Peaks are in units of 10^6 bytes, above what the process held before it loaded the encoder: the weights, what is
    computed from them, and the optimiser's state. Memory and time are measured in different steps, because memory that
    returns to the system at once costs time.

    Args:
        name: a key of `ROWS`.
        folder: the encoder, as the rule `encoder` writes it.
        tokens: the sentences, as the rule `encode_sentences` writes them.
        settings: sizes and repeats; its threads are used, and not those of `numerics`.
        numerics: the accelerator; products are computed in float32.
        seed: of the initial weights, the directions and the noise.

    Returns:
        row, method, pass ("forward" or "gradient"), path ("in place", or None), batch, tokens, threads, directions (K,
        or None), parameters (how many weights are trained), bytes_per_step (of a federated round), and repeats: a list
        of seconds and peak_memory_mb of a step, and inference_seconds and inference_memory_mb of a forward pass over
        the same sentences. Memory is None where the system cannot measure a peak.

    Raises:
        PrivatuneError: there is no such row, or the set has too few sentences.
    """
    if name not in ROWS:
        raise PrivatuneError(f"dpzero.costs.rows: {name} is not known; choose from {', '.join(ROWS)}")
    row = ROWS[name]
    device = use(numerics.model_copy(update={"threads": settings.threads}))
    examples, drawn = _longest(read_examples(tokens, "train"), settings, tokens)
    batch = list(minibatches(examples, drawn, settings.batch * settings.tokens, device))
    classes = int(examples.labels.max()) + 1
    with returned_at_once():
        _warm_up(row, batch, settings, device)
        before = restart(device)
        if before is None:
            logging.warning("memory is not measured, because this system does not let a process reset its peak")
        network = _classifier(row, load_encoder(folder), classes, seed).to(device)
        about = _about(name, network, settings)
        inference = _peaks(partial(_forwards, row, network, batch, settings, seed), settings.repeats, device, before)
        steps = partial(_STEPS[row.step], row, network, batch, settings, seed)
        peaks = _peaks(steps, settings.repeats, device, before)
    del network, steps  # start again, without the optimiser's state and Opacus' hooks
    network = _classifier(row, load_encoder(folder), classes, seed).to(device)
    steps = partial(_STEPS[row.step], row, network, batch, settings, seed)
    measured = zip(*_seconds(steps, partial(_forward, network, batch), device), peaks, inference, strict=True)
    keys = ("seconds", "inference_seconds", "peak_memory_mb", "inference_memory_mb")
    return about | {"repeats": [dict(zip(keys, one, strict=True)) for one in measured]}


def _about(name: str, network: Classifier, settings: CostSettings) -> dict[str, Any]:
    row, size = ROWS[name], sum(weight.numel() for weight in trained(network).values())
    forward = row.step in ("none", "zeroth")
    directions = (settings.directions if row.many else 1) if row.step == "zeroth" else None
    sent = 0 if row.step == "none" else 4 * size
    if row.step == "zeroth":
        sent = zeroth_order.bytes_per_step(_zeroth(row, settings, 1).directions)
    return {
        "row": name,
        "method": f"{row.method}, K = {directions}" if row.many else row.method,
        "pass": "forward" if forward else "gradient",
        "path": "in place" if row.step == "zeroth" else None,
        "directions": directions,
        "batch": settings.batch,
        "tokens": settings.tokens,
        "threads": settings.threads,
        "parameters": 0 if row.step == "none" else size,
        "bytes_per_step": sent,
    }


def _longest(examples: Examples, settings: CostSettings, path: str | Path) -> tuple[Examples, np.ndarray]:
    """The examples cut to some tokens, and the numbers of the longest of them."""
    if len(examples.lengths) < settings.batch:
        raise PrivatuneError(
            f"{path}: it has {len(examples.lengths)} sentences to train on, fewer than dpzero.costs.batch, which is "
            f"{settings.batch}; lower it"
        )
    lengths = np.minimum(examples.lengths, settings.tokens)
    return examples._replace(lengths=lengths), np.argsort(-lengths, kind="stable")[: settings.batch]


def _classifier(row: Row, encoder: Encoder, classes: int, seed: int) -> Classifier:
    scope = LoraScope(name="lora") if row.scope == "lora" else AllScope(name="all")
    phrases = np.zeros((classes, encoder.hidden), np.float32)
    return classifier(scope, LinearHead(), phrases, stream(seed, "cost weights"), encoder, shared=True)


def _warm_up(row: Row, batch: list[Minibatch], settings: CostSettings, device: torch.device) -> None:
    """Make the same steps on a tiny network, so that all code is loaded before memory is measured."""
    transformers = quiet_transformers()
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = transformers.AutoConfig.for_model("bert", vocab_size=16, **sizes)
    encoder = encoder_of(transformers.BertModel(config, add_pooling_layer=False).eval())
    network = _classifier(row, encoder, 1 + max(int(labels.max()) for _, _, labels in batch), 0).to(device)
    small = [(inputs[:, :4] % 16, mask[:, :4], labels) for inputs, mask, labels in batch]
    once = settings.model_copy(update={"repeats": 1})
    for step in ("none", row.step):
        _STEPS[step](row, network, small, once, 0, lambda: None)
    del encoder, network
    gc.collect()
    gc.freeze()  # what is left stays, so that later collections are fast and do not look at it


def _peaks(steps: Steps, repeats: int, device: torch.device, before: int | None) -> list[float | None]:
    """Peak memory of each step but the first, which may allocate what the others find; see `step_cost`."""
    if before is None:
        return [None] * repeats
    found = []

    def lap() -> None:
        found.append(highest(device))
        restart(device)

    steps(lap)
    lap()
    return [(peak - before) / MEGABYTE for peak in found[2:]]


def _seconds(steps: Steps, forward: Callable[[], None], device: torch.device) -> tuple[list[float], list[float]]:
    """Seconds of each step but the first, and of a forward pass before each of them."""
    ends, starts, passes = [], [], []

    def lap() -> None:
        ends.append(_now(device))
        forward()
        starts.append(_now(device))
        passes.append(starts[-1] - ends[-1])

    steps(lap)
    ends.append(_now(device))
    return [end - start for start, end in zip(starts, ends[1:], strict=True)][1:], passes[1:]


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _forward(network: Classifier, batch: list[Minibatch]) -> None:
    with torch.inference_mode():
        for inputs, mask, _ in batch:
            network(inputs, mask)


def _forwards(
    row: Row, network: Classifier, batch: list[Minibatch], settings: CostSettings, seed: int, lap: Lap
) -> None:
    for _ in range(settings.repeats + 1):
        lap()
        _forward(network, batch)


def _plain(row: Row, network: Classifier, batch: list[Minibatch], settings: CostSettings, seed: int, lap: Lap) -> None:
    """Steps of AdamW on the mean loss, by one backward pass and without clipping."""
    optimizer = torch.optim.AdamW(list(trained(network).values()), RATE)
    for _ in range(settings.repeats + 1):
        lap()
        for inputs, mask, labels in batch:
            (cross_entropy(network(inputs, mask), labels, reduction="sum") / settings.batch).backward()
        optimizer.step()
        optimizer.zero_grad()


def _clipped(
    row: Row, network: Classifier, batch: list[Minibatch], settings: CostSettings, seed: int, lap: Lap
) -> None:
    steps = settings.repeats + 1
    choices = first_order.FirstOrder(steps, settings.batch, RATE, clip=CLIP, deviation=CLIP)
    first_order.train(network, _announced(batch, lap), choices, partial(stream, seed, "cost noise"))


def _opacus(row: Row, network: Classifier, batch: list[Minibatch], settings: CostSettings, seed: int, lap: Lap) -> None:
    """Steps by Opacus, which computes norms without gradients by example; its noise is a float's."""
    step = opacus_step(network, RATE, CLIP, 1.0, settings.batch, seed, ghost=True)
    for _ in range(settings.repeats + 1):
        lap()
        for minibatch in batch:
            step(*minibatch)


def _by_forward_passes(
    row: Row, network: Classifier, batch: list[Minibatch], settings: CostSettings, seed: int, lap: Lap
) -> None:
    steps = settings.repeats + 1
    choices = _zeroth(row, settings, steps)
    noise = _noise(choices.directions, steps, settings, seed) if row.private else None
    zeroth_order.train(network, _announced(batch, lap), choices, seed, noise)


def _zeroth(row: Row, settings: CostSettings, steps: int) -> zeroth_order.ZerothOrder:
    directions = settings.directions if row.many else 1
    mezo = zeroth_order.ZerothOrder(steps, settings.batch, RATE, directions)
    return replace(mezo, clip=CLIP, unit=_unit(settings)) if row.private else mezo


def _announced(batch: list[Minibatch], lap: Lap) -> Callable[[int], Iterable[Minibatch]]:
    """The same batch for every step, of which `lap` is told when training asks for it."""

    def batches(step: int) -> list[Minibatch]:
        lap()
        return batch

    return batches


def _unit(settings: CostSettings) -> float:
    return unit_of(CLIP, settings.batch + 64)


def _noise(size: int, steps: int, settings: CostSettings, seed: int) -> Iterator[np.ndarray]:
    """The noise of each step, with a noise multiplier of 1."""
    deviation = round(CLIP / _unit(settings))
    return (discrete_gaussian(size, deviation, seed, "cost noise", step) for step in range(steps))


_STEPS = {"none": _forwards, "plain": _plain, "clipped": _clipped, "opacus": _opacus, "zeroth": _by_forward_passes}
