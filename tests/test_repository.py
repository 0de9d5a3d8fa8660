"""Promises of the repository as a whole: one set of versions, small modules, rules that re-run when they should."""

import ast
import importlib.metadata
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LIBRARY = sorted((ROOT / "workflow_scripts/privatune").rglob("*.py"))
SCRIPTS = sorted((ROOT / "workflow_scripts").glob("*.py"))
RULE = re.compile(r"^( *)(?:rule|checkpoint) ?(\w+)?:\n((?:\1 +.*\n|\n)+)", re.MULTILINE)
RULES = [
    (path.name, rule[2] or re.search(r"name:\s+(.+)", rule[3])[1], rule[3])
    for path in sorted([ROOT / "Snakefile", *(ROOT / "rules").rglob("*.smk")])
    for rule in RULE.finditer(path.read_text())
]
# torch asks for its CUDA libraries by exact version itself, where it has any
OF_TORCH = re.compile(r"nvidia-|cuda-|triton$")


def pins(path):
    """Versions by name of a list of requirements; None for a line that is no plain pin."""
    lines = [line.split("#")[0].strip() for line in (ROOT / path).read_text().splitlines()]
    matches = [re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.]+)", line) or line for line in lines if line]
    return dict((canonicalize_name(m[1]), m[2]) if isinstance(m, re.Match) else (m, None) for m in matches)


# a figure of epsilon in running text
EPSILON = re.compile(r"epsilons?\b[^|\d]{0,25}\d", re.IGNORECASE)


def short(path):
    return str(path.relative_to(ROOT))


def test_lock_is_plain():
    """No local version tag, host, path, hash or range: it installs from any copy of the registry."""
    lock = pins("envs/requirements.lock")
    assert None not in lock.values(), [name for name, version in lock.items() if version is None]
    assert lock.keys().isdisjoint(name for name in lock if OF_TORCH.match(name))


def test_lock_has_the_direct_dependencies():
    lock = pins("envs/requirements.lock")
    asked = pins("envs/requirements.in")
    assert asked == {name: lock.get(name) for name in asked}, "run `make lock`"


@pytest.fixture(scope="module")
def locked():
    """The versions of the lock, and what each package needs."""
    lock = pins("envs/requirements.lock")
    return lock, {name: list(map(Requirement, importlib.metadata.requires(name) or [])) for name in lock}


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_lock_is_whole(locked, python, system):
    """Whatever a pinned package needs, on any Python and system we name, is pinned too."""
    lock, needs = locked
    place = {"python_version": python, "sys_platform": system, "platform_system": system.capitalize(), "extra": ""}
    for name in lock:
        for need in needs[name]:
            needed = canonicalize_name(need.name)
            if not OF_TORCH.match(needed) and (need.marker is None or need.marker.evaluate(place)):
                assert needed in lock, f"{name} needs {need.name}"
                assert need.specifier.contains(lock[needed]), f"{name} needs {need}"


def test_conda_has_the_same_versions():
    *_, packages = yaml.safe_load((ROOT / "envs/privatune.yaml").read_text())["dependencies"]
    conda = dict(line.split("==") for line in packages["pip"])
    asked, _, checks = (ROOT / "envs/requirements.in").read_text().partition("# the checks")
    assert checks
    assert conda == dict(line.split("==") for line in asked.splitlines() if line and not line.startswith("#"))


def test_library_imports_only_what_is_asked_for():
    """Nothing is used that only happens to come along with something else."""
    modules = importlib.metadata.packages_distributions()
    asked = pins("envs/requirements.in")
    for path in LIBRARY:
        for name in re.findall(r"^ *(?:from|import) (\w+)", path.read_text(), re.MULTILINE):
            owners = {canonicalize_name(owner) for owner in modules.get(name, [])}
            assert not owners or owners & asked.keys(), f"{short(path)}: {name}"


# a module without any of these words need not be parsed
SUSPECT = re.compile(
    r"\bassert\b|\b(pickle|random|dill|joblib|shelve)\b|\btorch\.(manual_seed|seed|load|save|rand|berno)"
)


def test_library_modules():
    assert len(LIBRARY) > 300
    for path in LIBRARY:
        text = path.read_text()
        assert text.count("\n") < 300, short(path)
        assert path.name != "__init__.py" or not text, "packages stay empty: a job's inputs name the modules it uses"
        for node in ast.walk(ast.parse(text)) if SUSPECT.search(text) else ():
            where = f"{short(path)}, line {getattr(node, 'lineno', 0)}"
            assert not isinstance(node, ast.Assert), f"{where}: raise an error instead of assert"
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                assert names.isdisjoint({"pickle", "random", "dill", "joblib", "shelve"}), f"{where}: {names}"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called = ast.unparse(node.func)
                assert not re.search(r"\brandom\.(?!Generator|Philox)\w+$", called), f"{where}: {called} is global"
                own = any(keyword.arg == "generator" for keyword in node.keywords)
                assert own or not re.search(r"^torch\.(manual_seed|seed|load|save|rand\w*|bernoulli)$", called), (
                    f"{where}: {called}"
                )


def test_scripts():
    assert len(SCRIPTS) > 30
    for path in SCRIPTS:
        text = path.read_text()
        assert text.count("\n") < 30, path.name
        assert "snakemake.config" not in text, f"{path.name}: a change elsewhere is not seen; read `settings`"
        assert "snakemake.threads" not in text, f"{path.name}: it is capped by --cores, which would change results"


