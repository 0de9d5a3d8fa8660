"""Train on the same private text by averaging or by a gradient in each step, and count the bits that are sent."""

from collections.abc import Iterator, Sequence

import numpy as np

from privatune.core.streams import stream_key
from privatune.core.tensors import Arrays
from privatune.federation.aggregation import aggregate
from privatune.federation.clients import run_clients
from privatune.federation.cohorts import refuse_too_many
from privatune.federation.settings import ScenarioSettings
from privatune.models.arrays import Model
from privatune.models.settings import NumericsSettings
from privatune.systems.compression import gradients
from privatune.systems.compression.download import download
from privatune.systems.compression.methods import Choice
from privatune.systems.compression.progress import Progress, Training, reached
from privatune.text.streams import Stream


def follow(
    model: Model,
    private: Stream,
    general: Stream,
    choice: Choice,
    numerics: NumericsSettings,
    seed: int,
    shares: Sequence[float],
) -> Iterator[Progress]:
    """Train, and yield the progress at shares of the training.

    The model it yields is the mean of the server's models over the newest steps, which are a share `averaged` of all
    steps so far (Polyak averaging). This costs no bits, and it avoids chance differences: as long as the learning rate
    is high, a single model may be better or worse than the next one by chance.

    Args:
        model: the model that training starts from.
        private: private text, one unit per training person.
        general: general training text.
        choice: the method and its settings.
        numerics: how to compute.
        seed: the seed of the replicate, which decides who takes part and what is drawn.
        shares: shares of the whole training, ascending, in (0, 1]; training stops after the last. Shares that fall on
            the same step are yielded once.
    """
    refuse_too_many(len(private.units), choice.cohort.size, "compression.cohort.size")
    train = _average if choice.mode == "averaging" else gradients.train
    steps, training = train(model, private, general, choice, numerics, seed)
    stops = {reached(share, steps) for share in shares}
    oldest = {stop: stop - reached(choice.averaged, stop) for stop in stops}
    total: Arrays = {name: np.zeros(array.shape) for name, array in model.arrays.items()}
    totals = {0: total}
    for at in training:
        total = {name: total[name] + array for name, array in at.model.items()}
        if at.steps in oldest.values():
            totals[at.steps] = total
        if at.steps in stops:
            start = oldest[at.steps]
            newest = {name: (array - totals[start][name]) / (at.steps - start) for name, array in total.items()}
            yield at._replace(model={name: array.astype(np.float32) for name, array in newest.items()})
        if at.steps == max(stops):
            return


def _average(
    model: Model, private: Stream, general: Stream, choice: Choice, numerics: NumericsSettings, seed: int
) -> Training:
    return choice.cohort.rounds, _rounds(model, private, general, choice, numerics, seed)


def _rounds(
    model: Model, private: Stream, general: Stream, choice: Choice, numerics: NumericsSettings, seed: int
) -> Iterator[Progress]:
    """Run federated averaging round by round; each person trains the model as it was received."""
    rounds, everyone = choice.cohort.rounds, range(choice.cohort.size)
    tokens = up = down = 0
    for number in range(1, rounds + 1):
        client = choice.client.model_copy(update={"learning_rate": choice.rate_at((number - 1) / rounds)})
        scenario = ScenarioSettings(client=client, cohort=choice.cohort.model_dump(), codec=choice.codec)
        sent = download(model.arrays, choice.download, stream_key(seed, "download", number))
        arrived = model._replace(arrays=sent.weights, length=sent.length)
        visits = run_clients(arrived, private, general, scenario, numerics, (seed, number), everyone)
        payloads, records = zip(*visits, strict=True)
        model = aggregate(model, payloads, scenario, numerics, (seed, number))
        tokens += client.epochs * sum(record["user_tokens"] + record["rehearsal_tokens"] for record in records)
        up += sum(record["bits_up"] for record in records)
        down += sum(record["bits_down"] for record in records)
        yield Progress(number, tokens, up, down, model.arrays)
