"""What an experiment will take, before it runs: jobs, memory, core hours, wall time, disk, bytes over the network."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from privatune.core.files import read_json
from privatune.experiment import Experiment
from privatune.planning import costs as costs_of
from privatune.planning.costs import Cost
from privatune.planning.jobs import Job, makespan
from privatune.planning.payloads import payload_bytes
from privatune.planning.scale import at_scale
from privatune.planning.table import stage_of, table, work
from privatune.stages.work import Stage, Work

BEYOND = 2  # times the work that was measured, from where on a row says so
ENCODING = {"encode_general", "encode_private"}


def plan(
    e: Experiment, dry_runs: Iterator[Sequence[Job]], cores: int, known: str | Path, files: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The plan of an experiment, and the costs behind it.

    Args:
        e: the experiment.
        dry_runs: all jobs of the targets, done or not; then those that are not done, which is asked only where any is.
            What the others took is what the costs are fitted to.
        cores: given to the run.
        known: a `costs.json`, for stages of which no job is done.
        files: encoded training text, `general` and `private`, and the private corpus's manifest, `collected`.

    Returns:
        plan (stages, totals, scale, fit, unknown; see the functions below) and what `costs.json` holds.

    Raises:
        PrivatuneError: a file is damaged or not what it should be.
    """
    given = read_json(known)
    before = costs_of.read_costs(given)
    jobs = next(dry_runs)
    started = any(job.benchmark and Path(job.benchmark).exists() for job in jobs)
    to_do = next(dry_runs) if started else jobs
    waiting = {(job.rule, *sorted(job.wildcards.items())) for job in to_do}
    done = [job for job in jobs if (job.rule, *sorted(job.wildcards.items())) not in waiting]
    sizes = costs_of.texts(e, files, {job.rule for job in done} >= ENCODING, given["texts"])
    known_stages = table(e, sizes, payload_bytes)
    fitted, fit = costs_of.fitted(costs_of.measured(done, known_stages), before)
    own = before | fitted  # what is kept; borrowed costs would stand in the way of better ones of the same kin
    costs = {name: own[stage.kin] for name, stage in known_stages.items() if stage.kin in own} | own
    downloads = given["downloads"] | {p.name: p.stat().st_size for p in Path(e.output, "downloads").glob("*.whl")}
    about = (e.precision, e.device)
    planned = {
        "cores": cores,
        "fit": _records(fit),
        "stages": stages(jobs, known_stages, costs, waiting),
        "totals": totals(jobs, known_stages, costs, cores, downloads),
        "scale": at_scale(e, sizes, costs),
        "unknown": sorted({stage_of(job.rule) for job in jobs if job.benchmark} - set(costs)),
        "known": given["machine"],
    }
    return planned, costs_of.record(own, sizes, downloads, about)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{k: None if pd.isna(v) else v for k, v in row.items()} for row in frame.to_dict("records")]


def _seconds(job: Job, todo: Work, costs: Mapping[str, Cost]) -> float:
    cost = costs.get(stage_of(job.rule))
    return cost.seconds.at(todo.operations) if cost and job.benchmark else 0.0


def stages(
    jobs: Sequence[Job], known: Mapping[str, Stage], costs: Mapping[str, Cost], waiting: set[tuple]
) -> list[dict[str, Any]]:
    """One row a stage: stage, jobs, to_do of them, seconds of its longest job, core_hours, memory_mb of its largest.

    And beyond: how many times the work of its longest job is the most that was measured; null where it was measured.
    """
    rows: dict[str, dict[str, Any]] = {}
    for job in jobs:
        stage, todo = stage_of(job.rule), work(job, known)
        if job.benchmark is None or stage not in costs:
            continue
        nothing = {"stage": stage, "jobs": 0, "to_do": 0, "seconds": 0.0, "core_hours": 0.0, "memory_mb": 0.0}
        row = rows.setdefault(stage, nothing | {"beyond": None})
        seconds = _seconds(job, todo, costs)
        row["jobs"] += 1
        row["to_do"] += (job.rule, *sorted(job.wildcards.items())) in waiting
        row["seconds"] = max(row["seconds"], seconds)
        row["core_hours"] += seconds * job.threads / 3600
        row["memory_mb"] = max(row["memory_mb"], costs[stage].memory.at(todo.held))
        if (most := costs[stage].seconds.high) and todo.operations > BEYOND * most:
            row["beyond"] = max(row["beyond"] or 0.0, todo.operations / most)
    return list(rows.values())


def totals(
    jobs: Sequence[Job], known: Mapping[str, Stage], costs: Mapping[str, Cost], cores: int, downloads: Mapping[str, int]
) -> dict[str, Any]:
    """Of the whole experiment from the start.

    Returns:
        jobs; core_hours; wall_hours on `cores`; memory_mb of the largest job; disk_bytes: what stays and, at most, what
        passes at the same time; bytes_downloaded; bytes_up and bytes_down of all devices, as they would send and get.
    """
    todo = [work(job, known) for job in jobs]
    seconds = [_seconds(job, its, costs) for job, its in zip(jobs, todo, strict=True)]
    fetched = {Path(path).name for job in jobs if job.rule == "fetch_package" for path in job.outputs}
    downloaded = sum(downloads.get(name, 0) for name in fetched)
    passing: dict[tuple, dict[str | None, float]] = defaultdict(lambda: defaultdict(float))
    for job, its in zip(jobs, todo, strict=True):  # a chain holds one round at a time
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
