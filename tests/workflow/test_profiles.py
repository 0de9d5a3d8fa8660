"""The profiles for clusters: options that exist, rules that exist, one set of groups, and a queue that is not Slurm."""

import importlib.util
import re
from pathlib import Path

import pytest
import yaml
from expected import ROUNDS
from snakemake.cli import get_argument_parser

ROOT = Path(__file__).parents[2]
PROFILES = {path.parent.name: yaml.safe_load(path.read_text()) for path in ROOT.glob("profiles/*/profile.yaml")}
CLUSTERS = sorted(PROFILES.keys() - {"default"})
# of a plugin that is not installed with the rest (version 0.5.1)
OF_KUBERNETES = {"kubernetes-namespace", "kubernetes-persistent-volumes"}
# what the fake queue below is called, and told; it says a number at once and runs the job when it likes
QSUB = """#!/bin/sh
echo "$@" >> {folder}/asked
for script; do :; done
setsid sh "$script" > {folder}/said 2>&1 < /dev/null &
echo 1
"""


@pytest.mark.parametrize("name", PROFILES)
def test_options_exist(name):
    known = {option.removeprefix("--") for action in get_argument_parser()._actions for option in action.option_strings}
    assert PROFILES[name].keys() <= known | OF_KUBERNETES


@pytest.mark.parametrize("name", CLUSTERS)
def test_clusters_share_their_groups_which_name_rules_that_exist(name):
    rules = "".join(path.read_text() for path in ROOT.glob("rules/**/*.smk"))
    named = set(re.findall(r"rule (\w+):", rules)) | {"encode_general", "encode_private"}
    profile, slurm = PROFILES[name], PROFILES["slurm"]
    assert profile["groups"].keys() <= named
    assert profile.get("set-resources", {}).keys() <= named
    for key in ("groups", "group-components", "config", "retries", "cores", "local-cores"):
        assert profile[key] == slurm[key]


@pytest.mark.parametrize("name", CLUSTERS)
def test_main_is_planned(name, tmp_path, snakemake):
    if not importlib.util.find_spec(f"snakemake_executor_plugin_{name.replace('-', '_')}"):
        pytest.skip(f"not installed: snakemake-executor-plugin-{name}")
    plan = snakemake(tmp_path, options=["--dry-run", "--profile", ROOT / "profiles" / name])
    assert len(re.findall(r"Group job round-", plan.stdout + plan.stderr)) == ROUNDS


def test_a_job_on_another_machine_refuses_to_decide_what_auto_is(tmp_path, snakemake):
    process = snakemake(tmp_path, options=["--mode", "remote", "--dry-run"], fails=True)
    assert "--config accelerator=cpu precision=float32" in process.stdout + process.stderr


def test_another_queue_gets_the_job_and_what_it_needs(copy, snakemake, tmp_path, monkeypatch):
    queue = tmp_path / "bin/qsub"
    queue.parent.mkdir()
    queue.write_text(QSUB.format(folder=tmp_path))
    queue.chmod(0o755)
    monkeypatch.setenv("PATH", str(queue.parent), prepend=":")
    options = ["--profile", ROOT / "profiles/cluster-generic", "--latency-wait", 10, "--forcerun", "vocabulary"]
    snakemake(copy(), "results-tiny/text/tokenizer.json", options=options)
    (asked,) = (tmp_path / "asked").read_text().splitlines()
    assert re.search(r"select=1:ncpus=1:mem=\d{3}mb -l walltime=\d\d:00 ", asked)
