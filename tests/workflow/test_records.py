"""Results that were moved, copied or are shared; data and code that were replaced: what changed runs, nothing else."""

import base64
import os
import shutil

import pytest
from planning import ROOT, TINY, alone, following, plan

from privatune.core.merging import merged

FILES = {"kind": "files", "role": "private", "paths": ["data/latest/chat.csv"]}
OVER = {"sources": {"mine": FILES}, "private": {"corpus": "mine"}, "run": ["initial", "averaging-plain"]}
CONFIG = merged(TINY, OVER)
TARGETS = ["main"]
OLD = "person,time,text\na,2020-01-01,one\nb,2020-01-01,two\n"
NEW = OLD.replace("b,", "c,")


def finished(folder, root=ROOT, config=CONFIG, finish=True):
    (folder / "data/march").mkdir(parents=True, exist_ok=True)
    (folder / "data/march/chat.csv").write_text(OLD)
    (folder / "data/latest").symlink_to("march")
    alone(plan, folder, config, TARGETS, root, finish)
    return folder


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return finished(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def done(shared, tmp_path):
    """A folder with data, and a finished run in results-tiny/; the times are those of the run."""
    return shutil.copytree(shared, tmp_path / "done", symlinks=True)


def runs(folder, config=CONFIG, root=ROOT):
    return alone(plan, folder, config, TARGETS, root)


def rules(planned):
    return {planned.jobs[name].rule for name in planned.runs}


FASTER = merged(CONFIG, {"scenarios": {"averaging-plain": {"client": {"learning_rate": 0.5}}}})


def of_rate(planned):
    """Jobs that must run with another learning rate: those that train, and what follows."""
    return following(planned, [name for name, job in planned.jobs.items() if job.rule == "fine_tune"])


def by_mtime(folder):
    return sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_mtime_ns)


def backwards(source, target):
    """Copy a folder so that every file is newer than what is made from it."""
    for path in reversed(by_mtime(source)):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


@pytest.mark.parametrize("how", ["moved", "copied", "copied with new times", "a link", "without .snakemake"])
def test_results_keep_what_they_were_made_from(done, tmp_path, how):
    config, results = CONFIG, done / "results-tiny"
    shutil.rmtree(done / ".snakemake")
    if how == "moved":
        results.rename(tmp_path / "there")
    elif how == "copied":
        shutil.copytree(results, tmp_path / "there")
    elif how == "copied with new times":
        backwards(results, tmp_path / "there")
    elif how == "a link":
        results.rename(tmp_path / "elsewhere")
        (tmp_path / "there").symlink_to("elsewhere")
    output = {} if how == "without .snakemake" else {"output": str(tmp_path / "there")}
    assert runs(done, merged(config, output)).runs == frozenset()
    changed = runs(done, merged(FASTER, output))
    assert changed.runs == of_rate(changed)


def test_a_second_clone_of_the_workflow_shares_results(done, tmp_path):
    clone, folder = tmp_path / "clone", tmp_path / "other"
    for part in ("config", "rules", "workflow_scripts", "report", "envs"):
        shutil.copytree(ROOT / part, clone / part)
    shutil.copyfile(ROOT / "Snakefile", clone / "Snakefile")
    shutil.copytree(done / "data", folder / "data", symlinks=True)
    config = {"output": str(done / "results-tiny")}
    assert runs(folder, merged(CONFIG, config), clone).runs == frozenset(), "all of its files are newer"
    changed = runs(folder, merged(FASTER, config), clone)
    assert changed.runs == of_rate(changed)
    script = clone / "workflow_scripts/fine_tune.py"
    script.write_text(script.read_text() + "# a comment\n")
    changed = runs(folder, merged(CONFIG, config), clone)
    assert changed.runs == of_rate(changed)


def replaced(path, text=NEW, time=1_000_000_000):
    path.write_text(text)
    os.utime(path, (time, time))


def test_data_of_another_content_is_seen_however_old(done):
    path = done / "data/march/chat.csv"
    os.utime(path)
    assert runs(done).runs == frozenset(), "the same content with a new date"
    replaced(path)
    assert "read_corpus" in rules(runs(done))
    replaced(path, OLD)
    assert runs(done).runs == frozenset()
    (done / "data/april").mkdir()
    replaced(done / "data/april/chat.csv")
    (done / "data/latest").unlink()
    (done / "data/latest").symlink_to("april")
    assert "read_corpus" in rules(runs(done))


def test_data_of_the_same_size_and_time_is_seen(done):
    path = done / "data/march/chat.csv"
    times = path.stat()
    path.write_text(NEW)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "read_corpus" in rules(runs(done))


