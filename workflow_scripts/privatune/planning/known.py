"""Read what a `costs.json` says of earlier runs. It imports nothing heavy, because Snakemake itself reads it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json
from privatune.experiment import Experiment
from privatune.planning.jobs import Job
from privatune.planning.requests import dense
from privatune.planning.table import stage_of, table, work
from privatune.stages.work import Stage, Texts, Work


class Line(NamedTuple):
    """The cost of a job: `start`, plus `rate` per unit of work; neither is negative."""

    start: float
    rate: float
    low: float = 0.0
    high: float = 0.0
    """The least and the most work that the line was fitted to."""

    def at(self, work: float) -> float:
        """Return the cost of a job with this work."""
        return self.start + self.rate * work


class Cost(NamedTuple):
    """The cost of a job of one stage as a function of its work."""

    seconds: Line  # against billions of operations
    memory: Line  # megabytes, against the megabytes that it holds


def read_costs(record: Mapping[str, Any]) -> dict[str, Cost]:
    """Return the costs by stage from a record of `costs.json`.

    Raises:
        PrivatuneError: the record holds none.
    """
    try:
        return {stage: Cost(Line(*c["seconds"]), Line(*c["memory_mb"])) for stage, c in record["stages"].items()}
    except (KeyError, TypeError) as error:
        raise PrivatuneError(
            "plan.costs: this file is not the costs.json of a finished run; name one that is, or set null"
        ) from error


def estimated(e: Experiment, known: Mapping[str, Any]) -> Texts:
    """Return how much text there is about, before any of it is read.

    A source that `known`, the texts of a `costs.json`, does not name is assumed to have the average number of words of
    those that it names.
    """
    mean = sum(known["sources"].values()) / len(known["sources"])
    words = {name: known["sources"].get(name, mean) for name in e.general.corpora}
    caps = {name: getattr(e.sources[name], "max_words", None) or count for name, count in words.items()}
    return Texts(
        {name: min(count, caps[name]) for name, count in words.items()},
        known["collected"],
        min(known["persons"], e.private.max_persons or known["persons"]),
        min(known["person"], e.private.max_words),
    )


def with_kin(stages: Mapping[str, Stage], costs: Mapping[str, Cost]) -> dict[str, Cost]:
    """Return costs by stage; a stage without costs of its own borrows those of a similar one, if it names one."""
    return {name: costs[stage.kin] for name, stage in stages.items() if stage.kin and stage.kin in costs} | dict(costs)


def seconds_of(job: Job, todo: Work, costs: Mapping[str, Cost]) -> float:
    """Return how long a job is expected to take; 0 if nothing like it was ever measured, or it runs nothing."""
    cost = costs.get(stage_of(job.rule))
    return cost.seconds.at(todo.operations) if cost and job.benchmark else 0.0


def expected_seconds(e: Experiment, jobs: Sequence[Job], known: str | Path) -> list[float]:
    """Return how long each job is expected to take, by the costs in `known` and an estimate of the text.

    Raises:
        PrivatuneError: `known` is damaged or no `costs.json`.
    """
    given = read_json(known)
    own = read_costs(given)
    stages = table(e, estimated(e, given["texts"]), dense)
    costs = with_kin(stages, own)
    return [seconds_of(job, work(job, stages), costs) for job in jobs]
