"""Kills, full disks and damaged files: a run made again ends in the same bytes, or in a line that says why not."""

import hashlib
import signal
import time

import psutil
import pytest

MEASURED = {"claims", "client_costs", "stages", "curve"}  # costs: no two runs agree
SCENARIO = "averaging-rehearsal"
CHAIN = f"results-tiny/federated/{SCENARIO}/seed-0"
TABLE = "results-tiny/tables/comparison.csv"
ONE = {"run": [SCENARIO]}


def digests(folder, *parts):
    """SHA-256 of every file in these parts of a run, costs aside."""
    root = folder / "results-tiny"
    files = [
        path for part in parts for path in (root / part).rglob("*") if path.is_file() and path.stem not in MEASURED
    ]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def jobs(process, rule=""):
    """The scripts of a rule that a Snakemake runs now."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
        return [child for child in children if any(f".{rule}" in part for part in child.cmdline()[1:2])]
    except psutil.Error:
        return []


def wait_for(process, rule, begun):
    """Wait until a job of `rule` runs and `begun` tells that it is at work; give its process."""
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if (found := jobs(process, f"{rule}.py")) and begun():
            return found[0]
        time.sleep(0.005)
    pytest.fail(f"no job of {rule} was seen before the run ended with {process.poll()}")


def rows(folder):
    """The rows of the scenario in the final table, and its heading."""
    heading, *lines = (folder / TABLE).read_text().splitlines()
    return [heading, *(line for line in lines if line.startswith(f"{SCENARIO},"))]


def test_every_kind_of_kill_leaves_what_can_be_made_again(tiny, copy, begin, snakemake):
    folder = copy("general", "federated", "models", "evaluation", "tables", "figures", "logs")
    root, chain = folder / "results-tiny", folder / CHAIN

    process = begin(folder, TABLE, overlay=ONE)
    wait_for(process, "pretrain", lambda: list(root.glob("checkpoints/*/last.safetensors"))).kill()
    assert process.wait() == 1
    assert not (root / "general/bfloat16/model.safetensors").exists()

    process = begin(folder, TABLE, overlay=ONE)
    wait_for(process, "fine_tune", lambda: list(chain.glob("round-1/batch-0/*.payload"))).kill()
    assert process.wait() == 1
    assert "going on from the checkpoint" in (root / "logs/pretrain/bfloat16.log").read_text()
    assert not (chain / "round-1/model.safetensors").exists()

    process = begin(folder, TABLE, overlay=ONE)
    wait_for(process, "aggregate", lambda: (root / f"logs/aggregate/{SCENARIO}/seed-0/round-1.log").exists()).kill()
    assert process.wait() == 1

    process = begin(folder, TABLE, overlay=ONE)
    wait_for(process, "fine_tune", lambda: list(chain.glob("round-2/batch-*")))
    refused = snakemake(folder, TABLE, overlay=ONE, fails=True)
    assert "--unlock" in refused.stdout + refused.stderr, "two runs at once in one folder"
    orphans = jobs(process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert orphans
    assert not psutil.wait_procs(orphans, timeout=10)[1], "no job outlives its run"

    refused = snakemake(folder, TABLE, overlay=ONE, fails=True)
    assert "--unlock" in refused.stdout + refused.stderr
    snakemake(folder, options=["--unlock"])
    snakemake(folder, TABLE, overlay=ONE)
    assert rows(folder) == rows(tiny)
    found, expected = (digests(run, "general", "models", "evaluation") for run in (folder, tiny))
    assert found == {name: expected[name] for name in found}
    assert not list(root.rglob("*.part")) + list(root.rglob("*.payload"))
    assert not list(root.glob("checkpoints/*"))
