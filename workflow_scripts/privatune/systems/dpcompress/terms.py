"""State the mechanisms of all phases before the first begins, and what they cost together."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from privatune.privacy import by_example
from privatune.privacy.budget import ledger_rows, solved
from privatune.privacy.by_example import example_mechanism
from privatune.privacy.mechanism import Mechanism
from privatune.systems.dpcompress.plans import Phase, phases
from privatune.systems.dpcompress.settings import CompressJobSettings, TrainSettings


def planned(n: int, plan: Sequence[Phase], settings: CompressJobSettings) -> list[Mechanism | None]:
    """Return the mechanism of each phase, with the least noise for which all have the target epsilon together.

    Phases that read no private text have none, and no phase has one without a target.

    Args:
        n: the number of private training sentences.
        plan: the phases.
        settings: the job's settings.

    Raises:
        PrivatuneError: delta is larger than 1 / (10 n), the batch is larger than n, or no noise gives the target.
    """
    paid = [phase for phase in plan if phase.share]
    if settings.epsilon is None or not paid:
        return [None] * len(plan)
    delta = "dpcompress.privacy.delta", settings.privacy.delta
    found = [
        example_mechanism(
            n, None if phase.head_only else settings.train.batch, phase.steps, delta, settings.privacy.adjacency
        )
        for phase in paid
    ]
    clipped = [replace(mechanism, clip=settings.train.clip) for mechanism in found]
    noisy = iter(solved(clipped, [phase.share for phase in paid], settings.epsilon))
    return [next(noisy) if phase.share else None for phase in plan]


def expected_batch(n: int, phase: Phase, train: TrainSettings) -> int:
    """Return B, the expected size of a batch of n sentences; of few public ones it is n, and a head takes all of n."""
    batch = min(n, train.batch) if not phase.share else train.batch
    return by_example.expected_batch(n, None if phase.head_only else batch)


class Account(NamedTuple):
    """The phases that read private text to make a model, with their mechanisms; none without noise."""

    phases: list[Phase]
    mechanisms: list[Mechanism]

    def stated(self) -> dict[str, Any]:
        """Return what a table says of the privacy of the model; all null without noise."""
        return by_example.stated(self.mechanisms) | {"clip": self.mechanisms[0].clip if self.mechanisms else None}

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of the ledger."""
        if not self.mechanisms:
            return []
        named = {phase.name: mechanism for phase, mechanism in zip(self.phases, self.mechanisms, strict=True)}
        return ledger_rows(named, [phase.share for phase in self.phases])


def account(n: int, plan: Sequence[Phase], found: Sequence[Mechanism | None], settings: CompressJobSettings) -> Account:
    """Return the account of a model, whose phases have these mechanisms; a student on public text has its teacher's.

    Args:
        n: the number of private training sentences.
        plan, found: the phases of the model, and their mechanisms.
        settings: the job's settings.
    """
    if settings.teacher is not None:
        plan = phases(settings.teacher, settings.train)
        found = planned(n, plan, settings)
    pairs = [(phase, mechanism) for phase, mechanism in zip(plan, found, strict=True) if mechanism]
    return Account([phase for phase, _ in pairs], [mechanism for _, mechanism in pairs])
