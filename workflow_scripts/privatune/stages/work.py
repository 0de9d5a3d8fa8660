"""Describe how much work and memory a job needs; cluster requests and the plan's forecasts follow from it.

The unit of work is a billion operations on one core. Where something other than matrix products takes the time, the
constants below give the number of operations that would take as long, and fitting absorbs their errors. Memory is an
upper bound: a killed job costs more than unused memory.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from privatune.attacks.settings import TailSettings
from privatune.compression.settings import CodecSettings
from privatune.evaluation.settings import EvaluationSettings, SampleSettings
from privatune.federation.settings import ClientSettings, ScenarioSettings
from privatune.models.encoder_settings import EncoderSettings
from privatune.models.settings import ModelSettings
from privatune.models.sizes import parameters, products
from privatune.text.sentence_settings import SentencesSettings
from privatune.training.settings import PretrainSettings

BILLION, MEGA = 1e9, 1e6
FORWARD, TRAINED = 2, 6  # operations per multiplication when a model reads a word or learns from it
WORD = 1.2e6  # operations per word in addition to the products: windows, gates, steps
TEXT = 2e5  # operations per word that is read, cleaned, counted or encoded
WEIGHT = 900  # operations per weight of a payload that the server checks, decodes and adds
PIECES = 2  # tokens of an encoder per word, at most
TOKENS = 20  # tokens of a labelled sentence, on average
SENTENCE = 30  # bytes of memory per word of sentences: the text, its hashes, and its tokens
KEPT = 4  # bytes on disk per word of a text, as a table or encoded

# megabytes that a process takes before it holds any text or model
PLAIN = 200.0  # Python and what every job imports
NUMBA = 300.0  # with compiled loops
LIBRARIES = 500.0  # scipy, pandas, matplotlib and similar libraries
ARROW = 600.0  # reading and writing text in batches
# The build without CUDA took 335 to 430. The build that Linux gets from PyPI took 840 to 1,110, since it maps the CUDA
# libraries even on a machine without a GPU.
TORCH = 1200.0

# a job's wildcards, and `before`: the round that a job of whole rounds continues from, if it is known
Names = Mapping[str, str]
Payload = Callable[[CodecSettings, ModelSettings, int, int], float]


class Work(NamedTuple):
    """What a job has to do, and what it leaves behind."""

    operations: float = 0.0  # billions; 0 means that all jobs of the rule take about as long
    held: float = 0.0  # megabytes of models, text and what is computed from them, at most
    libraries: float = PLAIN  # megabytes: one of the constants above
    kept: float = 0.0  # bytes that stay on disk
    passing: float = 0.0  # bytes on disk until the jobs that wait for them are done
    up: float = 0.0  # bytes that devices would send
    down: float = 0.0  # bytes that devices would receive


class Stage(NamedTuple):
    """A rule, described by the work of its jobs."""

    work: Callable[[Names], Work]
    accelerated: bool = False  # whether its jobs compute on `accelerator`
    kin: str | None = None  # a stage of similar work, whose measured costs are used until its own are known


class Texts(NamedTuple):
    """How much text there is, in words."""

    sources: dict[str, float]  # words of training text in each general source
    collected: float  # words in the private corpus, before persons are chosen
    persons: float  # how many persons train
    person: float  # words of one of them, on average

    @property
    def general(self) -> float:
        """The words of all general sources."""
        return sum(self.sources.values())

    @property
    def private(self) -> float:
        """The words of all persons who train."""
        return self.persons * self.person

    @property
    def mapped(self) -> float:
        """The megabytes of all encoded text, which jobs map into memory, and of a copy of its ids."""
        return 6 * (self.general + self.collected) / MEGA


class Lm(NamedTuple):
    """A language model, described by its sizes."""

    settings: ModelSettings
    vocabulary: int

    @property
    def parameters(self) -> int:
        """The number of its weights."""
        return parameters(self.settings, self.vocabulary)

    @property
    def bytes(self) -> float:
        """The bytes of the model as it is sent and stored, in float32."""
        return 4.0 * self.parameters

    @property
    def memory(self) -> float:
        """The megabytes of its weights."""
        return self.bytes / MEGA

    @property
    def id_bytes(self) -> int:
        """The bytes of one word of encoded text."""
        return 2 if self.vocabulary <= 1 << 16 else 4

    def scores(self, words: float) -> float:
        """Return the megabytes of the scores of a window of text, for every vocabulary word at every place."""
        return 4 * words * self.vocabulary / MEGA

    def forward(self, words: float) -> float:
        """Return the billions of operations in the products alone when a text is read or written."""
        return words * FORWARD * products(self.settings, self.vocabulary) / BILLION

    def reading(self, words: float) -> float:
        """Return the billions of operations that predict every word of a text."""
        return self.forward(words) + words * WORD / BILLION

    def training(self, words: float, taught: bool = False) -> float:
        """Return the billions of operations that train on a text; with `taught`, a teacher model reads it too."""
        each = TRAINED + (FORWARD if taught else 0)
        return words * (each * products(self.settings, self.vocabulary) + WORD) / BILLION

    def joining(self, payloads: float) -> float:
        """Return the billions of operations that the server needs to add payloads."""
        return payloads * self.parameters * WEIGHT / BILLION


class Known(NamedTuple):
    """What the stages of every system may depend on, in addition to its own section of the configuration."""

    texts: Texts
    labelled: Mapping[str, float]  # words of the source of each set of sentences, at most, by source
    sentences: Mapping[str, SentencesSettings]
    encoders: Mapping[str, EncoderSettings]
    payload: Payload  # bytes of a device's payload, by codec, model, vocabulary and cohort size
    main: Lm  # the model that scenarios fine-tune
    pretrain: PretrainSettings
    scenarios: Mapping[str, ScenarioSettings]
    evaluation: EvaluationSettings
    tail: TailSettings
    clients_per_job: int
    rounds_per_job: int
    dp_shards: int


def text(words: float) -> Work:
    """Return the work of reading a text and writing the result."""
    return Work(words * TEXT / BILLION, 8 * words / MEGA, ARROW, kept=KEPT * words)


def sentences(words: float) -> Work:
    """Return the work of reading or tokenising sentences with labels, all of which are in memory."""
    return Work(words * TEXT / BILLION, SENTENCE * words / MEGA, ARROW, kept=KEPT * words)


def converted(weights: float) -> Work:
    """Return the work of bringing an encoder into one form: what is read, its float32 weights, and the file."""
    return Work(held=4 * 4 * weights / MEGA, libraries=TORCH, kept=4 * weights)


def encoded(words: float, weights: float, width: int) -> Work:
    """Return the work of an encoder that reads sentences with labels; its states are kept in 16 bits, at most."""
    tokens = PIECES * words
    states = 2 * tokens * width
    # the weights, a minibatch within a block, and the states as they are computed, packed and written
    held = (4 * 1.5 * weights + 3 * states + SENTENCE * words) / MEGA + 40 * 4 * 1024 * width / MEGA
    return Work(tokens * FORWARD * weights / BILLION, held, TORCH, kept=states)


def pretraining(lm: Lm, s: PretrainSettings, texts: Texts) -> Work:
    """Return the work of training on all general text; the checkpoint is temporary, and the model stays."""
    words = s.epochs * texts.general
    checked = words / (s.minibatch * s.bptt * s.validation_steps) * s.validation_tokens
    held = 8 * lm.memory + 6 * lm.scores(s.minibatch * s.bptt) + texts.mapped
    return Work(lm.training(words) + lm.reading(checked), held, TORCH, kept=lm.bytes, passing=lm.bytes)


def visit_words(client: ClientSettings, own: float) -> tuple[float, float]:
    """Return the words that a device trains on in one visit, over all epochs, and the words that the server sends."""
    sends = client.facts.sends_text
    share = (client.user_share or client.control_share) if sends else 1.0
    sent = own / share - (own if client.user_share else 0) if sends else 0.0
    trained = own / share
    return client.epochs * trained, sent


def visits(clients: float, lm: Lm, client: ClientSettings, texts: Texts, own: float | None = None) -> Work:
    """Return the work of devices that download and train one after the other, without what they send back.

    Args:
        clients: how many devices there are.
        lm, client, texts: the model, the client's settings and the text that they train with.
        own: how many words of its own a device has; None means those of one person.
    """
    words, sent = visit_words(client, texts.person if own is None else own)
    # the received model, the trained one, its gradient, a copy in training precision, the update, perhaps a teacher
    held = 10 * lm.memory + 8 * lm.scores(client.minibatch * client.bptt) + texts.mapped
    return Work(
        clients * lm.training(words, client.facts.teaches),
        held,
        TORCH,
        down=clients * (lm.bytes + sent * lm.id_bytes),
    )


def evaluation(lm: Lm, s: SampleSettings, texts: Texts) -> Work:
    """Return the work of reading the samples of text."""
    chunks = max(s.words) / s.chunk_tokens
    prefixes = 2e-3 * lm.vocabulary
    # each chunk is read in windows of four words (evaluation/measure.py)
    held = 4 * lm.memory + 3 * lm.scores(4 * chunks) + prefixes + texts.mapped
    return Work(lm.reading(sum(s.words)), held, TORCH)
