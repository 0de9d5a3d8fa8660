"""The tiny run through a real Slurm of this one machine: the same tables, and no swarm of short jobs."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
from math import ceil
from pathlib import Path

import pytest
import yaml
from expected import EVALUATED, ROUNDS, E

ROOT = Path(__file__).parents[2]
ONE_NODE = ROOT / "tests/slurm/one_node.sh"
COSTS = {"client_costs", "models", "stages"}  # measured, so no two runs agree


def missing():
    """Why no Slurm can be started here, or nothing."""
    if os.geteuid():
        return "needs root"
    programs = [name for name in ("slurmctld", "slurmd", "sbatch", "munged") if not shutil.which(name)]
    if programs:
        return f"not installed: {', '.join(programs)} (Debian: apt-get install slurm-wlm munge)"
    if not importlib.util.find_spec("snakemake_executor_plugin_slurm"):
        return "not installed: snakemake-executor-plugin-slurm"
    return ""


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """Run the workflow through Slurm, in a folder with the tiny run's precision; gives what Snakemake said."""
    if why := missing():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("slurm")
    try:
        started = subprocess.run([ONE_NODE, "start", folder], capture_output=True, text=True, check=False)
        if started.returncode:
            pytest.skip(f"Slurm does not start here: {started.stderr.strip()}")
        yield
    finally:
        subprocess.run([ONE_NODE, "stop", folder], check=True)


def through_slurm(snakemake, folder, precision):
    """Run `main`; the number of jobs that Slurm got."""
    options = ["--profile", ROOT / "profiles/slurm", "--config", "accelerator=cpu", f"precision={precision}"]
    options += ["--slurm-init-seconds-before-status-checks", 1, "--latency-wait", 10]
    process = snakemake(folder, options=options)
    return (process.stdout + process.stderr).count("has been submitted with SLURM jobid")


def tables(folder):
    """SHA-256 of every table by its name, costs aside."""
    files = [path for path in (folder / "results-tiny/tables").iterdir() if path.stem not in COSTS]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def precision_of(folder):
    (model,) = (folder / "results-tiny/general").iterdir()
    return model.name


def test_everything_through_slurm_gives_the_same_tables(slurm, tiny, tmp_path, snakemake):
    jobs = through_slurm(snakemake, tmp_path, precision_of(tiny))
    profile = yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text())
    together = ceil(EVALUATED / profile["group-components"]["evaluations"])
    costs = len(E.report.cost_scenarios) * E.report.cost_clients
    assert jobs == 1 + 1 + ROUNDS + costs + together, "text, pretraining, rounds, costs and evaluations"
    assert tables(tmp_path) == tables(tiny)
