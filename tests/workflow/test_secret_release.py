"""`secure: true` through Snakemake: kills, retries and `make clean` never make a second release of the same persons."""

import shutil
import subprocess

import pytest
from killing import halted

from privatune.core.files import read_json, write_json

SECURE = {"dpfedavg": {"run": ["dp"], "variants": {"dp": {"privacy": {"secure": True}}}}}
MODEL = "results-tiny/dpfedavg/dp/seed-0.safetensors"
SLOTS = {**SECURE, "execution": {"dp_shards": 2}}


@pytest.fixture
def cleaned(request):
    """A function that does what `make clean` does, but for the stages before private training."""

    def clean(folder):
        kept = shutil.copytree(folder / "results-tiny", folder / "kept", dirs_exist_ok=True)
        makefile = request.config.rootpath / "Makefile"
        subprocess.run(["make", "-f", makefile, "clean"], cwd=folder, check=True, capture_output=True)
        assert not (folder / "results-tiny").exists()
        shutil.move(kept, folder / "results-tiny")
        (folder / MODEL).unlink()

    return clean


def one_line(process):
    (line,) = {line for line in process.stderr.splitlines() if line.startswith("privatune: ")}
    return line


def test_a_secret_release_is_made_once(copy, begin, snakemake, cleaned):
    folder = copy()
    process = begin(folder, MODEL, overlay=SECURE)
    halted(process, "dp_train", lambda: list(folder.glob("secrets/*/release.json"))).kill()
    assert process.wait() == 1
    (release,) = (folder / "secrets").iterdir()
    seed = (release / "seed").read_bytes()
    assert not (release / "model.safetensors").exists()

    snakemake(folder, MODEL, overlay=SECURE)
    model = (folder / MODEL).read_bytes()
    assert [*(folder / "secrets").iterdir()] == [release], "a retry is the same release"
    assert (release / "seed").read_bytes() == seed
    assert (release / "model.safetensors").read_bytes() == model
    assert not [path for path in folder.rglob("*") if path.name == "seed" and "results-tiny" in path.parts]

    cleaned(folder)
    (release / "seed").rename(folder / "seed")
    snakemake(folder, MODEL, overlay=SLOTS)
    assert (folder / MODEL).read_bytes() == model, "what is finished is not computed again, so that no seed is needed"

    cleaned(folder)
    (release / "model.safetensors").unlink()
    line = one_line(snakemake(folder, MODEL, overlay=SECURE, fails=True))
    assert f"secrets/{release.name}/seed: the secret seed of a release that was begun is missing" in line
    (folder / "seed").rename(release / "seed")

    record = read_json(release / "release.json")
    other = record["made_with"] | {"processor": "another kind"}
    write_json(release / "release.json", record | {"made_with": other})
    line = one_line(snakemake(folder, MODEL, overlay=SECURE, fails=True))
    assert "this release was begun with processor another kind, and here it is" in line
    write_json(release / "release.json", record)

    snakemake(folder, MODEL, overlay=SLOTS)
    assert (folder / MODEL).read_bytes() == model, "the same seed and sums give the same release, in shards too"
    assert (release / "model.safetensors").read_bytes() == model
    planned = snakemake(folder, "dpfedavg", overlay=SECURE, options=["--dry-run"]).stdout
    assert "ngram-general" in planned and "ngram-private" not in planned, "no model of the bare text beside it"
