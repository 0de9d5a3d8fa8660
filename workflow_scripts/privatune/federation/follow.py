"""Ways of training on the same private text, followed by what they have sent: averaging, or a gradient each step."""

from collections.abc import Iterator, Sequence

from privatune.core.tensors import unpack
from privatune.federation import gradients
from privatune.federation.methods import Choice
from privatune.federation.progress import Progress, reached
from privatune.federation.rounds import run_rounds
from privatune.federation.settings import ScenarioSettings
from privatune.models.settings import NumericsSettings
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
    client = choice.client.model_copy(update={"learning_rate": choice.learning_rate})
    scenario = ScenarioSettings(client=client, cohort=choice.cohort, codec=choice.codec)
    stops = [reached(share, choice.cohort.rounds) for share in shares]
    tokens = up = down = 0
    rounds = range(1, stops[-1] + 1)
    for number, averaged, records in run_rounds(model, private, general, scenario, numerics, seed, rounds):
        tokens += sum(record["user_tokens"] + record["rehearsal_tokens"] for record in records)
        up += sum(record["bits_up"] for record in records)
        down += sum(record["bits_down"] for record in records)
        if number in stops:
            yield Progress(number, tokens, up, down, unpack(averaged, "the round's model")[0])
