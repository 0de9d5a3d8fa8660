"""What each rule asks for, held against the benchmark files of a finished run."""

import csv
import re
import shutil
import subprocess
import sys

import pytest
from planning import DEFAULT, ROOT, alone, rules

from privatune.core.merging import merged
from privatune.experiment import experiment
from privatune.planning.requests import requested
from privatune.planning.table import stage_of

JOB = re.compile(r"^(?:local)?rule (?P<rule>\w+):\n(?P<body>(?: {4}.*\n)+)", re.MULTILINE)


def asked(plan):
    """(rule, benchmark file, mem_mb, runtime) of every job of a dry run; of a target all three are None."""
    for job in JOB.finditer(plan):
        body = job["body"]
        benchmark = re.search(r"^ +benchmark: (.+)", body, re.MULTILINE)
        resources = dict(re.findall(r"(\w+)=(\w+)", re.search(r"^ +resources: (.+)", body, re.MULTILINE)[1]))
        yield job["rule"], benchmark and benchmark[1], resources.get("mem_mb"), resources.get("runtime")


@pytest.fixture
def jobs(copy, snakemake):
    process = snakemake(copy(), options=["--dry-run", "--forceall"])
    return list(asked(process.stdout + process.stderr))


def test_every_job_asks_for_memory_and_time(jobs):
    assert len(jobs) > 50
    assert all(memory and minutes for _, benchmark, memory, minutes in jobs if benchmark)
    assert {rule for rule, benchmark, _, _ in jobs if not benchmark} == {"main"}, "the default target"


@pytest.mark.parametrize("execution", [{"rounds_per_job": 1}, {"rounds_per_job": 10, "dp_shards": 2}])
def test_every_rule_that_writes_files_is_a_stage(tmp_path, execution):
    config = merged(DEFAULT, {"execution": execution})
    found = alone(rules, tmp_path, config)
    assert {"fine_tune", "dp_train"} <= found.keys() or {"run_rounds", "dp_shard"} <= found.keys()
    assert {stage_of(rule) for rule in found} <= requested(experiment(config)).keys()
    assert all(resources >= {"mem_mb", "runtime"} for resources in found.values())


def test_a_rule_that_is_no_stage_is_refused(tmp_path):
    for part in ("Snakefile", "rules", "workflow_scripts", "config", "profiles", "report", "envs"):
        (shutil.copytree if (ROOT / part).is_dir() else shutil.copy)(ROOT / part, tmp_path / part)
    with (tmp_path / "rules/common.smk").open("a") as file:
        file.write('\nasked("unheard_of")\n')
    command = [sys.executable, "-m", "snakemake", "--list-rules", "--directory", tmp_path]
    process = subprocess.run(
        [*command, "--snakefile", tmp_path / "Snakefile"], capture_output=True, text=True, check=False
    )
    assert process.returncode
    assert "no stage describes the work of rule unheard_of" in process.stdout + process.stderr


def test_measured_memory_lies_within_what_was_asked_for(tiny, jobs):
    held = set()
    for rule, benchmark, memory, _ in jobs:
        if benchmark:
            (row,) = csv.DictReader((tiny / benchmark).read_text().splitlines(), delimiter="\t")
            if float(row["s"]) > 1:  # of shorter jobs Snakemake sees too little
                measured = float(row["max_rss"]) * 2**20 / 1e6
                assert measured < int(memory) < 3 * measured + 500, benchmark
                held.add(rule)
    assert {"pretrain", "fine_tune", "evaluate"} <= held


def test_a_retry_asks_for_more(copy, snakemake):
    folder = copy()
    options = ["--dry-run", "--forcerun", "pretrain", "--attempt", "2"]
    target = next((folder / "results-tiny/general").glob("*/model.safetensors")).relative_to(folder)
    plans = [snakemake(folder, target, options=part) for part in (options[:3], options)]
    first, second = (
        next(job for job in asked(plan.stdout + plan.stderr) if job[0] == "pretrain")[2:] for plan in plans
    )
    assert [int(value) for value in second] == [2 * int(value) for value in first]
