"""What runs again after a change: exactly what depends on it, by what the settings models and imports say."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from keys import accepted, declared, keys
from matrix import started

HERE = Path(__file__).parent
WRONG = ("undeclared", "runs though it should not", "should run and does not", "come or gone undeclared")


@pytest.fixture(scope="module")
def matrix(tiny, tmp_path_factory):
    """What `matrix.py` finds on two copies of the finished tiny run."""
    folders = [tmp_path_factory.mktemp("matrix") / "run" for _ in range(2)]
    for folder in folders:
        shutil.copytree(tiny, folder)
    environment = {"PYTHONPATH": str(HERE.parents[1] / "workflow_scripts"), "PATH": "/usr/bin:/bin"}
    process = subprocess.run(
        [sys.executable, HERE / "matrix.py", *folders],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-5000:]
    return json.loads(process.stdout)


def test_every_key_declares_what_it_touches():
    values = accepted(started())
    assert [str(key) for key in keys() if not declared(key.place, values)] == []


def test_a_changed_value_runs_exactly_what_its_key_touches(matrix):
    wrong = {
        key: {
            name: found
            for name, found in result.items()
            if found and name not in ("come or gone", "declared", "reached")
        }
        for key, result in matrix["found"].items()
        if any(result.get(name) for name in WRONG)
    }
    assert not wrong, (
        "`json_schema_extra=touches(...)` beside a key in its settings model says which rules its value touches: mend "
        f"it, or the rule that uses the value\n{json.dumps(wrong, indent=1)[:20_000]}"
    )


def test_every_key_is_reached(matrix):
    """Each key is changed where some job of the run notices, unless it says that it touches nothing."""
    assert matrix["nowhere"] == []
    found = {key: result for key, result in matrix["found"].items() if "in another order" not in key}
    assert [key for key, result in found.items() if result["declared"] and not result["reached"]] == []
