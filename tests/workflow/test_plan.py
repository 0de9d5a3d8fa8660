"""`snakemake plan`: on the finished tiny run, and on a large experiment that nobody runs."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from privatune.core.files import read_json
from privatune.report.frames import read_tables

ROOT = Path(__file__).parents[2]


def test_the_finished_run_is_planned_as_it_was(copy, snakemake):
    folder = copy()
    before = {path for path in (folder / "results-tiny").rglob("*") if path.parent.name != "logs"}
    process = snakemake(folder, "plan", overlay={"plan": {"populations": [2_000_000], "targets": ["main"]}})
    after = {path for path in (folder / "results-tiny").rglob("*") if path.parent.name != "logs"}
    assert {path.name for path in after - before} == {"plan.json", "costs.json"}, "it runs nothing of the experiment"
    for word in ("fine_tune", "wall time on 2 cores", "devices would send", "left out", "9.86"):
        assert word in process.stdout
    plan = read_json(folder / "results-tiny/plan.json")
    assert plan["unknown"] == [] and all(row["to_do"] == 0 for row in plan["stages"])
    stages = pd.read_csv(folder / "results-tiny/tables/stages.csv").set_index("rule")
    fit = pd.DataFrame(plan["fit"]).set_index("stage")
    both = stages.index.intersection(fit.index)
    assert len(both) == len(stages)
    pd.testing.assert_series_equal(stages["jobs"][both], fit["jobs"][both], check_dtype=False, check_names=False)
    pd.testing.assert_series_equal(stages["seconds"][both], fit["seconds"][both], rtol=1e-3, check_names=False)
    # how near the fit is to what was measured depends on the machine; tests/planning/test_fit.py has made-up times
    assert (fit["predicted_seconds"] > 0).all()
    clients = read_tables((folder / "results-tiny/federated").glob("*/*/*/clients.csv"), ["bits_up", "bits_down"])
    assert plan["totals"]["bytes_up"] == pytest.approx(clients["bits_up"].sum() / 8, rel=1e-6)
    assert plan["totals"]["bytes_down"] == pytest.approx(clients["bits_down"].sum() / 8, rel=0.01)


def test_what_is_not_run_is_planned_by_costs_from_elsewhere(copy, snakemake):
    folder = copy()
    snakemake(folder, "plan", overlay={"output": "results-other", "plan": {"targets": ["all"]}})
    plan, costs = (read_json(folder / f"results-other/{name}.json") for name in ("plan", "costs"))
    assert plan["fit"] == [] and plan["unknown"] == []
    assert all(row["to_do"] == row["jobs"] for row in plan["stages"])
    assert plan["totals"]["core_hours"] > 0 and not (folder / "results-other/text").exists()
    assert costs["stages"] == read_json(ROOT / "config/costs.json")["stages"], "no borrowed costs"


def test_preflight_reads_all_text_trains_nothing_and_names_what_will_fail(tmp_path, snakemake):
    overlay = {"federation": {"cohort": {"size": 16}}, "dpzero": {"privacy": {"delta": 0.01}}}
    process = snakemake(tmp_path, "preflight", overlay=overlay)
    root = tmp_path / "results-tiny"
    assert {path.name for path in root.iterdir()} == {
        *(".records", "benchmarks", "corpora", "downloads", "encoders", "logs", "preflight.json", "sentences", "text"),
    }
    said = process.stdout
    fails, weak = said.split("Will fail")[1].split("Will mean little")
    for key in ("scenarios.averaging-plain.cohort.size: a round needs 16 persons", "dpzero.privacy.delta: "):
        assert key in " ".join(fails.split())
    assert "dpfedavg.seeds" in weak
    assert max(map(len, said.splitlines())) <= 100
    found = read_json(root / "preflight.json")
    assert (root / "preflight.json").stat().st_mode & 0o077 == 0, "it counts private text"
    counts = read_json(root / "corpora/private.json")["persons"]
    assert found["persons"]["persons"] == counts and f"{sum(counts.values())} persons are kept" in said
    targets = {row["target"]: row for row in found["targets"]}
    assert 0 < targets["main"]["to_do"] < targets["main"]["jobs"] < targets["all"]["jobs"]
    assert 0 < targets["main"]["hours"]["2"] < targets["all"]["hours"]["2"]


@pytest.mark.full
def test_ten_thousand_jobs_of_clients_are_planned(tmp_path):
    overlay = tmp_path / "large.yaml"
    overlay.write_text(
        "run: [averaging-rehearsal]\nexecution: {clients_per_job: 1}\n"
        "federation: {cohort: {size: 1000, rounds: 10}}\nreport: {rounds: [1]}\n"
    )
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", tmp_path, "-n"]
    command += ["--configfile", overlay, "--", "all"]
    with (tmp_path / "out").open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        _, status, usage = os.wait4(process.pid, 0)  # which tells the most memory that the process had
        process.returncode = os.waitstatus_to_exitcode(status)
    printed = (tmp_path / "out").read_text()
    assert process.returncode == 0, printed[-2000:]
    assert printed.count("\nrule fine_tune:") == 10_000
    assert usage.ru_maxrss * 1024 < 1e9
