"""What the jobs of the comparison by bits sent have to do."""

from privatune.stages.work import Known, Lm, Names, Stage, Work, evaluation, pretraining, visit_words, visits
from privatune.systems.compression.methods import Choice
from privatune.systems.compression.settings import CompressionSettings

TIMED = 15  # updates of each device that `codec_costs` times


def stages(known: Known, c: CompressionSettings) -> dict[str, Stage]:
    """By rule."""
    lm = Lm(c.model, c.vocabulary)
    look = evaluation(lm, c.evaluation, known.texts)
    # of training or of a look at it; beside it what codecs remember of each device, and the payloads
    held = max(visits(1, lm, c.client, known.texts).held, look.held) + 6 * c.cohort.size * lm.memory

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
        "codec_costs": Stage(codec_costs, accelerated=True),
    }


def _training(choice: Choice, lm: Lm, known: Known) -> Work:
    """Of one training with a method, without what looks at it."""
    size, client = choice.cohort.size, choice.client
    trained = visits(size * choice.cohort.rounds, lm, client, known.texts)
    words, sent = (size * choice.cohort.rounds * each for each in visit_words(client, known.texts.person))
    payload = known.payload(choice.codec, *lm, size)
    if choice.mode == "averaging":
        sends: float = choice.cohort.rounds
        down = sends * size * lm.bytes
    else:
        sends = words / (size * client.batch * client.bptt)
        answers = {"same": payload, "dense": lm.bytes, "sparse": min(size * payload, lm.bytes)}
        down = size * lm.bytes + sends * size * answers[choice.down]
    return trained._replace(
        operations=lm.training(words) + lm.joining(sends * size),
        up=sends * size * payload,
        down=down + sent * lm.id_bytes,
    )