@pytest.mark.parametrize(("file", "name", "body"), RULES, ids=[rule[1] for rule in RULES])
def test_rule(file, name, body):
    directives = re.findall(r"^ +(\w+):", body, re.MULTILINE)
    if "output" not in directives:
        return  # a target that only collects
    assert {"log", "benchmark", "conda", "threads", "resources"} <= set(directives), file
    assert "run" not in directives, "it costs two seconds a job: use a script"
    depth = len(re.match(r" *", body)[0])
    params = re.search(rf"^ {{{depth}}}params:(.*\n(?: {{{depth + 1},}}.*\n)*)", body, re.MULTILINE)
    if "shell" in directives and not params:
        return  # its text is compared
    assert params, "one param, `settings`: changed values re-run the rule"
    names = re.findall(rf"^ {{{depth + 4}}}(\w+)=", params[1], re.MULTILINE)
    assert names == ["settings"], f"{file}: Snakemake compares values without their names, so one param only"


def test_rules_were_found():
    assert {"pretrain", "fine_tune", "plan"} <= {name for _, name, _ in RULES}
    assert len(RULES) == sum(
        len(re.findall(r"^ *(?:rule|checkpoint)\b.*:", path.read_text(), re.MULTILINE))
        for path in [ROOT / "Snakefile", *(ROOT / "rules").rglob("*.smk")]
    )


@pytest.mark.parametrize("path", [".ci/run", "LICENSE", "CITATION.cff", "CONTRIBUTING.md", "Makefile"])
def test_present(path):
    assert (ROOT / path).stat().st_size > 0


def test_the_report_of_any_target_says_where_a_guarantee_is_claimed():
    """One text opens the report of every target, also of that which proves an epsilon."""
    said = (ROOT / "report/workflow.rst").read_text()
    assert "No privacy guarantee is claimed" not in said
    said = " ".join(said.split())
    assert "**Privacy, proved**, **Sentences** and **Compression of encoders** that were trained with noise" in said


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("report/**/*.rst")], ids=short
)
def test_no_epsilon_without_its_delta(path):
    """On the same line, so that neither is quoted alone."""
    lines = path.read_text().splitlines()
    assert [line for line in lines if EPSILON.search(line) and "delta" not in line] == []


@pytest.mark.parametrize("goal", ["clean", "distclean"])
def test_what_links_point_to_is_named_where_results_are_removed(goal, tmp_path):
    """Results on another disk: private text stays there, and must not be said to be removed."""
    disk, text, here = tmp_path / "disk", tmp_path / "two words", tmp_path / "here"
    for folder in (disk, text, here / "results", here / "secrets"):
        folder.mkdir(parents=True)
    (disk / "chat.parquet").touch()
    (here / "results-big").symlink_to("../disk")
    (here / "results/text").symlink_to(text)
    (here / "results/self").symlink_to(".")
    run = ["make", "-f", str(ROOT / "Makefile"), goal]
    said = subprocess.run(run, cwd=here, capture_output=True, text=True, check=True).stdout
    kept = [line.split("rm -rf ")[1] for line in said.splitlines() if "rm -rf" in line]
    assert kept == [str(disk), str(text).replace(" ", "\\ ")]
    assert (disk / "chat.parquet").exists()
    assert [path.name for path in here.iterdir()] == ["secrets"]
    assert "rm -rf" not in subprocess.run(run, cwd=here, capture_output=True, text=True, check=True).stdout


def test_packages_behind_a_link_are_not_replaced(tmp_path):
    """Python's venv would empty the folder that the link points to, and then refuse the link."""
    here, others = tmp_path / "here", tmp_path / "others"
    for folder in (here / "envs", others / "bin"):
        folder.mkdir(parents=True)
    (here / "envs/requirements.lock").write_text("a==2\n")
    (others / "requirements.lock").write_text("a==1\n")
    (here / ".venv").symlink_to(others)
    run = ["make", "-f", str(ROOT / "Makefile"), "environment"]
    process = subprocess.run(run, cwd=here, capture_output=True, text=True, check=False)
    assert process.returncode and "make: .venv is a link" in process.stderr
    assert (others / "bin").exists() and (others / "requirements.lock").exists()


@pytest.mark.parametrize("linked", [False, True])
def test_the_page_of_results_stays_where_results_are_removed(linked, tmp_path):
    """Git sees no change after `make clean`, also where results was a link to another disk."""
    here, disk = tmp_path / "here", tmp_path / "disk"
    disk.mkdir()
    (here / "results/tables").mkdir(parents=True)
    (here / "results/README.md").write_text("what is here")
    (here / ".gitignore").write_text((ROOT / ".gitignore").read_text())

    def git(*words):
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words]
        return subprocess.run(command, cwd=here, capture_output=True, text=True, check=True).stdout

    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "first")
    assert git("ls-files").split() == [".gitignore", "results/README.md"]
    if linked:
        (here / "results").rename(disk / "results")
        (here / "results").symlink_to(disk / "results")
    subprocess.run(["make", "-f", str(ROOT / "Makefile"), "clean"], cwd=here, capture_output=True, check=True)
    assert git("status", "--porcelain") == "" and not (here / "results/tables").exists()
    assert [path.name for path in (here / "results").iterdir()] == ["README.md"]
    assert not linked or (disk / "results/tables").exists()
