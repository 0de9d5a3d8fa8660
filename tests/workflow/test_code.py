"""What runs again after a change of code, beside what an independent reading of the imports says."""

import ast
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml
from planning import ROOT, alone, following, plan

from privatune.core.merging import merged

DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text())
TINY = merged(DEFAULT, yaml.safe_load((ROOT / "config/tiny.yaml").read_text()))
TARGETS = ["all"]
PARTS = ("Snakefile", "README.md", "rules", "workflow_scripts", "envs", "report", "docs", "tests")
MODULES = sorted(path.relative_to(ROOT) for path in (ROOT / "workflow_scripts/privatune").rglob("*.py"))


@pytest.fixture(scope="module")
def workflow(tmp_path_factory):
    """A copy of the workflow, a folder in which its tiny run counts as finished, and the plan of that run."""
    root, folder = tmp_path_factory.mktemp("workflow"), tmp_path_factory.mktemp("finished")
    for part in PARTS:
        (shutil.copytree if (ROOT / part).is_dir() else shutil.copy)(ROOT / part, root / part)
    alone(plan, folder, TINY, TARGETS, root, True)
    return root, folder, alone(plan, folder, TINY, TARGETS, root)


@cache
def imported(path):
    """Modules that a file names in an import, wherever it stands, and packages of which it loads a part by name."""
    modules, packages = set(), set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            packages |= set(re.findall(r"^(privatune[\w.]*)\.$", node.values[0].value))
    files = (ROOT / "workflow_scripts" / f"{name.replace('.', '/')}.py" for name in modules)
    return [file for file in files if file.exists()], packages


def reached(files):
    """All files that these reach by import, themselves included, and the packages of which any loads parts."""
    found, packages, waiting = set(), set(), list(files)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            modules, loaded = imported(path)
            waiting += modules
            packages |= loaded
    return found, packages


def own_modules(job, folder):
    """Files of the library among a job's inputs."""
    paths = ((folder / path).resolve() for path in job.inputs if path.endswith(".py"))
    return {ROOT / Path(*path.parts[path.parts.index("workflow_scripts") :]) for path in paths}


def package(path):
    return ".".join(path.relative_to(ROOT / "workflow_scripts").parts[:-1])


def test_a_job_depends_on_the_modules_that_its_script_reaches(workflow):
    _, folder, planned = workflow
    for name, job in planned.jobs.items():
        if not job.script or job.script == "fetch_package.py":  # a checksum says what it fetches, whatever the code
            continue
        script, parts = ROOT / "workflow_scripts" / job.script, set()
        has = own_modules(job, folder)
        for _ in range(3):  # a part may load parts
            found, packages = reached([script, *parts])
            parts |= {path for path in has - found if package(path) in packages}
        assert has == found - {script}, name
        for loaded in packages:
            parts_of_it = {path for path in map(ROOT.joinpath, MODULES) if package(path) == loaded}
            named = {path for path in parts_of_it if f"'{path.stem}'" in job.settings}
            assert not named or named & has, f"{name}: its settings name a part of {loaded}"


@pytest.mark.parametrize("folder_name", sorted({str(path.parent) for path in MODULES}))
def test_a_changed_module_runs_the_jobs_that_reach_it(workflow, folder_name):
    root, folder, planned = workflow
    modules = [path for path in MODULES if str(path.parent) == folder_name and path.name != "__init__.py"]
    for path in modules[:2]:
        text = (root / path).read_text()
        (root / path).write_text(f"{text}# a comment\n")
        runs = alone(plan, folder, TINY, TARGETS, root).runs
        (root / path).write_text(text)
        users = [name for name, job in planned.jobs.items() if ROOT / path in own_modules(job, folder)]
        assert runs == following(planned, users), path


def test_a_changed_script_runs_its_rule(workflow):
    root, folder, planned = workflow
    (root / "workflow_scripts/evaluate.py").touch()
    runs = alone(plan, folder, TINY, TARGETS, root, True).runs
    assert runs == following(planned, [name for name, job in planned.jobs.items() if job.rule == "evaluate"])


