"""Measure what jobs took from the files of a run, and predict what other jobs will take: `costs.json`."""

import os
import platform
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from privatune.core.files import read_json
from privatune.experiment import Experiment
from privatune.planning.fit import fit, held_out_error
from privatune.planning.jobs import Job
from privatune.planning.known import Cost, Line, estimated
from privatune.planning.table import stage_of, work
from privatune.report.frames import read_table
from privatune.stages.work import Stage, Texts
from privatune.text.streams import read_counts

MEBIBYTE = 2**20 / 1e6  # Snakemake reports memory in mebibytes, and this project in megabytes
LEAST_MEGABYTES = 50.0  # of any job; in a very short one Snakemake sees only the process that starts it
SHORTEST = 0.01  # seconds; Snakemake reports 0 for shorter jobs
START_SECONDS, START_MEGABYTES = 2.0, 300.0  # what a job that does almost nothing takes, for Python and torch


def measured(jobs: Sequence[Job], stages: Mapping[str, Stage]) -> pd.DataFrame:
    """Return one row per job that has a benchmark file: stage, operations, held (see `Work`), seconds, memory_mb."""
    rows = []
    for job in jobs:
        if job.benchmark is None or not Path(job.benchmark).exists():
            continue
        todo = work(job, stages)
        taken = read_table(job.benchmark, ["s", "max_rss"], separator="\t").iloc[-1]
        rows.append((stage_of(job.rule), todo.operations, todo.held, taken["s"], taken["max_rss"] * MEBIBYTE))
    return pd.DataFrame(rows, columns=["stage", "operations", "held", "seconds", "memory_mb"])


def fitted(jobs: pd.DataFrame, known: Mapping[str, Cost]) -> tuple[dict[str, Cost], pd.DataFrame]:
    """Fit costs by stage, and report how well they predict the fitted jobs and jobs left out of the fit.

    Args:
        jobs: the result of `measured`.
        known: costs from another run, for what these jobs do not show.

    Returns:
        The costs, and one row per stage: stage, jobs, seconds and predicted_seconds of all its jobs, error (the mean
        absolute relative error of the seconds of jobs left out of the fit; null for a single job), and memory_mb and
        predicted_memory_mb of the largest.
    """
    costs, rows = {}, []
    for stage, group in jobs.groupby("stage", sort=False):
        before = known.get(str(stage))
        about = (group["operations"], group["seconds"].clip(lower=SHORTEST), START_SECONDS, before and before.seconds)
        seconds, memory = fit(*about), _memory(group, before and before.memory)
        costs[str(stage)] = Cost(seconds, memory)
        rows.append(
            {
                "stage": stage,
                "jobs": len(group),
                "seconds": group["seconds"].sum(),
                "predicted_seconds": sum(map(seconds.at, group["operations"])),
                "error": held_out_error(*about),
                "memory_mb": group["memory_mb"].max(),
                "predicted_memory_mb": max(map(memory.at, group["held"])),
            }
        )
    return costs, pd.DataFrame(rows)


def _memory(jobs: pd.DataFrame, known: Line | None) -> Line:
    """Fit peak memory, taking the largest of similar jobs, since Snakemake samples memory and can miss peaks."""
    peaks = jobs[jobs["memory_mb"] > LEAST_MEGABYTES].groupby("held")["memory_mb"].max()
    if not len(peaks):
        return known or Line(0.0, 0.0)
    return fit(peaks.index.to_numpy(), peaks.to_numpy(), START_MEGABYTES, known)


def texts(e: Experiment, files: Mapping[str, str], done: bool, known: Mapping[str, Any]) -> Texts:
    """Return how much text there is: read from the encoded text once it is `done`, and otherwise estimated."""
    if not done:
        return estimated(e, known)
    general, private = ({c["corpus"]: c for c in read_counts(files[name])} for name in ("general", "private"))
    (persons,) = private.values()
    words = {name: corpus["tokens"] for name, corpus in general.items()}
    collected = read_json(files["collected"])["words"]
    return Texts(words, collected, persons["units"], persons["tokens"] / persons["units"])


def record(
    costs: Mapping[str, Cost], sizes: Texts, downloads: Mapping[str, int], about: Collection[str]
) -> dict[str, Any]:
    """Return what `costs.json` holds: the costs, and the machine that they were measured on."""
    cpuinfo = Path("/proc/cpuinfo")
    name = re.search(r"^model name\s*: (.+)$", cpuinfo.read_text() if cpuinfo.exists() else "", re.MULTILINE)
    return {
        "machine": f"{name[1] if name else platform.machine()}, {os.cpu_count()} cores, {', '.join(about)}",
        "texts": sizes._asdict(),
        "downloads": dict(downloads),
        "stages": {stage: {"seconds": list(c.seconds), "memory_mb": list(c.memory)} for stage, c in costs.items()},
    }
