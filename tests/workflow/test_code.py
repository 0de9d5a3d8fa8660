"""What runs again after a change of code, beside what an independent reading of the imports says."""

import ast
import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest
import yaml
from planning import DEFAULT, ROOT, TINY, alone, following, plan

from privatune.core.merging import merged

TARGETS = ["all"]
PARTS = ("Snakefile", "config", "README.md", "rules", "workflow_scripts", "envs", "report", "docs", "tests")
LIBRARY = Path("workflow_scripts/privatune")
MODULES = sorted(path.relative_to(ROOT) for path in (ROOT / LIBRARY).rglob("[a-z]*.py"))
# folders in which one module each is changed for real: every floor, and every system
FLOORS = sorted(
    {path.relative_to(LIBRARY).parts[:-1][: 2 if "systems" in path.parts else 1] for path in MODULES} - {()}
)


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
    """Modules that a file names in an import, wherever it stands, and patterns of the names of those it may load."""
    modules, patterns = set(), set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.JoinedStr):
            pattern = "".join(part.value if isinstance(part, ast.Constant) else "*" for part in node.values)
            patterns |= {pattern} if re.fullmatch(r"privatune(\.(\w+|\*))+", pattern) else set()
    files = (ROOT / "workflow_scripts" / f"{name.replace('.', '/')}.py" for name in modules)
    return [file for file in files if file.exists()], patterns


def reached(files):
    """All files that these reach by import, themselves included, and the patterns of what any of them may load."""
    found, patterns, waiting = set(), set(), list(files)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            modules, loaded = imported(path)
            waiting += modules
            patterns |= loaded
    return found, patterns


def with_parts(files, has, settings):
    """As `reached`, and what is reached from those of the modules `has` that are loaded by name, or named in full."""
    parts = set()
    for _ in range(3):  # a part may load parts
        found, patterns = reached([*files, *parts])
        parts |= {path for path in has - found if loads(patterns, path) or f"'{dotted(path)}'" in settings}
    return found, patterns


def own_modules(job, folder):
    """Files of the library among a job's inputs."""
    paths = ((folder / path).resolve() for path in job.inputs if path.endswith(".py"))
    return {ROOT / Path(*path.parts[path.parts.index("workflow_scripts") :]) for path in paths}


def dotted(path):
    return ".".join(path.relative_to(ROOT / "workflow_scripts").with_suffix("").parts)


def loads(patterns, path):
    name = dotted(path)
    return any(fnmatchcase(name, pattern) and name.count(".") == pattern.count(".") for pattern in patterns)


def test_a_job_depends_on_the_modules_that_its_script_reaches(workflow):
    _, folder, planned = workflow
    for name, job in planned.jobs.items():
        if not job.script or job.script == "fetch_package.py":  # a checksum says what it fetches, whatever the code
            continue
        script, has = ROOT / "workflow_scripts" / job.script, own_modules(job, folder)
        found, patterns = with_parts({script}, has, job.settings)
        assert has == found - {script}, name
        for pattern in patterns:
            may = {path for path in map(ROOT.joinpath, MODULES) if loads([pattern], path)}
            named = {path for path in may if f"'{path.stem}'" in job.settings}
            assert not named or named & has, f"{name}: its settings name a part of {pattern}"


@pytest.fixture(scope="module")
def users(workflow):
    """Of every module, the jobs that have it among their inputs."""
    _, folder, planned = workflow
    found = {path: [] for path in MODULES}
    for name, job in planned.jobs.items():
        for path in own_modules(job, folder):
            found[path.relative_to(ROOT)].append(name)
    return found


def test_every_module_that_the_scripts_reach_is_an_input_of_some_job(workflow, users):
    """Of parts, which are loaded by name, those that the settings of this run name."""
    jobs = workflow[2].jobs.values()
    scripts = {ROOT / "workflow_scripts" / job.script for job in jobs if job.script}
    has = {ROOT / path for path in MODULES if users[path]}
    settings = " ".join(job.settings for job in jobs)
    found, _ = with_parts(scripts - {ROOT / "workflow_scripts/fetch_package.py"}, has, settings)
    for path in map(ROOT.joinpath, MODULES):
        assert (path in found) == (path in has), f"{path}: a change of it runs nothing, or what does not reach it"


def changed(workflow, paths):
    """Jobs that run after a change of some modules, which are put back."""
    root, folder, _ = workflow
    texts = {path: (root / path).read_text() for path in paths}
    for path, text in texts.items():
        (root / path).write_text(f"{text}# a comment\n")
    try:
        return alone(plan, folder, TINY, TARGETS, root).runs
    finally:
        for path, text in texts.items():
            (root / path).write_text(text)


@pytest.mark.parametrize("floor", FLOORS, ids="/".join)
def test_a_changed_module_runs_the_jobs_that_reach_it(workflow, users, floor):
    """The module of a floor that the fewest jobs reach, so that most jobs must not run."""
    modules = [path for path in MODULES if path.is_relative_to(LIBRARY.joinpath(*floor))]
    path = min(modules, key=lambda path: (not users[path], len(users[path])))
    assert changed(workflow, [path]) == following(workflow[2], users[path]), path


def test_a_change_of_modules_that_no_job_reaches_runs_nothing(workflow, users):
    unused = [path for path in MODULES if not users[path]]
    assert LIBRARY / "experiment.py" in unused
    assert changed(workflow, unused) == frozenset()


def test_a_changed_script_runs_its_rule(workflow):
    root, folder, planned = workflow
    script = root / "workflow_scripts/evaluate.py"
    text, times = script.read_text(), script.stat()
    script.write_text(f"{text}# a comment\n")
    os.utime(script, ns=(times.st_atime_ns, times.st_mtime_ns))
    runs = alone(plan, folder, TINY, TARGETS, root).runs
    assert runs == following(planned, [name for name, job in planned.jobs.items() if job.rule == "evaluate"])
    script.write_text(text)


def test_unrelated_files_and_equal_content_run_nothing(workflow):
    root, folder, _ = workflow
    for path in ("README.md", "docs/your-data.md", "tests/conftest.py", "report/workflow.rst"):
        with (root / path).open("a") as file:
            file.write("\n")
    (root / "workflow_scripts/privatune/unused.py").write_text("")
    for path in (root / "workflow_scripts").rglob("*.py"):
        path.touch()  # as a fresh clone does
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


def test_a_finished_default_run_has_nothing_to_do(tmp_path):
    alone(plan, tmp_path, DEFAULT, ["all"], ROOT, True)
    command = [sys.executable, "-m", "snakemake", "-n", "--snakefile", ROOT / "Snakefile", "--directory", tmp_path]
    process = subprocess.run([*command, "--", "all"], capture_output=True, text=True, check=True)
    assert "Nothing to be done" in process.stdout + process.stderr
