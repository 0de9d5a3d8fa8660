"""Describe the work of the jobs of training under user-level differential privacy."""

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

ACCOUNTED = 10  # billions of operations that take as long as computing the epsilons of one population
WORDS_PER_SENTENCE = 19  # the average in a carrier's text, which mixes canaries and public sentences
DRAWN = 30  # operations per number of a canary's direction


def stages(known: Known, d: DpFedAvgSettings) -> dict[str, Stage]:
    """Return the stages by rule."""
    t, texts = d.training, known.texts
    lm = Lm(t.model, t.vocabulary)
    shards = max(1, known.dp_shards)

    def rounds(count: float, names: Names) -> Work:
        """Return the work of rounds in which persons and carriers train and clipped updates are summed exactly."""
        planted = d.variants[names["variant"]].carriers
        persons, carriers = count * t.cohort.size, count * t.canaries.expected * planted
        trained = visits(persons, lm, t.client, texts)
        carried = visits(carriers, lm, t.client, texts, WORDS_PER_SENTENCE * t.canaries.sentences)
        return Work(
            trained.operations + carried.operations + lm.joining(persons + carriers),
            # exact sums are wider than weights; joining carriers to the persons' text takes a copy of the text
            trained.held + 12 * lm.memory + texts.mapped,
            TORCH,
            up=(persons + carriers) * lm.bytes,
            down=trained.down + carried.down,
        )

    def dp_train(names: Names) -> Work:
        return rounds(t.cohort.rounds, names)._replace(kept=lm.bytes)

    def dp_round(names: Names) -> Work:
        return Work(lm.joining(shards), rounds(0, names).held, TORCH, passing=2 * lm.bytes)

    def measure_dp(names: Names) -> Work:
        c, measured = t.canaries, evaluation(lm, d.evaluation, texts)
        ranked = len(c.users) * len(c.copies) * c.per_cell * c.references
        return measured._replace(
            operations=measured.operations
            + lm.forward(2 * ranked),  # continuations of three words share their first words
            held=measured.held + 300 * c.references / MEGA,
        )

    def measure_ngram(names: Names) -> Work:
        words = texts.general if "general" in names["baseline"] else texts.private
        return text(words)._replace(held=300 * words / MEGA, libraries=TORCH, kept=0.0)

    def audit(names: Names) -> Work:
        seen = d.audit.canaries * t.cohort.rounds  # every canary's direction is drawn again in every round
        return Work(seen * lm.parameters * DRAWN / BILLION, 30 * lm.memory + 20 * seen / MEGA, TORCH)

    return {
        "account": Stage(lambda _: Work(ACCOUNTED * len(d.accounting.populations), libraries=LIBRARIES)),
        "pretrain_dp": Stage(lambda _: pretraining(lm, t.pretrain, texts), accelerated=True),
        "guarantee": Stage(lambda _: Work(libraries=LIBRARIES)),
        "dp_train": Stage(dp_train, accelerated=True),
        "dp_shard": Stage(lambda names: rounds(1 / shards, names), accelerated=True, kin="dp_train"),
        "dp_round": Stage(dp_round, kin="aggregate"),
        "dp_model": Stage(lambda _: Work(held=6 * lm.memory, libraries=TORCH, kept=lm.bytes)),
        "measure_dp": Stage(measure_dp),
        "measure_ngram": Stage(measure_ngram),
        "audit": Stage(audit),
    }
