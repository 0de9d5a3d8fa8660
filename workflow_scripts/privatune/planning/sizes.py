"""How much there is to do: words, operations, bytes; what the stages of `work.py` are counted in.

The unit of work is a billion operations on one core. Where another thing than products of matrices takes the time, the
operations are such as would take as long; the constants below say so, and fitting absorbs what they miss.
"""

from typing import NamedTuple

from privatune.evaluation.settings import SampleSettings
from privatune.federation.settings import ClientSettings
from privatune.models.settings import ModelSettings
from privatune.models.sizes import parameters, products

BILLION = 1e9
FORWARD, TRAINED = 2, 6  # operations for each multiplication of a model that reads a word, or learns from it
WORD = 1.2e6  # operations that a word costs beside the products: windows, gates, steps
WEIGHT = 900  # of a weight of a payload that the server checks, decodes and adds
HELD = 32  # bytes in memory for each word of a text that is read or counted
STORED = 4  # bytes on disk for each word of a text, as a table or encoded


class Texts(NamedTuple):
    """How much text there is, in words."""

    sources: dict[str, float]  # of each general source, to train on
    collected: float  # in the private corpus, before it is chosen who takes part
    persons: float  # who train
    person: float  # of one of them, on average

    @property
    def general(self) -> float:
        """Of all general sources."""
        return sum(self.sources.values())

    @property
    def private(self) -> float:
        """Of all who train."""
        return self.persons * self.person


class Work(NamedTuple):
    """What a job has to do, and what it leaves."""

    operations: float = 0.0  # billions; 0: as long as any job of its rule
    megabytes: float = 0.0  # of models or text that it holds; memory grows with it
    kept: float = 0.0  # bytes on disk afterwards
    passing: float = 0.0  # bytes on disk until what waits for them is done
    up: float = 0.0  # bytes that devices would send
    down: float = 0.0  # bytes that devices would get


def training(words: float, model: ModelSettings, vocabulary: int, taught: bool = False) -> float:
    """Billions of operations to train on so many words; `taught` by a model that reads along."""
    each = TRAINED + (FORWARD if taught else 0)
    return words * (each * products(model, vocabulary) + WORD) / BILLION


def visit_words(client: ClientSettings, own: float) -> tuple[float, float]:
    """Words that a device trains on in one visit, all epochs together, and those that the server sent along."""
    sends = client.facts.sends_text
    share = (client.user_share or client.control_share) if sends else 1.0
    sent = own / share - (own if client.user_share else 0) if sends else 0.0
    trained = own / share
    return client.epochs * trained, sent


def model_bytes(model: ModelSettings, vocabulary: int) -> float:
    """Of a model as it is sent and kept, in float32."""
    return 4.0 * parameters(model, vocabulary)


def id_bytes(vocabulary: int) -> int:
    """Of a word of encoded text."""
    return 2 if vocabulary <= 1 << 16 else 4


def reading(samples: SampleSettings, model: ModelSettings, vocabulary: int) -> float:
    """Billions of operations to read the samples of text."""
    return sum(samples.words) * (FORWARD * products(model, vocabulary) + WORD) / BILLION
