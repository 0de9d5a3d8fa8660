"""Divide one (epsilon, delta) among the phases of a training, and keep a ledger on disk of the phases that were paid.

The phases read the same examples one after another, such as the training of a teacher and then that of its student.
Each is paid for in full before its first step: the ledger then holds its mechanism, and only a phase in it gets the
noise of its steps. A job that goes on after it was killed finds its phase in the ledger and draws the same noise again.
A phase is therefore neither paid twice nor left unpaid.
"""

import fcntl
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json, write_json
from privatune.core.streams import stream
from privatune.privacy.accounting import epsilon, scale_for
from privatune.privacy.mechanism import Mechanism, mechanism_from, mechanism_record

ROUNDING = 1e-6  # by how much of itself an epsilon may exceed its target: accountants round


def solved(phases: Sequence[Mechanism], shares: Sequence[float], target: float) -> list[Mechanism]:
    """Return the phases with the least noise for which all of them together have an epsilon of at most `target`.

    A share is one of sum_i T_i q_i^2 / z_i^2, where phase i has T_i steps, the sampling probability q_i and the noise
    multiplier z_i. This is the natural scale, because it is what adds up: with many steps and small batches, phase i
    tends to a Gaussian mechanism whose mean over its deviation is mu_i = q_i sqrt(T_i (exp(1 / z_i^2) - 1)) (Bu, Dong,
    Long and Su 2020), which is q_i sqrt(T_i) / z_i with much noise, and composing Gaussian mechanisms adds the squares
    of mu_i (Dong, Roth and Su 2022). Epsilons do not add up in this way. The limit only divides the budget; the epsilon
    is that of the composed events, by privacy loss distributions. The search takes a second or two per phase.

    Args:
        phases: mechanisms with Poisson batches, one unit, adjacency and delta; their noise multipliers are ignored.
        shares: the share of each phase, above 0; they are divided by their sum.
        target: the epsilon, at the delta of the phases.

    Raises:
        PrivatuneError: a share is not above 0; or the errors of `scale_for`.
    """
    for share in shares:
        if not 0 < share < math.inf:
            raise PrivatuneError(
                f"share: {share:g} of the budget pays for no step; take a share above 0, or leave this phase out"
            )
    noise = [phase.q * math.sqrt(phase.rounds / share) for phase, share in zip(phases, shares, strict=True)]
    relative = [multiplier / min(noise) for multiplier in noise]
    scale = scale_for(phases, relative, target, "pld")
    return [
        replace(phase, noise_multiplier=scale * multiplier) for phase, multiplier in zip(phases, relative, strict=True)
    ]