def test_large_data_is_compared_by_content(tmp_path):
    folder = finished(tmp_path / "large", finish=False)
    path = folder / "data/march/chat.csv"
    path.write_text(OLD + "a,2020-01-01,three\n" * 100_000)
    alone(plan, folder, CONFIG, TARGETS, ROOT, True)
    os.utime(path)
    assert runs(folder).runs == frozenset()
    replaced(path, path.read_text().replace("three", "seven"))
    assert "read_corpus" in rules(runs(folder))


def test_a_planned_run_writes_nothing(done, tmp_path):
    def seen(folder):
        return {str(path): path.lstat().st_mtime_ns for path in folder.rglob("*") if ".snakemake" not in path.parts}

    before = seen(done)
    assert runs(done, FASTER).runs
    assert seen(done) == before
    fresh = finished(tmp_path / "fresh", finish=False)
    assert not (fresh / "results-tiny").exists()


def test_only_the_owner_can_read_what_results_were_made_from(shared):
    records = shared / "results-tiny/.records"
    assert records.stat().st_mode & 0o777 == 0o700


def test_results_without_records_are_made_again(done):
    everything = following(runs(done), [name for name, job in runs(done).jobs.items() if job.rule == "read_corpus"])
    shutil.rmtree(done / "results-tiny/.records")
    planned = runs(done)
    assert planned.runs >= everything
    assert "fetch_package" not in rules(planned), "a checksum says what it is"


def small(folder):
    """A folder with data, and the command that reads it alone."""
    finished(folder, finish=False)
    (folder / "overlay.yaml").write_text("{}")
    return "results-tiny/corpora/mine.parquet", {"sources": {"mine": FILES}, "private": {"corpus": "mine"}}


def test_a_file_from_the_future_is_named_before_it_is_read(tmp_path, snakemake):
    target, overlay = small(tmp_path / "run")
    os.utime(tmp_path / "run/data/march/chat.csv", (4_000_000_000, 4_000_000_000))
    said = snakemake(tmp_path / "run", target, overlay=overlay, fails=True)
    assert "data/latest/chat.csv: its time, 2096-10-02 " in said.stdout + said.stderr
    assert not (tmp_path / "run/results-tiny/logs").exists()


def test_data_that_changes_while_it_is_read_is_read_again(tmp_path, snakemake, begin):
    target, overlay = small(tmp_path / "run")
    process = begin(tmp_path / "run", target, overlay=overlay)
    log = tmp_path / "run/results-tiny/logs/read_corpus/mine.log"
    while not log.exists() and process.poll() is None:
        pass
    replaced(tmp_path / "run/data/march/chat.csv")
    assert process.wait() == 0
    said = snakemake(tmp_path / "run", target, overlay=overlay, options=["-n"])
    assert "read_corpus" in said.stdout
    snakemake(tmp_path / "run", target, overlay=overlay)
    said = snakemake(tmp_path / "run", target, overlay=overlay, options=["-n"])
    assert "Nothing to be done" in said.stdout + said.stderr


def test_a_damaged_record_makes_its_file_again(done):
    name = base64.urlsafe_b64encode(b"<results>/corpora/mine.parquet").decode()
    record = done / "results-tiny/.records/metadata" / name
    whole = record.read_text()
    for damaged in (whole[:100], whole.replace('"rule"', '"role"').replace('"params": [', '"params": [[', 1), "\x00"):
        record.write_text(damaged)
        assert "read_corpus" in rules(runs(done))
    record.write_text(whole)
    assert runs(done).runs == frozenset()


def test_one_run_at_a_time_writes_to_results(tmp_path, snakemake, begin):
    """From whatever folder it runs, and also after the first was killed."""
    target, overlay = small(tmp_path / "run")
    process = begin(tmp_path / "run", target, overlay=overlay)
    locks = tmp_path / "run/results-tiny/.records/locks"
    while not list(locks.glob("*.output.lock")) and process.poll() is None:
        pass
    process.kill()
    process.wait()
    shutil.copytree(tmp_path / "run/data", tmp_path / "other/data", symlinks=True)
    (tmp_path / "link").symlink_to("run/results-tiny")
    overlay |= {"output": str(tmp_path / "link")}
    target = str(tmp_path / "link/corpora/mine.parquet")
    refused = snakemake(tmp_path / "other", target, overlay=overlay, fails=True)
    said = f"Directory cannot be locked: another run is writing to {tmp_path / 'link'}; wait for it"
    assert said in refused.stdout + refused.stderr
    snakemake(tmp_path / "other", target, overlay=overlay, options=["--unlock"])
    snakemake(tmp_path / "other", target, overlay=overlay)
