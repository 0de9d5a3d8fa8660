"""Set up what the jobs of one DP training share: who contributes, under which mechanism, with which secret."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json
from privatune.core.tensors import Arrays, digest
from privatune.core.vectors import shapes_of
from privatune.federation.settings import OptimiserSettings
from privatune.federation.task import task_uses
from privatune.privacy.clipping import ClippedSum, clipped_sum
from privatune.privacy.mechanism import Mechanism, mechanism_from, mechanism_record
from privatune.privacy.releases import keep, made_with, release_name, release_seed, released
from privatune.systems.dpfedavg.job_settings import DpJobSettings
from privatune.systems.dpfedavg.population import population
from privatune.systems.dpfedavg.rounds import (
    Contribution,
    State,
    close_round,
    fine_tuning,
    first_state,
    header_of,
    run_shard,
    train_with_dp,
)
from privatune.text.streams import Stream, read_stream
from privatune.text.tokenizer import read_words


class DpRun(NamedTuple):
    """One training under DP; the functions of privatune.systems.dpfedavg.rounds take the first five values."""

    start: State
    contribution: Contribution
    mechanism: Mechanism
    secret: int
    seed: int
    folder: Path | None = None  # the folder of a secret release; null if seeds are public and nothing is stored
    finished: Arrays | None = None  # the model of a release that is already finished and is not computed again


def dp_run(
    private: str | Path,
    general: str | Path,
    tokenizer: str | Path,
    terms: str | Path,
    model: str | Path,
    code: Sequence[str | Path],
    settings: DpJobSettings,
    seed: int,
) -> DpRun:
    """Read what a DP training starts from.

    Args:
        private, general: the streams of training text.
        tokenizer: the file of the vocabulary.
        terms: the file of the mechanism, stated before the training.
        model: the file of the general model.
        code: the files of the library that the training uses.
        settings: the settings of the job.
        seed: the seed of the replicate.

    Raises:
        PrivatuneError: the terms describe another population, a file is damaged, or a secret release was begun by
            other code or on another kind of machine.
    """
    words = read_words(tokenizer)[: settings.vocabulary]
    persons, public = (read_stream(path, len(words)) for path in (private, general))
    everyone = population(persons, public, words, settings.canaries, seed)
    mechanism = mechanism_from(read_json(terms)["mechanism"])
    stated, there = (mechanism.population, mechanism.everyone), (len(persons.units), len(everyone.units))
    if stated != there:
        raise PrivatuneError(
            f"{terms}: stated for {stated[0]} persons, {stated[1]} with carriers, but there are {there[0]} and "
            f"{there[1]}; delete the file and run again"
        )
    start = first_state(model, mechanism)
    contribution = fine_tuning(everyone, public.ids, settings.client, settings.numerics, seed)
    if settings.secrets is None:
        return DpRun(start, contribution, mechanism, seed, seed)
    origin = made_from(everyone, public, mechanism, settings, seed)
    folder = Path(settings.secrets) / release_name(origin)
    first = {"the general model": digest(start.weights)}
    if (finished := released(folder, first)) is not None:
        logging.info(
            "%s: this release is finished, so its model is read from this folder and no round is computed", folder
        )
        return DpRun(start, contribution, mechanism, 0, seed, folder, finished)
    secret = release_seed(folder, origin, first | made_with(code, settings.numerics))
    return DpRun(start, contribution, mechanism, secret, seed, folder)


def made_from(
    everyone: Stream, general: Stream, mechanism: Mechanism, settings: DpJobSettings, seed: int
) -> dict[str, Any]:
    """Return the choices that determine a training's updates and noise: texts and settings by role, and nothing else.

    With another delta or accountant, another number of shards, or a change of anything unused, it is still the same
    release and must keep its seed: with new noise, the same updates would be released twice.
    """
    stated = {
        "delta",
        "unit",
        "noised",
        "adjacency",
    }  # these change what a release is said to protect, not what it contains
    about = {name: value for name, value in mechanism_record(mechanism).items() if name not in stated}
    uses = task_uses(settings.client)
    unused = {"user_share", "control_share"} - uses
    return {
        "client": settings.client.model_dump(mode="json", exclude=unused),
        "general text": digest({"ids": general.ids}) if "general" in uses else None,
        "mechanism": about,
        "optimiser": settings.optimiser.model_dump(mode="json"),
        "private text": digest({"ids": everyone.ids, "offsets": everyone.offsets}),
        "seed": seed,
    }


def train(run: DpRun, optimiser: OptimiserSettings) -> Arrays:
    """Return the model after all rounds; for a secret release, the one that was stored first."""
    if run.finished is not None:
        return run.finished
    return _kept(
        run, train_with_dp(run.start, run.contribution, run.mechanism, optimiser, run.secret, run.seed).weights
    )


def shard_sum(run: DpRun, state: State, number: int, shard: int, shards: int) -> ClippedSum:
    """Return the sum of `run_shard`, or an empty sum for a finished release, whose sums are never made again."""
    if run.finished is not None:
        return clipped_sum([], shapes_of(state.weights), state.clip, run.mechanism.everyone)
    return run_shard(state, run.contribution, run.mechanism, number, run.secret, run.seed, shard, shards)


def next_state(
    run: DpRun, state: State, sums: Iterable[ClippedSum], optimiser: OptimiserSettings, number: int
) -> State:
    """Return the state of `close_round`, or in every round the final model for a finished release."""
    if run.finished is not None:
        return run.start._replace(weights=run.finished)
    after = close_round(state, sums, run.mechanism, optimiser, number, run.secret, run.seed)
    return after._replace(weights=_kept(run, after.weights)) if number == run.mechanism.rounds else after


def _kept(run: DpRun, weights: Arrays) -> Arrays:
    return keep(run.folder, weights, header_of(weights)) if run.folder else weights
