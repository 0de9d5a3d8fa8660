"""Pretraining of the general language model."""

import logging
import math
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.models.checkpoint import PRECISIONS, use
from privatune.models.network import State, Weights, hidden_states, initial_weights, logits, zero_state
from privatune.models.settings import ModelSettings, NumericsSettings
from privatune.training.batches import Rows, dropout_masks, rows, window, window_count, windows
from privatune.training.settings import PretrainSettings
from privatune.training.snapshots import Snapshot, fingerprint, load_snapshot, save_snapshot
from privatune.training.step import Learner, gradient, learner, train_step
from privatune.training.threads import paced, repeatable


def rate_at(step: int, steps: int, settings: PretrainSettings) -> float:
    """Return the learning rate of step number `step`, counted from 0, of `steps` steps.

    >>> s = PretrainSettings(learning_rate=1.0, constant_share=0.5, final_rate=0.1)
    >>> rate_at(0, 101, s), rate_at(50, 101, s), round(rate_at(100, 101, s), 6)
    (1.0, 1.0, 0.1)
    """
    constant = settings.constant_share * (steps - 1)
    progress = max(0.0, step - constant) / max(1.0, steps - 1 - constant)
    return settings.learning_rate * settings.final_rate**progress


def validation_perplexity(model: Learner, text: Rows, unknown: int) -> float:
    """Return the perplexity of rows in the precision of training; unknown targets are left out."""
    weights, total, count = model.computing, 0.0, 0
    state = zero_state(weights, len(text))
    device = weights["embedding"].device
    with torch.no_grad():
        for block in windows(text, 20):
            inputs, targets = (part.to(device) for part in block)
            hidden, state = hidden_states(weights, weights["embedding"][inputs], state)
            scores = logits(weights, hidden.flatten(0, 1)).float()
            losses = torch.nn.functional.cross_entropy(scores, targets.flatten(), ignore_index=unknown, reduction="sum")
            total, count = total + float(losses), count + int((targets != unknown).sum())
    return _perplexity(total / max(1, count))


def _perplexity(nats: float) -> float:
    if not nats < math.log(sys.float_info.max):
        raise PrivatuneError("pretrain: the model has diverged; lower `pretrain.learning_rate` or `pretrain.clip`")
    return math.exp(nats)


def pretrain(
    train: np.ndarray,
    valid: np.ndarray,
    vocabulary: int,
    unknown: int,
    model: ModelSettings,
    settings: PretrainSettings,
    numerics: NumericsSettings,
    seed: int,
    checkpoints: str | Path,
    origin: Sequence[str] = (),
) -> tuple[Weights, list[dict[str, float]]]:
    """Train a general language model; a stopped run continues from its last checkpoint and gives the same bits.

    Args:
        train, valid: word ids [n], which may be memory-mapped, since one window at a time is read.
        vocabulary: number of words in the vocabulary.
        unknown: word id that validation leaves out as a target.
        model: sizes of the model.
        settings: how it is trained.
        numerics: the accelerator, precision and threads that training uses.
        seed: seed of the initial weights and of the dropout masks.
        checkpoints: folder for checkpoints. Each training has a folder of its own inside it, named after everything
            that decides the result, and removes it at the end.
        origin: what else decides the result, such as digests of the code.

    Returns:
        The float32 weights and the learning curve: one dictionary per validation with step, tokens, seconds,
        learning_rate, ppl_train (since the last validation) and ppl_valid.

    Raises:
        PrivatuneError: the text is too short for one window, or the model diverges.
    """
    device = use(numerics)
    described = [part.model_dump() for part in (model, settings, numerics)]
    folder = Path(checkpoints) / fingerprint(train, described, seed, vocabulary, list(origin))
    text, held = (rows(ids, settings.minibatch, settings.bptt) for ids in (train, valid[: settings.validation_tokens]))
    epoch = window_count(len(text[0]), settings.bptt)
    for part, words in (("training", text), ("validation", held)):
        if len(words[0]) < 2:
            raise PrivatuneError(
                f"general: the {part} text has fewer than two words; bring more text (`general.corpora`, shares of its "
                "sources)"
            )
    steps = max(1, round(epoch * settings.epochs))
    at = load_snapshot(folder) or Snapshot(initial_weights(model, vocabulary, stream(seed, "initial weights")))
    if at.step:
        logging.info("continuing from the checkpoint of step %d", at.step)
    at.weights = {name: weight.to(device) for name, weight in at.weights.items()}
    lm = learner(at.weights, PRECISIONS[numerics.precision])
    before, started = at.curve[-1]["seconds"] if at.curve else 0.0, time.perf_counter()
    with _progress_bar() as bar:
        task = bar.add_task("pretraining", total=steps, completed=at.step, perplexity=math.nan)
        for _ in _paced(lm, text, steps - at.step, settings, numerics):
            if at.step % epoch == 0:
                at.state = zero_state(lm.computing, len(text))
            rate = rate_at(at.step, steps, settings)
            _step(lm, at, window(text, at.step % epoch, settings.bptt), rate, settings, seed)
            if at.step % settings.validation_steps == 0 or at.step == steps:
                row = {
                    "step": at.step,
                    "tokens": at.step * settings.minibatch * settings.bptt,
                    "seconds": before + time.perf_counter() - started,
                    "learning_rate": rate,
                    "ppl_train": _perplexity(at.loss / at.targets),
                    "ppl_valid": validation_perplexity(lm, held, unknown),
                }
                at.curve, at.loss, at.targets = [*at.curve, row], 0.0, 0
                speed = row["tokens"] / row["seconds"]
                logging.info(
                    "step %d of %d: validation perplexity %.1f, %.0f tokens/s", at.step, steps, row["ppl_valid"], speed
                )
                bar.update(task, perplexity=row["ppl_valid"])
            if at.step % settings.checkpoint_steps == 0 and at.step < steps:
                save_snapshot(folder, at)
            bar.update(task, completed=at.step)
    shutil.rmtree(folder, ignore_errors=True)
    return at.weights, at.curve


def _paced(
    lm: Learner, text: Rows, steps: int, settings: PretrainSettings, numerics: NumericsSettings
) -> Iterator[None]:
    """Yield before each step, with as many threads as are fast now, if the number does not change the gradient."""

    def first() -> list[torch.Tensor]:
        embedding = lm.computing["embedding"]
        inputs, targets = (part.to(embedding.device) for part in window(text, 0, settings.bptt))
        return list(gradient(lm, inputs, targets, zero_state(lm.computing, len(text)))[0].values())

    if numerics.threads > 1 and repeatable(first, numerics.threads):
        return paced(steps, numerics.threads)
    return iter([None] * steps)


def _step(
    lm: Learner,
    at: Snapshot,
    text: tuple[torch.Tensor, torch.Tensor],
    rate: float,
    settings: PretrainSettings,
    seed: int,
) -> None:
    embedding = lm.computing["embedding"]
    inputs, targets = (part.to(embedding.device) for part in text)
    state: State = tuple((h.to(embedding), c.to(embedding)) for h, c in at.state or ())
    shape = (*inputs.shape, embedding.shape[1])
    masks = dropout_masks(settings.dropout, len(state), shape, stream(seed, "dropout", at.step), embedding)
    loss, at.state = train_step(lm, inputs, targets, state, rate, settings.clip, masks)
    at.step, at.loss, at.targets = at.step + 1, at.loss + loss.total, at.targets + loss.targets


def _progress_bar() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("validation perplexity {task.fields[perplexity]:.0f}"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, transient=True)
