import pytest
from hypothesis import given
from hypothesis import strategies as st

from privatune.core.errors import PrivatuneError
from privatune.planning.jobs import Job, makespan, read_jobs

DRY = """Building DAG of jobs...
Job stats:
job          count
all              1

[Sun Nov 22 06:21:52 2026]
rule fine_tune:
    input: r/model.safetensors, r/text.safetensors
    output: r/s/shard-0
    log: r/logs/fine_tune.log
    jobid: 43
    benchmark: r/benchmarks/fine_tune/s/shard-0.tsv
    reason: Forced execution
    wildcards: scenario=s, shard=0
    priority: 1
    threads: 2
    resources: tmpdir=/tmp, runtime=60, mem_mb=2000

[Sun Nov 22 06:21:52 2026]
localrule all:
    input: r/s/shard-0
    jobid: 0
    reason: Forced execution
"""


def test_jobs_are_read_from_a_dry_run():
    assert read_jobs(DRY) == [
        Job(
            "fine_tune",
            {"scenario": "s", "shard": "0"},
            2,
            1,
            ("r/model.safetensors", "r/text.safetensors"),
            ("r/s/shard-0",),
            "r/benchmarks/fine_tune/s/shard-0.tsv",
        ),
        Job("all", inputs=("r/s/shard-0",)),
    ]


def test_a_dry_run_that_failed_is_no_empty_plan():
    assert read_jobs("Nothing to be done (all requested files are present and up to date).") == []
    with pytest.raises(PrivatuneError, match="snakemake -n all"):
        read_jobs("MissingRuleException: ...")


chains = st.lists(st.lists(st.floats(0.1, 10), min_size=1, max_size=5), min_size=1, max_size=8)


@given(chains, st.integers(1, 6))
def test_wall_time_lies_between_its_bounds(seconds, cores):
    """Chains of jobs: no shorter than the longest chain and the fair share, no longer than Graham's bound."""
    jobs = [
        Job("r", inputs=(f"{c}-{n - 1}",), outputs=(f"{c}-{n}",))
        for c, chain in enumerate(seconds)
        for n in range(len(chain))
    ]
    flat = [s for chain in seconds for s in chain]
    found, share, longest = makespan(jobs, flat, cores), sum(flat) / cores, max(map(sum, seconds))
    assert found >= max(share, longest) * (1 - 1e-9)
    assert found <= share + longest * (1 - 1 / cores) + 1e-9


def test_a_job_waits_for_its_cores_and_its_inputs():
    wide = Job("wide", threads=2, outputs=("a",))
    assert makespan([wide, Job("one"), Job("after", inputs=("a",))], [3, 1, 2], cores=2) == 5
    assert makespan([wide], [3], cores=1) == 3  # as Snakemake scales it down
    first = [Job("low"), Job("low"), Job("high", priority=1, outputs=("b",)), Job("end", inputs=("b",))]
    assert makespan(first, [5, 5, 1, 5], cores=1) == 16
    assert makespan(first, [5, 5, 1, 5], cores=2) == 10
    alike = [*first[:2], Job("high", outputs=("b",)), first[3]]
    assert makespan(alike, [5, 5, 1, 5], cores=2) == 11