def test_unrelated_files_and_equal_content_run_nothing(workflow):
    root, folder, _ = workflow
    for path in ("README.md", "docs/your-data.md", "tests/conftest.py", "report/workflow.rst"):
        with (root / path).open("a") as file:
            file.write("\n")
    (root / "workflow_scripts/privatune/unused.py").write_text("")
    for path in MODULES:
        (root / path).touch()  # as a fresh clone does
    assert alone(plan, folder, TINY, TARGETS, root).runs == frozenset()


def test_touch_keeps_results_after_an_edit(workflow):
    root, folder, _ = workflow
    with (root / "workflow_scripts/privatune/compression/settings.py").open("a") as file:
        file.write("# a comment\n")
    assert alone(plan, folder, TINY, ["all"], root).runs
    (folder / "tiny.yaml").write_text(yaml.safe_dump(TINY, sort_keys=False))
    command = [sys.executable, "-m", "snakemake", "--snakefile", root / "Snakefile", "--directory", folder]
    options = ["--cores", "1", "--touch", "--configfile", folder / "tiny.yaml", "--", *TARGETS]
    subprocess.run([*command, *options], capture_output=True, check=True)
    assert alone(plan, folder, TINY, TARGETS, root).runs == frozenset()


def test_a_new_scenario_adds_its_own_jobs(workflow):
    root, folder, planned = workflow
    new = {"scenarios": {"new": {"client": {"user_share": 0.1}}}, "run": [*TINY["run"], "new"]}
    added = alone(plan, folder, merged(TINY, new), TARGETS, root)
    assert {added.jobs[name].wildcards.get("scenario") for name in added.runs & planned.jobs.keys()} == {None}
    own = {name for name in added.runs if added.jobs[name].wildcards.get("scenario") == "new"}
    assert own
    assert added.runs == following(added, own)


def test_more_rounds_go_on_from_the_finished_ones(workflow):
    root, folder, _ = workflow
    added = alone(plan, folder, merged(TINY, {"federation": {"cohort": {"rounds": 3}}}), ["all"], root)
    assert {
        job.wildcards["round"] for name, job in added.jobs.items() if name in added.runs and job.rule == "aggregate"
    } == {"3"}


def test_the_order_of_corpora_is_seen(workflow, tmp_path):
    root, *_ = workflow
    both = merged(TINY, {"general": {"corpora": ["sotu", "wikitext2"]}})
    alone(plan, tmp_path, both, ["all"], root, True)
    again = alone(plan, tmp_path, merged(both, {"general": {"corpora": ["wikitext2", "sotu"]}}), ["all"], root)
    assert again.runs == following(again, [name for name, job in again.jobs.items() if job.rule == "encode_general"])


def test_forcerun_runs_a_rule_and_what_follows(workflow):
    root, folder, planned = workflow
    runs = alone(plan, folder, TINY, TARGETS, root, False, ["pretrain"]).runs
    assert runs == following(planned, [name for name, job in planned.jobs.items() if job.rule == "pretrain"])


def test_a_scenario_is_a_target_by_its_name(workflow):
    root, folder, _ = workflow
    assert alone(plan, folder, TINY, ["averaging-plain"], root).runs == frozenset(), "`all` made it"
    forced = alone(plan, folder, TINY, ["averaging-plain"], root, False, ["evaluate"])
    ran = {forced.jobs[name].wildcards.get("scenario", name) for name in forced.runs}
    assert ran == {"averaging-plain"}


def processor_seconds(*command):
    """What a command says, and the processor time that it took: the least of two calls, as other jobs run beside it."""
    spent = []
    for _ in range(2):
        before = os.times()
        process = subprocess.run(
            [sys.executable, "-m", "snakemake", *command], capture_output=True, text=True, check=True
        )
        spent.append(sum(os.times()[2:4]) - sum(before[2:4]))
    return process.stdout + process.stderr, min(spent)


def test_a_finished_default_run_has_nothing_to_do_and_says_so_soon(tmp_path):
    alone(plan, tmp_path, DEFAULT, ["all"], ROOT, True)
    shutil.copy(ROOT / "config/config.yaml", tmp_path / "config")
    said, planning = processor_seconds("-n", "--snakefile", ROOT / "Snakefile", "--directory", tmp_path, "--", "all")
    assert "Nothing to be done" in said
    # under 3 s on a machine where Snakemake alone takes 1.1 s to load
    _, loading = processor_seconds("--help")
    assert planning < 2.7 * loading
