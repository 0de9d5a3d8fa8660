"""Every method as a list of phases: trainings, one after the other, of which each has its share of the budget."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from privatune.systems.dpcompress.settings import (
    DistilPublicSettings,
    DistilSettings,
    DropSettings,
    FineTuneSettings,
    MethodSettings,
    ProbeSettings,
    PruneSettings,
    TrainSettings,
)

Start = Literal["pretrained", "random", "before"]
Mask = Literal["none", "public", "random", "before"]
Teacher = Literal["none", "before", "finished"]


class Phase(NamedTuple):
    """One training.

    Attributes:
        name: what it does, as the ledger shows it.
        steps: the number of its steps.
        share: its share of the privacy budget; 0 if it reads no private text.
        blocks: which blocks the model keeps; null for all of them.
        start: the weights that the trained blocks and the head start with. `before` are those of the phase before.
        mask: which weights of the trained matrices are removed: the smallest of the published weights, some at random,
            or the smallest after the phase before, of all matrices together.
        sparsity: the share of the weights that the mask removes.
        teacher: whose predictions the model learns: of the phase before, or of a finished model on public text.
        weight, temperature: of the teacher in the loss.
        head_only: whether only a head is trained, on sentence vectors, by gradient descent on all examples.
    """

    name: str
    steps: int
    share: float = 1.0
    blocks: tuple[int, ...] | None = None
    start: Start = "pretrained"
    mask: Mask = "none"
    sparsity: float = 0.0
    teacher: Teacher = "none"
    weight: float = 0.0
    temperature: float = 1.0
    head_only: bool = False


def phases(method: MethodSettings, train: TrainSettings) -> list[Phase]:
    """Return the phases of a method in their order; their shares of the budget add up to 1, or are all 0."""
    return list(_phases(method, train))


def reads(phase: Phase, train: TrainSettings) -> str:
    """Return the name, without its ending, of the file of a set of sentences that a phase reads.

    >>> train = TrainSettings(blocks=2)
    >>> reads(Phase("full", 1), train), reads(Phase("half", 1, blocks=(0, 2, 5)), train)
    ('last-2', 'after-1')
    """
    if phase.head_only:
        return "vectors"
    if train.blocks is None:
        return "tokens"
    return f"last-{train.blocks}" if phase.blocks is None else f"after-{cached(phase.blocks, train.blocks)}"


def cached(blocks: tuple[int, ...], trained: int) -> int:
    """Return how many of the lowest blocks are kept, frozen and next to each other, so that their output is stored.

    >>> cached((0, 2, 5), 2), cached((0, 1, 2, 4, 5), 2), cached((0, 1), 3)
    (1, 3, 0)
    """
    frozen = blocks[: max(0, len(blocks) - trained)]
    return next((place for place, block in enumerate(frozen) if block != place), len(frozen))


def _phases(m: MethodSettings, train: TrainSettings) -> Iterator[Phase]:
    if isinstance(m, ProbeSettings):
        yield Phase("probe", m.steps, head_only=True)
    elif isinstance(m, FineTuneSettings):
        sparsity = 0.0 if m.mask == "none" else m.sparsity
        yield Phase("fine-tuning", train.steps, 1.0, _kept(m.blocks), m.start, m.mask, sparsity)
    elif isinstance(m, DistilSettings):
        yield Phase("teacher", m.teacher_steps or train.steps, m.teacher_share)
        student = Phase("student", train.steps, 1 - m.teacher_share, _kept(m.blocks), teacher="before")
        yield student._replace(weight=m.weight, temperature=m.temperature)
    elif isinstance(m, DistilPublicSettings):
        student = Phase("student on public text", m.steps or train.steps, 0.0, _kept(m.blocks), teacher="finished")
        yield student._replace(weight=1.0, temperature=m.temperature)
    elif isinstance(m, DropSettings):
        all_steps = sum(stage.steps for stage in m.stages)
        for number, stage in enumerate(m.stages, 1):
            start: Start = "before" if number > 1 else "pretrained"
            yield Phase(f"stage {number}", stage.steps, stage.steps / all_steps, _kept(stage.blocks), start)
    else:
        yield from _prunings(m, train)


def _prunings(m: PruneSettings, train: TrainSettings) -> Iterator[Phase]:
    """Each pruning removes the same share of the weights that are left, and rewinds the others."""
    for number in range(m.prunings + 1):
        sparsity = 1 - (1 - m.sparsity) ** (number / m.prunings)
        mask: Mask = "before" if number else "none"
        if number < m.prunings:
            share = m.pruning_share / m.prunings
            yield Phase(f"pruning {number + 1}", m.pruning_steps, share, mask=mask, sparsity=sparsity)
        else:
            yield Phase("fine-tuning", train.steps, 1 - m.pruning_share, mask=mask, sparsity=sparsity)


def _kept(blocks: list[int] | None) -> tuple[int, ...] | None:
    return None if blocks is None else tuple(sorted(blocks))
