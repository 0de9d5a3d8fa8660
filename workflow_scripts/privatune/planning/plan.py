"""Forecast what an experiment takes before it runs: jobs, memory, core hours, wall time, disk and network bytes."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from privatune.core.files import read_json
from privatune.experiment import Experiment
from privatune.planning import costs as costs_of
from privatune.planning.jobs import Job, makespan
from privatune.planning.known import Cost, read_costs, seconds_of, with_kin
from privatune.planning.payloads import payload_bytes
from privatune.planning.scale import at_scale
from privatune.planning.table import stage_of, table, work
from privatune.stages.work import Stage, Texts

BEYOND = 2  # a row says so if its work is more than this many times the largest work that was measured
ENCODING = {"encode_general", "encode_private"}


class Forecast(NamedTuple):
    """What is known of the jobs of an experiment: what they have to do, and what that costs."""

    jobs: Sequence[Job]  # of the targets, done or not
    waiting: set[tuple]  # those that are not done, as `named` names them
    stages: Mapping[str, Stage]
    costs: Mapping[str, Cost]  # by stage, also those borrowed from a similar stage
    own: Mapping[str, Cost]  # by stage, without borrowed ones
    fit: pd.DataFrame  # as `costs.fitted` returns it
    sizes: Texts
    downloads: Mapping[str, int]  # bytes of packages, by the name of the file
    machine: str  # on which costs of stages without a finished job were measured

    @property
    def to_do(self) -> list[Job]:
        """The jobs that are not done, in order."""
        return [job for job in self.jobs if named(job) in self.waiting]


def named(job: Job) -> tuple:
    """Return what tells a job from all others."""
    return (job.rule, *sorted(job.wildcards.items()))


def forecast(e: Experiment, dry_runs: Iterator[Sequence[Job]], known: str | Path, files: Mapping[str, str]) -> Forecast:
    """Return what is known of the jobs of an experiment before they run.

    Args:
        e: the experiment.
        dry_runs: first all jobs of the targets, done or not; then the jobs that are not done, which is read only if
            some job has run. Costs are fitted to the jobs that are done.
        known: a `costs.json`, for stages without a finished job.
        files: the encoded training text, `general` and `private`, and the manifest of the private corpus, `collected`.

    Raises:
        PrivatuneError: a file is damaged or has the wrong contents.
    """
    given = read_json(known)
    before = read_costs(given)
    jobs = next(dry_runs)
    started = any(job.benchmark and Path(job.benchmark).exists() for job in jobs)
    waiting = {named(job) for job in (next(dry_runs) if started else jobs)}
    done = [job for job in jobs if named(job) not in waiting]
    sizes = costs_of.texts(e, files, {job.rule for job in done} >= ENCODING, given["texts"])
    stages = table(e, sizes, payload_bytes)
    fitted, fit = costs_of.fitted(costs_of.measured(done, stages), before)
    own = before | fitted  # only these are stored; a stored borrowed cost would hide a better one measured later
    costs = with_kin(stages, own)
    downloads = given["downloads"] | {p.name: p.stat().st_size for p in Path(e.output, "downloads").glob("*.whl")}
    return Forecast(jobs, waiting, stages, costs, own, fit, sizes, downloads, given["machine"])


def plan(e: Experiment, f: Forecast, cores: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the plan of an experiment on `cores`, and the costs behind it.

    Returns:
        The plan (stages, totals, scale, fit, unknown, as the functions below return them), and the contents of
        `costs.json`.
    """
    planned = {
        "cores": cores,
        "fit": _records(f.fit),
        "stages": stages(f.jobs, f.stages, f.costs, f.waiting),
        "totals": totals(f.jobs, f.stages, f.costs, cores, f.downloads),
        "scale": at_scale(e, f.sizes, f.costs),
        "unknown": sorted({stage_of(job.rule) for job in f.jobs if job.benchmark} - set(f.costs)),
        "known": f.machine,
    }
    return planned, costs_of.record(f.own, f.sizes, f.downloads, (e.precision, e.accelerator))


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{k: None if pd.isna(v) else v for k, v in row.items()} for row in frame.to_dict("records")]


def stages(
    jobs: Sequence[Job], known: Mapping[str, Stage], costs: Mapping[str, Cost], waiting: set[tuple]
) -> list[dict[str, Any]]:
    """Return one row per stage: stage, jobs, to_do (jobs not done), seconds, core_hours, memory_mb, beyond.

    Seconds are those of its longest job, and memory_mb is that of its largest. beyond says how many times the largest
    measured work the longest job has; it is null if that job is within what was measured.
    """
    rows: dict[str, dict[str, Any]] = {}
    for job in jobs:
        stage, todo = stage_of(job.rule), work(job, known)
        if job.benchmark is None or stage not in costs:
            continue
        nothing = {"stage": stage, "jobs": 0, "to_do": 0, "seconds": 0.0, "core_hours": 0.0, "memory_mb": 0.0}
        row = rows.setdefault(stage, nothing | {"beyond": None})
        seconds = seconds_of(job, todo, costs)
        row["jobs"] += 1
        row["to_do"] += named(job) in waiting
        row["seconds"] = max(row["seconds"], seconds)
        row["core_hours"] += seconds * job.threads / 3600
        row["memory_mb"] = max(row["memory_mb"], costs[stage].memory.at(todo.held))
        if (most := costs[stage].seconds.high) and todo.operations > BEYOND * most:
            row["beyond"] = max(row["beyond"] or 0.0, todo.operations / most)
    return list(rows.values())


def totals(
    jobs: Sequence[Job], known: Mapping[str, Stage], costs: Mapping[str, Cost], cores: int, downloads: Mapping[str, int]
) -> dict[str, Any]:
    """Return the totals of some jobs, such as those of the whole experiment; the files that no job makes exist.

    Returns:
        jobs; core_hours; wall_hours on `cores`; memory_mb of the largest job; disk_bytes: what stays, plus at most what
        exists temporarily at one time; bytes_downloaded; bytes_up and bytes_down: what all devices would send and
        receive.
    """
    todo = [work(job, known) for job in jobs]
    seconds = [seconds_of(job, its, costs) for job, its in zip(jobs, todo, strict=True)]
    fetched = {Path(path).name for job in jobs if job.rule == "fetch_package" for path in job.outputs}
    downloaded = sum(downloads.get(name, 0) for name in fetched)
    passing: dict[tuple, dict[str | None, float]] = defaultdict(lambda: defaultdict(float))
    for job, its in zip(jobs, todo, strict=True):  # each chain of rounds has one round on disk at a time
        names = job.wildcards
        passing[names.get("scenario", job.rule), names.get("seed")][names.get("round")] += its.passing
    memory = [
        costs[s].memory.at(w.held) for job, w in zip(jobs, todo, strict=True) if (s := stage_of(job.rule)) in costs
    ]
    return {
        "jobs": len(jobs),
        "core_hours": sum(s * job.threads for s, job in zip(seconds, jobs, strict=True)) / 3600,
        "wall_hours": makespan(jobs, seconds, cores) / 3600,
        "memory_mb": max(memory, default=0.0),
        "disk_bytes": sum(w.kept for w in todo) + downloaded + sum(max(chain.values()) for chain in passing.values()),
        "bytes_downloaded": downloaded,
        "bytes_up": sum(w.up for w in todo),
        "bytes_down": sum(w.down for w in todo),
    }
