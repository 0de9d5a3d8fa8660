"""What a job asks a cluster for: memory and time, from the most that it may have to do.

Both are upper bounds, time by far. tests/planning/test_requests.py and tests/workflow/test_resources.py hold memory
against what was measured.
"""

import math

from privatune.compression.settings import CodecSettings
from privatune.experiment import Experiment
from privatune.models.settings import ModelSettings
from privatune.planning.table import table
from privatune.stages.work import Lm, Names, Stage, Texts

CUDA = 3000.0  # MB more of the host's memory where torch computes on a GPU; a guess
# billions of operations per second in float32 of one thread of an old server; a new one reached 60, in bfloat16 120
SPEED = 10.0
LEAST = 10  # minutes: slow disks, cold starts


def most(e: Experiment) -> Texts:
    """The most text that an experiment can have, before any of it is read."""
    collected = float(e.sources[e.private.corpus].words())
    persons = min(e.private.max_persons or math.inf, collected / e.private.max_words)
    sources = {name: float(e.sources[name].words()) for name in e.general.corpora}
    return Texts(sources, collected, persons, float(e.private.max_words))


def requested(e: Experiment) -> dict[str, Stage]:
    """The stages of an experiment by rule, with the most text and with payloads as large as the model."""

    def dense(codec: CodecSettings, model: ModelSettings, vocabulary: int, persons: int) -> float:
        return Lm(model, vocabulary).bytes

    return table(e, most(e), dense)


def needs(stage: Stage, names: Names, cuda: bool) -> tuple[int, int]:
    """What a job asks a cluster for: memory in MB (10^6 bytes) and time in minutes.

    Args:
        stage: as `requested` has it.
        names: the job's wildcards.
        cuda: whether the experiment computes on GPUs.
    """
    work = stage.work(names)  # time of one thread: more promise nothing
    memory = work.libraries + work.held + (CUDA if cuda and stage.accelerated else 0)
    return math.ceil(memory), LEAST + math.ceil(work.operations / SPEED / 60)
