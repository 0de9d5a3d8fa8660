"""Follow a run: which jobs run, which stages are done, and how much time is left.

It imports nothing heavy, because it runs in the process of Snakemake, which it does not know: jobs have numbers here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from privatune.planning.jobs import Job, makespan
from privatune.planning.table import stage_of

TRUST = 0.2  # what is expected of the whole run counts as a measurement of this share of it that came out as expected
LEAST = 0.1  # a job that has run longer than expected is expected to take this share of its time so far again


class Stage(NamedTuple):
    """How far the jobs of a stage are."""

    name: str
    jobs: int
    done: int
    running: list[Job]
    seconds: float  # since its first job began


@dataclass
class Progress:
    """A run whose jobs are told when they start and when they are done; times are seconds of any one clock.

    Attributes:
        jobs: the jobs of the run, by number.
        expected: seconds that each is expected to take; 0 if that is not known.
        cores: how many cores the run has.
    """

    jobs: Mapping[int, Job]
    expected: Mapping[int, float]
    cores: int
    started: dict[int, float] = field(default_factory=dict)
    taken: dict[int, float] = field(default_factory=dict)  # seconds of each job that is done

    def __post_init__(self) -> None:
        self.members: dict[str, list[int]] = {}  # the jobs of each stage; those that only collect files have none
        for number, job in self.jobs.items():
            if job.benchmark:
                self.members.setdefault(stage_of(job.rule), []).append(number)

    @property
    def total(self) -> int:
        """The number of jobs in stages."""
        return sum(map(len, self.members.values()))

    @property
    def done(self) -> int:
        """The number of these that are done."""
        return sum(number in self.taken for numbers in self.members.values() for number in numbers)

    def start(self, number: int, now: float) -> None:
        """Note that a job starts, perhaps once more."""
        self.started[number] = now

    def finish(self, number: int, now: float) -> Stage | None:
        """Note that a job is done; return its stage if that was the last of its jobs."""
        self.taken[number] = now - self.started.get(number, now)
        job = self.jobs.get(number)
        if job is None or not job.benchmark:
            return None
        stage = self._stage(stage_of(job.rule), now)
        return stage if stage.done == stage.jobs else None

    def stop(self, number: int) -> None:
        """Note that a job failed."""
        self.started.pop(number, None)

    def begun(self, now: float) -> Iterator[Stage]:
        """Yield the stages that have begun and are not done, in the order in which they began."""
        names = dict.fromkeys(stage_of(self.jobs[n].rule) for n in self.started if n in self.jobs)
        for stage in (self._stage(name, now) for name in names if name in self.members):
            if stage.done < stage.jobs:
                yield stage

    def _stage(self, name: str, now: float) -> Stage:
        numbers = self.members[name]
        running = [self.jobs[n] for n in numbers if n in self.started and n not in self.taken]
        first = min((self.started[n] for n in numbers if n in self.started), default=now)
        return Stage(name, len(numbers), sum(n in self.taken for n in numbers), running, now - first)

    def left(self, now: float) -> float | None:
        """Return the seconds until the run is done, or None if nothing is known of any job that is not.

        What is expected of a job is multiplied by what the finished jobs of its stage took, relative to what was
        expected of them. Where none is finished, all finished jobs give the factor, together with `TRUST`.
        """
        factors = self._factors()
        waiting = [number for number in self.jobs if number not in self.taken]
        waiting.sort(key=lambda number: number not in self.started)
        jobs, seconds = [], []
        for number in waiting:
            job = self.jobs[number]
            whole = self.expected.get(number, 0.0) * factors.get(stage_of(job.rule), factors[""])
            if number in self.started:  # its inputs exist, and it has its cores before any other
                passed = now - self.started[number]
                whole = max(whole - passed, LEAST * passed if whole else 0.0)
                job = replace(job, inputs=(), priority=1 << 30)
            jobs.append(job)
            seconds.append(whole)
        return makespan(jobs, seconds, self.cores) if any(seconds) else None

    def _factors(self) -> dict[str, float]:
        """By stage, and under the empty name of all jobs: seconds taken, divided by seconds expected."""
        whole = TRUST * sum(self.expected.values())
        taken, expected = {"": whole}, {"": whole}
        for number, seconds in self.taken.items():
            if self.expected.get(number) and number in self.started:
                for name in (stage_of(self.jobs[number].rule), ""):
                    taken[name] = taken.get(name, 0.0) + seconds
                    expected[name] = expected.get(name, 0.0) + self.expected[number]
        return {name: taken[name] / expected[name] if expected[name] else 1.0 for name in taken}
