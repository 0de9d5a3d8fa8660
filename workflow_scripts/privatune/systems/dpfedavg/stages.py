"""What the jobs of training under user-level differential privacy have to do."""

from privatune.stages.work import (
    BILLION,
    LIBRARIES,
    MEGA,
    TORCH,
    Known,
    Lm,
    Names,
    Stage,
    Work,
    evaluation,
    pretraining,
    text,
    visits,
)
from privatune.systems.dpfedavg.settings import DpFedAvgSettings

ACCOUNTED = 10  # billions of operations as take as long as the epsilons of one population
DRAWN = 30  # operations for each number of a canary's direction


def stages(known: Known, d: DpFedAvgSettings) -> dict[str, Stage]:
    """By rule."""
    t, texts = d.training, known.texts
    lm = Lm(t.model, t.vocabulary)
    slots = max(1, known.private_slots)

    def clients(count: float) -> Work:
        """Who train, and whose clipped updates are added exactly."""
        trained = visits(count, lm, t.client, texts)
        # exact sums are wider than weights; carriers are joined to the persons' text, which takes a copy of it
        held = trained.held + 12 * lm.memory + texts.mapped
        return trained._replace(operations=trained.operations + lm.joining(count), held=held, up=count * lm.bytes)

    def private_round(names: Names) -> Work:
        return Work(lm.joining(slots), clients(1).held, TORCH, passing=2 * lm.bytes)

    def measure_private(names: Names) -> Work:
        c, measured = t.canaries, evaluation(lm, d.evaluation, texts)
        ranked = len(c.users) * len(c.copies) * c.per_cell * c.references
        return measured._replace(
            operations=measured.operations + lm.forward(2 * ranked),  # of three words the first are shared
            held=measured.held + 300 * c.references / MEGA,
        )

    def measure_ngram(names: Names) -> Work:
        words = texts.general if "general" in names["baseline"] else texts.private
        return text(words)._replace(held=300 * words / MEGA, libraries=TORCH, kept=0.0)

    def audit(names: Names) -> Work:
        seen = d.audit.canaries * t.rounds  # every canary's direction is drawn anew in every round
        return Work(seen * lm.parameters * DRAWN / BILLION, 30 * lm.memory + 20 * seen / MEGA, TORCH)

    return {
        "account": Stage(lambda _: Work(ACCOUNTED * len(d.accounting.populations), libraries=LIBRARIES)),
        "pretrain_private": Stage(lambda _: pretraining(lm, t.pretrain, texts), accelerated=True),
        "guarantee": Stage(lambda _: Work(libraries=LIBRARIES)),
        "train_private": Stage(lambda _: clients(t.cohort * t.rounds)._replace(kept=lm.bytes), accelerated=True),
        "private_slot": Stage(lambda _: clients(t.cohort / slots), accelerated=True, kin="train_private"),
        "private_round": Stage(private_round, kin="aggregate"),
        "private_model": Stage(lambda _: Work(held=6 * lm.memory, libraries=TORCH, kept=lm.bytes)),
        "measure_private": Stage(measure_private),
        "measure_ngram": Stage(measure_ngram),
        "audit": Stage(audit),
    }
