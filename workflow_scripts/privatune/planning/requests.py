"""Compute the memory and time that a job requests from a cluster, for the most work that it may have to do.

Both are upper bounds, and the time is a very loose one. tests/planning/test_requests.py and
tests/workflow/test_resources.py compare memory with what was measured.
"""

import math

from privatune.compression.settings import CodecSettings
from privatune.experiment import Experiment
from privatune.models.settings import ModelSettings
from privatune.planning.table import table
from privatune.stages.work import Lm, Names, Stage, Texts

CUDA = 3000.0  # further MB of host memory when torch computes on a GPU; a guess
# billions of float32 operations per second in one thread of an old server; a new one reached 60, and 120 in bfloat16
SPEED = 10.0
LEAST = 10  # minutes, for slow disks and cold starts


def most(e: Experiment) -> Texts:
    """Return the most text that an experiment can have, before any of it is read."""
    collected = float(e.sources[e.private.corpus].words())
    persons = min(e.private.max_persons or math.inf, collected / e.private.max_words)
    sources = {name: float(e.sources[name].words()) for name in e.general.corpora}
    return Texts(sources, collected, persons, float(e.private.max_words))


def requested(e: Experiment) -> dict[str, Stage]:
    """Return the stages of an experiment by rule, with the most text and with payloads as large as the model."""
    return table(e, most(e), dense)


def dense(codec: CodecSettings, model: ModelSettings, vocabulary: int, persons: int) -> float:
    """Return the bytes of a payload that is as large as the model, which needs no codec; see `Payload`."""
    return Lm(model, vocabulary).bytes


def needs(stage: Stage, names: Names, cuda: bool) -> tuple[int, int]:
    """Return what a job requests from a cluster: memory in MB (10^6 bytes) and time in minutes.

    Args:
        stage: the stage, from `requested`.
        names: the job's wildcards.
        cuda: whether the experiment computes on GPUs.
    """
    work = stage.work(names)  # the time assumes one thread, as more may not make the job faster
    memory = work.libraries + work.held + (CUDA if cuda and stage.accelerated else 0)
    return math.ceil(memory), LEAST + math.ceil(work.operations / SPEED / 60)
