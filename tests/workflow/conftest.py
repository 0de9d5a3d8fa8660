"""One finished tiny run that the tests of this folder share, and copies of it in which something is changed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(folder, *targets, options=(), overlay=None, cores=2, fails=False):
    """Run the workflow in `folder` with tiny.yaml, and `overlay` laid over it; it must end well unless it `fails`."""
    configs = [ROOT / "config/config.yaml", ROOT / "config/tiny.yaml"]
    if overlay:
        configs.append(folder / "overlay.json")
        configs[-1].write_text(json.dumps(overlay))
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
    command += ["--cores", cores, "--configfile", *configs, *options, "--", *targets]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env=environment, check=False
    )
    if bool(process.returncode) != fails:
        pytest.fail(
            f"snakemake ended with {process.returncode}:\n{process.stdout}\n{process.stderr[-8000:]}", pytrace=False
        )
    return process


@pytest.fixture(scope="session")
def snakemake():
    """The function `run`."""
    return run


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A folder with a finished tiny run in results-tiny/, made with two cores."""
    folder = tmp_path_factory.mktemp("tiny")
    run(folder)
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
