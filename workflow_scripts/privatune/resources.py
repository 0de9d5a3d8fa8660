"""Memory and time that a job asks a cluster for, from the sizes in the configuration.

An estimate of memory is what libraries take, plus so many copies of the model and so many of the scores of one window
of text. All are from above: a job that is killed costs more than memory that lies idle. tests/test_resources.py and
tests/workflow/test_resources.py hold them against what was measured.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from privatune.corpora.catalog import SourceSettings
from privatune.evaluation.settings import SampleSettings
from privatune.experiment import Experiment
from privatune.federation.settings import ClientSettings, DistillSettings, ScenarioSettings
from privatune.models.settings import ModelSettings
from privatune.models.sizes import parameters, products
from privatune.training.settings import PretrainSettings

LIBRARIES = 500  # MB that scipy, pandas, matplotlib and the like take before they compute
# MB that torch takes: 335 to 430 were measured of the build without CUDA; 840 to 1,110 of the one that Linux gets from
# PyPI, which maps its libraries where there is no GPU, too
TORCH = 1200
ARROW = 600  # MB of reading and writing text, which is done in batches whatever its length
CUDA = 3000  # MB more of the host's memory where torch computes on a GPU; a guess
RATE = 1e10  # FLOP/s in float32 of one thread of an old server; a new one reached 6e10, in bfloat16 1.2e11
STEP = 2e-4  # seconds a word beside that, which small models take
LEAST = 10  # minutes: slow disks, cold starts

Names = Mapping[str, str]


class Needs(NamedTuple):
    """What one job needs."""

    memory: float  # MB
    seconds: float


class Sizes(NamedTuple):
    """An experiment, and about how many words its texts have."""

    e: Experiment
    general: int
    private: int

    @property
    def mapped(self) -> float:
        """MB of all encoded text, which jobs map into memory, and of a copy of its ids."""
        return 6e-6 * (self.general + self.private)


class Lm(NamedTuple):
    """A language model by its sizes."""

    settings: ModelSettings
    vocabulary: int

    @property
    def memory(self) -> float:
        """MB of its weights."""
        return 4e-6 * parameters(self.settings, self.vocabulary)

    def scores(self, words: float) -> float:
        """MB of the scores of so many words."""
        return 4e-6 * words * self.vocabulary

    def seconds(self, words: float, passes: int) -> float:
        """Of reading so many words on one thread; training takes three passes, of which two go back."""
        return words * (2 * passes * products(self.settings, self.vocabulary) / RATE + STEP)


def sizes(e: Experiment) -> Sizes:
    """The sizes that all estimates start from."""
    return Sizes(e, sum(words_of(e.sources[name]) for name in e.general.corpora), words_of(e.sources[e.private.corpus]))


def words_of(source: SourceSettings) -> int:
    """About how many words a source has: of packages known, of files by their size, of the hub a guess.

    A word takes five bytes; a packed file or a Parquet one counts four times.
    """
    match source.kind:
        case "wikitext2" | "chitchat":
            return 2_500_000
        case "sotu":
            return min(source.max_words or 2_000_000, 2_000_000)
        case "files":
            sizes = {path: Path(path).stat().st_size for path in source.inputs()}
            packed = (".gz", ".zst", ".parquet")
            return sum(size * (4 if path.endswith(packed) else 1) // 5 for path, size in sizes.items())
        case "huggingface":
            return 100_000_000


def needs(stage: str, known: Sizes, names: Names) -> tuple[int, int]:
    """What a job of a stage asks a cluster for: memory in MB (10^6 bytes) and time in minutes.

    Args:
        stage: the rule's name; `table` and `figure` of all that make one.
        known: see there.
        names: the job's wildcards.
    """
    memory, seconds = STAGES[stage](known, names)
    return math.ceil(memory + on_gpu(stage, known.e) * CUDA), LEAST + math.ceil(seconds / 60)


def on_gpu(stage: str, e: Experiment) -> bool:
    """Whether jobs of a stage compute on a GPU."""
    return stage in ON_DEVICE and e.device == "cuda"


def main_model(e: Experiment) -> Lm:
    """The model that scenarios fine-tune."""
    return Lm(e.model, e.text.vocabulary)


def small_model(e: Experiment) -> Lm:
    """The one on which ways of compression are compared."""
    return Lm(e.compression.model, e.compression.vocabulary)


def private_model(e: Experiment) -> Lm:
    """The one that is trained under differential privacy."""
    return Lm(e.dpfedavg.training.model, e.dpfedavg.training.vocabulary)


def _reading(words: int) -> Needs:
    return Needs(ARROW, 2e-5 * words)


def _pretraining(known: Sizes, lm: Lm, s: PretrainSettings) -> Needs:
    words = s.epochs * known.general
    checked = words / (s.batch * s.bptt * s.validation_steps) * s.validation_tokens
    memory = TORCH + 8 * lm.memory + 6 * lm.scores(s.batch * s.bptt) + known.mapped
    return Needs(memory, lm.seconds(words, 3) + lm.seconds(checked, 1))  # of one thread: more promise nothing


def _clients(known: Sizes, lm: Lm, s: ClientSettings, clients: int) -> Needs:
    share = (s.user_share or s.control_share) if s.facts.sends_text else 1.0
    words = clients * s.epochs * known.e.private.max_words / share
    # the model that came, ours, its gradient, a copy in the precision of training, the update; with lwf a teacher's
    memory = TORCH + 10 * lm.memory + 8 * lm.scores(s.batch * s.bptt) + known.mapped
    return Needs(memory, lm.seconds(words, 3 + s.facts.teaches))


def _fine_tune(known: Sizes, names: Names) -> Needs:
    s = _scenario(known, names)
    devices = min(s.cohort.size, known.e.execution.clients_per_job)
    return _clients(known, main_model(known.e), s.client, devices * s.cohort.persons_per_device)


def _aggregate(known: Sizes, names: Names) -> Needs:
    s, lm = _scenario(known, names), main_model(known.e)
    if not isinstance(s.server, DistillSettings):
        return Needs(300 + 6 * lm.memory, 0.01 * lm.memory * s.cohort.size)
    teachers, d = s.cohort.size, s.server
    memory = TORCH + (2 * teachers + 10) * lm.memory + 8 * lm.scores(d.batch * d.bptt)
    return Needs(memory, lm.seconds(d.epochs * d.tokens, teachers + 4))


def _run_rounds(known: Sizes, names: Names) -> Needs:
    s, lm = _scenario(known, names), main_model(known.e)
    trained = _clients(known, lm, s.client, s.cohort.size * s.cohort.persons_per_device)
    joined, payloads = _aggregate(known, names), s.cohort.size * lm.memory  # of a round, held at once
    seconds = known.e.execution.rounds_per_job * (trained.seconds + joined.seconds)
    return Needs(trained.memory + joined.memory + payloads, seconds)


def _replicate_devices(known: Sizes, names: Names) -> Needs:
    s, lm, e = _scenario(known, names), main_model(known.e), known.e
    trained = _clients(known, lm, s.client, s.cohort.size * s.cohort.persons_per_device)
    joined, measured = _aggregate(known, names), _evaluation(known, lm, e.evaluation)
    seconds = len(e.popov.device_seeds) * (trained.seconds + joined.seconds + measured.seconds)
    return Needs(max(trained.memory + joined.memory, measured.memory) + 4 * lm.memory, seconds)


def _evaluation(known: Sizes, lm: Lm, s: SampleSettings) -> Needs:
    chunks = max(s.words) / s.chunk_tokens
    prefixes = 2e-3 * lm.vocabulary
    # windows of four words of each chunk (evaluation/measure.py)
    memory = TORCH + 4 * lm.memory + 3 * lm.scores(4 * chunks) + prefixes + known.mapped
    return Needs(memory, lm.seconds(sum(s.words), 3))  # finding what the keyboard suggests takes as long as two passes


def _neighbour(known: Sizes, names: Names) -> Needs:
    s, lm = known.e.scenarios[known.e.tail.scenario], main_model(known.e)
    trained = _clients(known, lm, s.client, s.cohort.size + 1)
    return Needs(trained.memory + 4 * lm.memory, trained.seconds)


def _write_texts(known: Sizes, names: Names) -> Needs:
    t, lm = known.e.tail, main_model(known.e)
    words = t.texts * t.words
    # both models with a padded output each; tiles of 512 beginnings, 16,000 texts side by side (attacks/likelihoods.py)
    memory = TORCH + 8 * lm.memory + 8 * lm.scores(512) + 160 + 5e-5 * words
    return Needs(memory, lm.seconds(2 * words, 1))


def _compared(known: Sizes, rounds: int, looks: int) -> Needs:
    c, lm = known.e.compression, small_model(known.e)
    trained, measured = _clients(known, lm, c.client, c.cohort.size), _evaluation(known, lm, c.evaluation)
    # of each device its model with what computes it, what its codec remembers, and its payload; and, in float64, the
    # sums from which the mean of the newest models is taken at each look
    devices = c.cohort.size * (14 * lm.memory + 2 * lm.scores(c.client.batch * c.client.bptt))
    memory = max(trained.memory, measured.memory) + devices + 2 * (len(c.shares) + 3) * lm.memory
    return Needs(memory, rounds * trained.seconds + looks * measured.seconds)


def _tune_method(known: Sizes, names: Names) -> Needs:
    points = len(known.e.compression.choices(names["method"]))
    return _compared(known, points * known.e.compression.tuning_rounds, points)


def _private_slot(known: Sizes, names: Names) -> Needs:
    t, lm = known.e.dpfedavg.training, private_model(known.e)
    visits = t.cohort + t.canaries.expected  # a carrier's text is shorter than a person's may be
    trained = _clients(known, lm, t.client, math.ceil(visits / max(1, known.e.execution.private_slots)))
    # exact sums are wider than weights; carriers are joined to the persons' text, which takes a copy of it
    return Needs(trained.memory + 12 * lm.memory + known.mapped, trained.seconds)


def _train_private(known: Sizes, names: Names) -> Needs:
    round = _private_slot(known, names)
    return round._replace(seconds=known.e.dpfedavg.training.rounds * round.seconds)


def _audit(known: Sizes, names: Names) -> Needs:
    d, lm = known.e.dpfedavg, private_model(known.e)
    seen = d.audit.canaries * d.training.rounds
    # every canary's direction is drawn anew in every round, a number a weight
    seconds = 3e-9 * seen * parameters(lm.settings, lm.vocabulary)
    return Needs(TORCH + 30 * lm.memory + 2e-5 * seen, seconds)


def _measure_private(known: Sizes, names: Names) -> Needs:
    d, lm = known.e.dpfedavg, private_model(known.e)
    c, measured = d.training.canaries, _evaluation(known, lm, d.evaluation)
    ranked = len(c.users) * len(c.copies) * c.per_cell * c.references
    return Needs(measured.memory + 3e-4 * c.references, measured.seconds + lm.seconds(2 * ranked, 1))


def _scenario(known: Sizes, names: Names) -> ScenarioSettings:
    return known.e.scenarios[names["scenario"]]


STAGES = {
    "fetch_package": lambda known, names: Needs(200, 600),
    "read_corpus": lambda known, names: _reading(words_of(known.e.sources[names["source"]])),
    "split_persons": lambda known, names: _reading(known.private),
    "vocabulary": lambda known, names: _reading(known.general),
    "encode_general": lambda known, names: _reading(known.general),
    "encode_private": lambda known, names: _reading(known.private),
    "pretrain": lambda known, names: _pretraining(known, main_model(known.e), known.e.pretrain),
    "fine_tune": _fine_tune,
    "aggregate": _aggregate,
    "run_rounds": _run_rounds,
    "keep_model": lambda known, names: Needs(200, 0),
    "client_cost": _fine_tune,
    "evaluate": lambda known, names: _evaluation(known, main_model(known.e), known.e.evaluation),
    "replicate_devices": _replicate_devices,
    "pretrain_small": lambda known, names: _pretraining(known, small_model(known.e), known.e.compression.pretrain),
    "tune_method": _tune_method,
    "follow_method": lambda known, names: _compared(
        known, known.e.compression.cohort.rounds, len(known.e.compression.shares)
    ),
    "codec_costs": lambda known, names: _compared(known, len(known.e.compression.run), 0),
    "neighbour": _neighbour,
    "write_texts": _write_texts,
    "fit_tails": lambda known, names: Needs(
        LIBRARIES + 2e-4 * known.e.tail.texts * known.e.tail.pairs, 0.1 * known.e.tail.simulations
    ),
    "account": lambda known, names: Needs(LIBRARIES, 600),
    "pretrain_private": lambda known, names: _pretraining(
        known, private_model(known.e), known.e.dpfedavg.training.pretrain
    ),
    "guarantee": lambda known, names: Needs(LIBRARIES, 600),
    "train_private": _train_private,
    "private_slot": _private_slot,
    "private_round": lambda known, names: _private_slot(known, names)._replace(seconds=60),
    "private_model": lambda known, names: Needs(TORCH + 6 * private_model(known.e).memory, 0),
    "audit": _audit,
    "measure_private": _measure_private,
    "measure_ngram": lambda known, names: Needs(
        TORCH + 3e-4 * max(known.general, known.private), 1e-4 * max(known.general, known.private)
    ),
    "table": lambda known, names: Needs(LIBRARIES, 0),
    "figure": lambda known, names: Needs(LIBRARIES, 0),
}
"""The estimate of each stage, in data's order."""

ON_DEVICE = frozenset(
    "pretrain fine_tune aggregate run_rounds replicate_devices client_cost pretrain_small tune_method follow_method "
    "neighbour pretrain_private train_private private_slot".split()
)
"""Stages that compute where `device` says."""
