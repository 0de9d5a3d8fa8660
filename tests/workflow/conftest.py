"""One finished tiny run that the tests of this folder share, and copies of it in which something is changed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[2]


def command(folder, *targets, options=(), overlay=None, cores=2):
    """Arguments for subprocess of what runs the workflow in `folder` with tiny.yaml, and `overlay` laid over it."""
    configs = [ROOT / "config/tiny.yaml"]
    if overlay:
        configs.append(folder / "overlay.json")
        configs[-1].write_text(json.dumps(overlay))
    parts = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
    parts += [*(["--cores", cores] if cores else []), "--configfile", *configs, *options, "--", *targets]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {"args": [str(part) for part in parts], "env": environment, "text": True}


def run(*arguments, fails=False, **options):
    """Run what `command` makes; it must end well unless it `fails`; None leaves open which."""
    process = subprocess.run(**command(*arguments, **options), capture_output=True, check=False)
    if fails is not None and bool(process.returncode) != fails:
        pytest.fail(
            f"snakemake ended with {process.returncode}:\n{process.stdout}\n{process.stderr[-8000:]}", pytrace=False
        )
    return process


@pytest.fixture(scope="session")
def snakemake():
    """The function `run`."""
    return run


@pytest.fixture
def begin(tmp_path):
    """A function that begins what `command` makes; all that it says comes to the file said."""
    begun = []

    def begin(*arguments, **options):
        with (tmp_path / "said").open("w") as said:
            begun.append(subprocess.Popen(**command(*arguments, **options), stdout=said, stderr=said))
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory, worker_id):
    """A folder with a finished tiny run in results-tiny/, made with two cores by the first process that needs it.

    All processes share it, so nobody writes there: a test that runs Snakemake takes a `copy`.
    """
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent / "shared") / "tiny" / "copy"
    folder.mkdir(parents=True, exist_ok=True)
    finished = folder.with_name("finished")
    with FileLock(folder.with_name("lock")):
        if not finished.exists():
            run(folder)
            finished.touch()
    return folder


@pytest.fixture
def copy(tiny, tmp_path):
    """A function that gives a copy of the finished run without the parts of results-tiny/ it is told."""

    def copied(*without):
        folder = tmp_path / "copy"
        shutil.copytree(tiny, folder)
        for part in without:
            shutil.rmtree(folder / "results-tiny" / part)
        return folder

    return copied
