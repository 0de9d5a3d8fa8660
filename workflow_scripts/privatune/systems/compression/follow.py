"""Ways of training on the same private text, followed by what they have sent: averaging, or a gradient each step."""

from collections.abc import Iterator, Sequence

from privatune.core.tensors import unpack
from privatune.federation.rounds import run_rounds
from privatune.federation.settings import ScenarioSettings
from privatune.models.settings import NumericsSettings
from privatune.systems.compression import gradients
from privatune.systems.compression.methods import Choice
from privatune.systems.compression.progress import Progress, reached
from privatune.text.streams import Stream


def follow(
    model: bytes,
    private: Stream,
    general: Stream,
    choice: Choice,
    numerics: NumericsSettings,
    seed: int,
    shares: Sequence[float],
) -> Iterator[Progress]:
    """Train, and stop at shares of the training to be looked at.

    Args:
        model: that training starts from, as the server sends it.
        private: one unit a training person.
        general: general training text.
        choice: what is trained how.
        numerics: see there.
        seed: of the replicate: which persons take part, and what is drawn.
        shares: of the whole training, ascending, in (0, 1]; what comes after the last is not run.
    """
    train = _average if choice.mode == "averaging" else gradients.train
    return train(model, private, general, choice, numerics, seed, shares)


def _average(
    model: bytes,
    private: Stream,
    general: Stream,
    choice: Choice,
    numerics: NumericsSettings,
    seed: int,
    shares: Sequence[float],
) -> Iterator[Progress]:
    rounds = choice.cohort.rounds
    stops = [reached(share, rounds) for share in shares]
    tokens = up = down = 0
    for number in range(1, stops[-1] + 1):
        client = choice.client.model_copy(update={"learning_rate": choice.rate_at((number - 1) / rounds)})
        scenario = ScenarioSettings(client=client, cohort=choice.cohort, codec=choice.codec)
        ((_, model, records),) = run_rounds(model, private, general, scenario, numerics, seed, [number])
        tokens += client.epochs * sum(record["user_tokens"] + record["rehearsal_tokens"] for record in records)
        up += sum(record["bits_up"] for record in records)
        down += sum(record["bits_down"] for record in records)
        if number in stops:
            yield Progress(number, tokens, up, down, unpack(model, "the round's model")[0])
