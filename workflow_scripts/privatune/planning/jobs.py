"""Read the jobs of a plan from the output of a dry run, and schedule them on a number of cores."""

import heapq
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, STDOUT, run
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from privatune.core.errors import PrivatuneError

HEAD = re.compile(r"^(?:local)?(?:rule|checkpoint) (\w+):$")
ITEM = re.compile(r"^    (input|output|benchmark|wildcards|threads|priority): (.*)$")


@dataclass(frozen=True)
class Job:
    """One job of Snakemake's plan."""

    rule: str
    wildcards: dict[str, str] = field(default_factory=dict)
    threads: int = 1
    priority: int = 0
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    benchmark: str | None = None


def dry_runs(command: Sequence[str], config: Mapping[str, Any], targets: Sequence[str]) -> Iterator[list[Job]]:
    """Yield all jobs of some targets, done or not, and then those that are not done; errors as `read_jobs`.

    Args:
        command: a dry run of Snakemake, to which the configuration and the targets are added.
        config: the whole configuration, in the order of the user's files.
        targets: names of targets.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder, "config.yaml")
        file.write_text(yaml.safe_dump(config, sort_keys=False))
        for options in (["--forceall"], []):
            dry = [*command, "--configfile", str(file), *options, "--", *targets]
            yield read_jobs(run(dry, stdout=PIPE, stderr=STDOUT, text=True).stdout)


def read_jobs(text: str) -> list[Job]:
    """Return the jobs of a dry run in its order, in which each job follows those that it waits for.

    Args:
        text: the output of `snakemake --dry-run`.

    Raises:
        PrivatuneError: the text names no job, although it does not say that nothing is to be done.
    """
    found: list[tuple[str, dict[str, str]]] = []
    for line in text.splitlines():
        if head := HEAD.match(line):
            found.append((head[1], {}))
        elif found and (item := ITEM.match(line)):
            found[-1][1][item[1]] = item[2]
    if not found and "Nothing to be done" not in text:
        raise PrivatuneError("the dry run lists no job; run `snakemake -n all` to see why")
    return [_job(rule, items) for rule, items in found]


def _job(rule: str, items: dict[str, str]) -> Job:
    wildcards = dict(pair.split("=", 1) for pair in items.get("wildcards", "").split(", ") if pair)
    inputs, outputs = (tuple(items[part].split(", ")) if part in items else () for part in ("input", "output"))
    threads, priority = (int(items.get(part, default)) for part, default in (("threads", 1), ("priority", 0)))
    return Job(rule, wildcards, threads, priority, inputs, outputs, items.get("benchmark"))


def leading_to(jobs: Sequence[Job], target: str) -> list[Job]:
    """Return the job of the rule `target` and all that make its inputs, directly or not, in the order of `jobs`.

    In `jobs` each job follows those that it waits for.
    """
    wanted: set[str] = set()
    found = []
    for job in reversed(jobs):
        if job.rule == target or not wanted.isdisjoint(job.outputs):
            wanted.update(job.inputs)
            found.append(job)
    return found[::-1]


def makespan(jobs: Sequence[Job], seconds: Sequence[float], cores: int) -> float:
    """Return the wall seconds on `cores` cores, if every job starts as soon as its inputs exist and cores are free.

    Among waiting jobs, the one with the highest priority starts first, then the one that comes first in `jobs`. Inputs
    that none of these jobs makes exist already.
    """
    maker = {path: number for number, job in enumerate(jobs) for path in job.outputs}
    waits = [{maker[path] for path in job.inputs if path in maker} - {number} for number, job in enumerate(jobs)]
    followers: dict[int, list[int]] = {}
    for number, before in enumerate(waits):
        for other in before:
            followers.setdefault(other, []).append(number)
    missing = [len(before) for before in waits]
    ready = [(-job.priority, number) for number, job in enumerate(jobs) if not missing[number]]
    heapq.heapify(ready)
    running: list[tuple[float, int, int]] = []
    now, free = 0.0, cores
    while ready or running:
        held = []
        while ready and free:
            place = heapq.heappop(ready)
            needed = min(jobs[place[1]].threads, cores)
            if needed > free:
                held.append(place)
                continue
            free -= needed
            heapq.heappush(running, (now + seconds[place[1]], place[1], needed))
        for place in held:
            heapq.heappush(ready, place)
        now, number, given = heapq.heappop(running)
        free += given
        for other in followers.get(number, ()):
            missing[other] -= 1
            if not missing[other]:
                heapq.heappush(ready, (-jobs[other].priority, other))
    return now