def spend(path: str | Path, target: float, phase: str, mechanism: Mechanism) -> float:
    """Pay for a phase before its first step, and return the epsilon of all phases up to this one, at their delta.

    A phase that is already in the ledger with this mechanism costs nothing more: its job goes on after it was killed,
    or runs again with the same noise. Several processes may call this at once for one ledger.

    Args:
        path: the ledger, a JSON file that only its owner can read; the first call makes it. It belongs to one model:
            another model of the same examples, such as that of another seed, has a ledger of its own.
        target: the epsilon that all phases together may reach. All calls must agree on it.
        phase: the name of the phase.
        mechanism: its mechanism, with Poisson batches.

    Raises:
        PrivatuneError: the phase would take the epsilon above the target, it was paid for with another mechanism, the
            ledger has another target, the phases have no common epsilon, or the ledger is damaged or cannot be written.
            Nothing is written then.
    """
    path = Path(path)
    with _locked(path):
        book = _read(path)
        paid = {entry["phase"]: entry for entry in book.entries}
        if book.target not in (None, target):
            raise PrivatuneError(
                f"{path}: this budget was begun with a target epsilon of {book.target:g}, and here it is {target:g}; "
                f"set the target back to {book.target:g}, or choose another place for a second model, whose epsilon "
                "adds to that of this one"
            )
        if phase in paid:
            if mechanism_from(paid[phase]["mechanism"]) != mechanism:
                raise PrivatuneError(
                    f"{path}: the phase {phase} was paid for with another mechanism; set its steps, batch, clip and "
                    "noise back to those in the ledger, or give a further phase its own name and share"
                )
            return float(paid[phase]["epsilon_so_far"])
        so_far = _composed(path, phase, [*_mechanisms(book).values(), mechanism])
        if so_far > target * (1 + ROUNDING):
            raise PrivatuneError(
                f"{path}: the phase {phase} would take epsilon to {so_far:.6g} at delta {mechanism.delta:.3g}, above "
                f"the budget of {target:.6g}; give it more noise or fewer steps, or divide the budget again"
            )
        entry = {
            "phase": phase,
            "mechanism": mechanism_record(mechanism),
            "epsilon_so_far": so_far,
            "paid": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        write_json(path, {"target": target, "phases": [*book.entries, entry]}, private=True)
    return so_far


def spent(path: str | Path) -> dict[str, Mechanism]:
    """Return the mechanism of each phase that was paid for, in the order of payment; none if there is no ledger yet.

    Raises:
        PrivatuneError: the ledger is damaged.
    """
    return _mechanisms(_read(Path(path)))


def paid_noise(path: str | Path, phase: str, secret: int) -> Callable[[int], np.random.Generator]:
    """Return the function that gives the generator of a step's noise, counted from 1, in a phase that was paid for.

    Args:
        path: the ledger.
        phase: the name of the phase; two phases never have the same noise.
        secret: the seed of the noise. Where privacy is claimed it comes from the operating system (privacy/seeds.py).

    Raises:
        PrivatuneError: the phase was not paid for, or the ledger is damaged. The function raises one for a step after
            the last that was paid for.
    """
    paid = spent(path)
    if phase not in paid:
        raise PrivatuneError(f"{path}: the phase {phase} was not paid for; spend its share before its first step")
    steps = paid[phase].rounds

    def noise(step: int) -> np.random.Generator:
        if not 1 <= step <= steps:
            raise PrivatuneError(
                f"{path}: step {step} of the phase {phase} is a step beyond the budget, which paid for {steps}; set "
                "the steps of a phase before its first one"
            )
        return stream(secret, "noise of steps", phase, step)

    return noise


def ledger_rows(phases: Mapping[str, Mechanism], shares: Sequence[float]) -> list[dict[str, Any]]:
    """Return what a table says of each phase, in order.

    Args:
        phases: the mechanisms by the names of their phases.
        shares: the share of each phase, as `solved` takes them.

    Returns:
        A record per phase. All its epsilons are at `delta`, the delta of the phases. `epsilon_alone` is that of the
        phase; `epsilon_so_far` is that of all phases up to this one, composed; `epsilon_sum` is the plain sum of their
        epsilons, each at delta / number of phases, so that their deltas add up to at most delta.

    Raises:
        PrivatuneError: the phases have no noise or no common epsilon.
    """
    mechanisms = list(phases.values())
    each = [epsilon([replace(phase, delta=phase.delta / len(mechanisms))], "pld") for phase in mechanisms]
    return [
        {
            "phase": name,
            "number": number,
            "steps": mechanism.rounds,
            "batch": mechanism.cohort,
            "q": mechanism.q,
            "noise_multiplier": mechanism.noise_multiplier,
            "share": share / sum(shares),
            "epsilon_alone": epsilon([mechanism], "pld"),
            "epsilon_so_far": epsilon(mechanisms[:number], "pld"),
            "epsilon_sum": sum(each[:number]),
            "delta": mechanism.delta,
            "n": mechanism.population,
        }
        for number, ((name, mechanism), share) in enumerate(zip(phases.items(), shares, strict=True), 1)
    ]


class _Book(NamedTuple):
    """What a ledger holds; it has no target before the first payment."""

    target: float | None
    entries: list[dict[str, Any]]


def _read(path: Path) -> _Book:
    """Return the content of a ledger, but never advise deleting a damaged one: its phases would be paid twice."""
    if not path.exists():
        return _Book(None, [])
    try:
        content = read_json(path)
    except PrivatuneError as error:
        raise PrivatuneError(
            f"{path}: this ledger of a privacy budget is damaged or cannot be read; restore it from a copy, because "
            "what it says was spent stays spent"
        ) from error
    return _Book(content["target"], content["phases"])


def _mechanisms(book: _Book) -> dict[str, Mechanism]:
    return {entry["phase"]: mechanism_from(entry["mechanism"]) for entry in book.entries}


def _composed(path: Path, phase: str, mechanisms: list[Mechanism]) -> float:
    try:
        return epsilon(mechanisms, "pld")
    except PrivatuneError as error:
        raise PrivatuneError(f"{path}: the phase {phase} cannot be paid for: {error}") from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes out while a ledger is read and written; the lock ends with the process that holds it."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise PrivatuneError(
            f"{path}: the ledger cannot be written ({error.strerror}); check the permissions of its folder"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
