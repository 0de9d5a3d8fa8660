"""How much a job has to do and to hold: what a cluster is asked for and what a run is expected to take follow from it.

The unit of work is a billion operations on one core. Where another thing than products of matrices takes the time, the
operations are such as would take as long; the constants below say so, and fitting absorbs what they miss. Memory is an
upper bound: a job that is killed costs more than memory that lies idle.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from privatune.attacks.settings import TailSettings
from privatune.compression.settings import CodecSettings
from privatune.evaluation.settings import EvaluationSettings, SampleSettings
from privatune.federation.settings import ClientSettings, ScenarioSettings
from privatune.models.settings import ModelSettings
from privatune.models.sizes import parameters, products
from privatune.training.settings import PretrainSettings

BILLION, MEGA = 1e9, 1e6
FORWARD, TRAINED = 2, 6  # operations for each multiplication of a model that reads a word, or learns from it
WORD = 1.2e6  # operations that a word costs beside the products: windows, gates, steps
TEXT = 2e5  # operations for each word that is read, cleaned, counted or encoded
WEIGHT = 900  # operations for each weight of a payload that the server checks, decodes and adds
KEPT = 4  # bytes on disk for each word of a text, as a table or encoded

# megabytes that a process takes before it holds any text or model
PLAIN = 200.0  # Python and what every job imports
NUMBA = 300.0  # with compiled loops
LIBRARIES = 500.0  # scipy, pandas, matplotlib and the like
ARROW = 600.0  # reading and writing text, which is done in batches
# 335 to 430 were measured of the build without CUDA; 840 to 1,110 of the one that Linux gets from PyPI, which maps its
# libraries where there is no GPU, too
TORCH = 1200.0

# a job's wildcards; and `before`, the round that a job of whole rounds goes on from, where that is known
Names = Mapping[str, str]
Payload = Callable[[CodecSettings, ModelSettings, int, int], float]


class Work(NamedTuple):
    """What a job has to do, and what it leaves."""

    operations: float = 0.0  # billions; 0: as long as any job of its rule
    held: float = 0.0  # megabytes of models and text, and of what is computed from them, at most
    libraries: float = PLAIN  # megabytes, one of the above
    kept: float = 0.0  # bytes on disk afterwards
    passing: float = 0.0  # bytes on disk until what waits for them is done
    up: float = 0.0  # bytes that devices would send
    down: float = 0.0  # bytes that devices would get


class Stage(NamedTuple):
    """A rule, by the work of its jobs."""

    work: Callable[[Names], Work]
    accelerated: bool = False  # whether its jobs compute where `device` says
    kin: str | None = None  # the stage whose measured costs it has, for the same kind of work, until its own are known


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

    @property
    def mapped(self) -> float:
        """Megabytes of all encoded text, which jobs map into memory, and of a copy of its ids."""
        return 6 * (self.general + self.collected) / MEGA


class Lm(NamedTuple):
    """A language model, by its sizes."""

    settings: ModelSettings
    vocabulary: int

    @property
    def parameters(self) -> int:
        """Its weights."""
        return parameters(self.settings, self.vocabulary)

    @property
    def bytes(self) -> float:
        """Of the model as it is sent and kept, in float32."""
        return 4.0 * self.parameters

    @property
    def memory(self) -> float:
        """Megabytes of its weights."""
        return self.bytes / MEGA

    @property
    def id_bytes(self) -> int:
        """Of a word of encoded text."""
        return 2 if self.vocabulary <= 1 << 16 else 4

    def scores(self, words: float) -> float:
        """Megabytes of the scores of a window of text: every word of the vocabulary at every place."""
        return 4 * words * self.vocabulary / MEGA

    def forward(self, words: float) -> float:
        """Billions of operations of the products alone, where a text is read or written."""
        return words * FORWARD * products(self.settings, self.vocabulary) / BILLION

    def reading(self, words: float) -> float:
        """Billions of operations to predict every word of a text."""
        return self.forward(words) + words * WORD / BILLION

    def training(self, words: float, taught: bool = False) -> float:
        """Billions of operations to train on a text; `taught` by a model that reads along."""
        each = TRAINED + (FORWARD if taught else 0)
        return words * (each * products(self.settings, self.vocabulary) + WORD) / BILLION

    def joining(self, payloads: float) -> float:
        """Billions of operations of the server that adds payloads."""
        return payloads * self.parameters * WEIGHT / BILLION


class Known(NamedTuple):
    """What the stages of every system may follow from, beside its own section of the configuration."""

    texts: Texts
    payload: Payload  # bytes of a device's payload: by codec, model, vocabulary, persons of a cohort
    main: Lm  # the model that scenarios fine-tune
    pretrain: PretrainSettings
    scenarios: Mapping[str, ScenarioSettings]
    evaluation: EvaluationSettings
    tail: TailSettings
    clients_per_job: int
    rounds_per_job: int
    private_slots: int


def text(words: float) -> Work:
    """Of reading a text and writing what becomes of it."""
    return Work(words * TEXT / BILLION, 8 * words / MEGA, ARROW, kept=KEPT * words)


def pretraining(lm: Lm, s: PretrainSettings, texts: Texts) -> Work:
    """Of training on all general text; the checkpoint passes, the model stays."""
    words = s.epochs * texts.general
    checked = words / (s.batch * s.bptt * s.validation_steps) * s.validation_tokens
    held = 8 * lm.memory + 6 * lm.scores(s.batch * s.bptt) + texts.mapped
    return Work(lm.training(words) + lm.reading(checked), held, TORCH, kept=lm.bytes, passing=lm.bytes)


def visit_words(client: ClientSettings, own: float) -> tuple[float, float]:
    """Words that a device trains on in one visit, all epochs together, and those that the server sent along."""
    sends = client.facts.sends_text
    share = (client.user_share or client.control_share) if sends else 1.0
    sent = own / share - (own if client.user_share else 0) if sends else 0.0
    trained = own / share
    return client.epochs * trained, sent


def visits(clients: float, lm: Lm, client: ClientSettings, texts: Texts, own: float | None = None) -> Work:
    """Of devices that train one after the other, each on what the server sends it; without what they send back.

    Args:
        clients: how many there are.
        lm, client, texts: what they train, and on what.
        own: words that a device has of its own; None: those of one person.
    """
    words, sent = visit_words(client, texts.person if own is None else own)
    # the model that came, ours, its gradient, a copy in the precision of training, the update; with lwf a teacher's
    held = 10 * lm.memory + 8 * lm.scores(client.batch * client.bptt) + texts.mapped
    return Work(
        clients * lm.training(words, client.facts.teaches),
        held,
        TORCH,
        down=clients * (lm.bytes + sent * lm.id_bytes),
    )


def evaluation(lm: Lm, s: SampleSettings, texts: Texts) -> Work:
    """Of reading the samples of text."""
    chunks = max(s.words) / s.chunk_tokens
    prefixes = 2e-3 * lm.vocabulary
    # windows of four words of each chunk (evaluation/measure.py)
    held = 4 * lm.memory + 3 * lm.scores(4 * chunks) + prefixes + texts.mapped
    return Work(lm.reading(sum(s.words)), held, TORCH)
