"""The table `stages`: one row per rule, from Snakemake's benchmark files."""

from collections.abc import Sequence
from pathlib import Path, PurePath

import pandas as pd

from privatune.core.errors import PrivatuneError
from privatune.report.columns import show
from privatune.report.frames import Table, read_table

# Snakemake counts in units of 2^20 bytes, the tables in 10^6
MEGABYTES = 2**20 / 1e6
SHOWN = "rule jobs seconds peak_memory_mb".split()


def table(benchmarks: Sequence[str | Path], folder: str | Path) -> Table:
    """Sum seconds and take the largest memory over each rule's files `folder/{rule}.tsv` or `folder/{rule}/...tsv`.

    Rules stand in the order in which `benchmarks` first names them. Memory is null where no job could be measured.
    """
    rows = []
    for path in benchmarks:
        jobs = read_table(path, ["s", "max_rss"], separator="\t")
        for seconds, memory in zip(jobs["s"], jobs["max_rss"], strict=True):
            rows.append((_rule(path, folder), seconds, memory * MEGABYTES))
    jobs = pd.DataFrame(rows, columns=["rule", "seconds", "peak_memory_mb"])
    frame = jobs.groupby("rule", sort=False, as_index=False).agg(
        jobs=("seconds", "size"), seconds=("seconds", "sum"), peak_memory_mb=("peak_memory_mb", "max")
    )
    shown = show(frame, SHOWN)
    note = (
        f"Seconds are wall time, summed over the jobs of a rule: {frame['seconds'].sum():,.0f} over all rules. Jobs "
        "that run side by side finish sooner. Peak memory is the largest of any job of the rule; it is not reliable "
        "for jobs of less than a second. Both differ from run to run. The times of jobs that read private text tell "
        "how long that text is, and no epsilon covers them."
    )
    return Table("Where the time goes", note, frame, shown)


def _rule(path: str | Path, folder: str | Path) -> str:
    """The rule a benchmark file belongs to.

    >>> _rule("results/benchmarks/client/seed-0/2.tsv", "results/benchmarks"), _rule("b/vocabulary.tsv", "b")
    ('client', 'vocabulary')
    """
    try:
        return PurePath(path).relative_to(folder).parts[0].removesuffix(".tsv")
    except ValueError as error:
        raise PrivatuneError(
            f"{path}: is not in the folder {folder}; give the rule a `benchmark:` path in it"
        ) from error
