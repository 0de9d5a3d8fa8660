"""Describe the work of the jobs that compare methods by the bits they send."""

from privatune.stages.work import Known, Lm, Names, Stage, Work, evaluation, pretraining, visit_words, visits
from privatune.systems.compression.methods import Choice
from privatune.systems.compression.settings import CompressionSettings

TIMED = 15  # updates of each device that `codec_costs` times


def stages(known: Known, c: CompressionSettings) -> dict[str, Stage]:
    """Return the stages by rule."""
    lm = Lm(c.model, c.vocabulary)
    look = evaluation(lm, c.evaluation, known.texts)
    # Each device holds its model with what computes it, the memory of its codec, and its payload. There are also the
    # float64 sums from which each evaluation takes the mean of the newest models.
    devices = c.cohort.size * (14 * lm.memory + 2 * lm.scores(c.client.minibatch * c.client.bptt))
    held = max(visits(1, lm, c.client, known.texts).held, look.held) + devices + 2 * (len(c.shares) + 3) * lm.memory

    def tune_method(names: Names) -> Work:
        trainings = [_training(choice, lm, known) for choice in c.choices(names["method"])]
        operations, up, down = (sum(getattr(t, part) for t in trainings) for part in ("operations", "up", "down"))
        return look._replace(operations=operations + len(trainings) * look.operations, held=held, up=up, down=down)

    def follow_method(names: Names) -> Work:
        choice = c.choices(names["method"])[0].model_copy(update={"cohort": c.cohort})
        once = _training(choice, lm, known)
        return once._replace(operations=once.operations + len(c.shares) * look.operations, held=held)

    def codec_costs(names: Names) -> Work:
        return look._replace(operations=lm.joining(TIMED * c.cohort.size * len(c.run)), held=held)

    return {
        "pretrain_small": Stage(lambda _: pretraining(lm, c.pretrain, known.texts), accelerated=True),
        "tune_method": Stage(tune_method, accelerated=True),
        "follow_method": Stage(follow_method, accelerated=True),
        "codec_costs": Stage(codec_costs),
    }


def _training(choice: Choice, lm: Lm, known: Known) -> Work:
    """Return the work of one training with a method, without its evaluations."""
    size, client = choice.cohort.size, choice.client
    trained = visits(1, lm, client, known.texts)
    joins = size * choice.cohort.rounds
    words, sent = (joins * each for each in visit_words(client, known.texts.person))
    payload = known.payload(choice.codec, *lm, size)
    down = joins * known.payload(choice.download, *lm, 1)  # the model is sent to every person who joins
    if choice.mode == "averaging":
        sends: float = choice.cohort.rounds
    else:
        sends = words / (size * client.minibatch * client.bptt)
        answers = {"same": payload, "dense": lm.bytes, "sparse": min(size * payload, lm.bytes)}
        down += sends * size * answers[choice.down]
    return trained._replace(
        operations=lm.training(words) + lm.joining(sends * size),
        up=sends * size * payload,
        down=down + sent * lm.id_bytes,
    )
