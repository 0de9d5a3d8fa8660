import io
import logging

import pytest
from rich.console import Console

from privatune.planning.jobs import Job
from privatune.planning.noise import noise
from privatune.planning.progress import Progress
from privatune.planning.screen import FAILURES, ROWS, Screen

JOBS = {
    1: Job("fine_tune", {"scenario": "plain", "round": "1"}, outputs=("a",), benchmark="a.tsv"),
    2: Job("fine_tune", {"scenario": "plain", "round": "2"}, inputs=("a",), outputs=("b",), benchmark="b.tsv"),
    3: Job("evaluate", inputs=("b",), outputs=("c",), benchmark="c.tsv"),
    0: Job("main", inputs=("c",)),
}


def record(event=None, message="", level=logging.INFO, **about):
    return logging.makeLogRecord({"event": event, "msg": message, "levelno": level} | about)


def start(number):
    return record("job_info", jobid=number, log=["x.log"], output=["x"], input=["code.py"] * 300)


def done(number):
    return record("job_finished", job_id=number)


def failed(number, logs):
    return record("job_error", "Error in rule", logging.ERROR, jobid=number, rule_name="fine_tune", log=logs)


@pytest.fixture
def shown():
    """A function that shows some records, and gives the screen and all that it wrote."""

    def show(*records, jobs=JOBS, terminal=False, **options):
        file = io.StringIO()
        console = Console(file=file, width=100, force_terminal=terminal, force_interactive=terminal)
        progress = Progress(jobs, dict.fromkeys(jobs, 60.0), cores=1)
        screens.append(Screen(progress, console, **options))
        for each in records:
            screens[-1].handle(each)
        return screens[-1], file.getvalue

    screens = []
    yield show
    for screen in screens:
        screen.close()


def test_each_finished_stage_is_one_line(shown):
    screen, written = shown(start(1), done(1), start(2), done(2), start(3), done(3), done(0))
    screen.succeed()
    first, tune, evaluate, end = written().splitlines()
    assert first == "3 jobs to do, in about 4 min on 1 core"
    assert tune.startswith("fine_tune: 2 jobs in 0.0 s; 2 of 3 jobs are done")
    assert evaluate.startswith("evaluate: 1 job in 0.0 s; 3 of 3 jobs are done")
    assert end == "Done: 3 jobs in 0.0 s."


def test_an_error_is_explained_last(shown, tmp_path):
    log = tmp_path / "job.log"
    log.write_text("2026-01-01 began\n2026-01-01 privatune: cohort.size: lower it\n")
    screen, written = shown(start(1), failed(1, [str(log)]))
    screen.handle(record("error", "RuleException:\nCalledProcessError ...", logging.ERROR, exception="RuleException"))
    screen.handle(record(None, "Exiting because a job execution failed. Look below", logging.ERROR))
    screen.fail(".snakemake/log/x.log")
    screen.handle(record(None, "Complete log(s): x"))
    screen.handle(record("error", "WorkflowError:\nAt least one job did not complete successfully.", logging.ERROR))
    assert written().splitlines()[1:] == [
        "",
        "fine_tune (scenario plain, round 1) failed:",
        "  cohort.size: lower it",
        f"  Its log: {log}",
        "All that Snakemake said: .snakemake/log/x.log",
        "Finished jobs are kept: the same command goes on from here.",
    ]


def test_a_job_that_says_nothing_is_explained_too(shown):
    screen, _ = shown(start(1), failed(1, ["nowhere.log"]))
    assert any("killed, perhaps for lack of memory" in line for line in screen.explained(""))


def test_a_job_that_a_retry_mends_is_no_failure(shown):
    screen, written = shown(start(1), failed(1, []), start(1), done(1))
    assert screen.failed == {} and "failed" not in written()


def test_equal_reasons_are_given_once_and_other_ones_counted(shown, tmp_path):
    logs = [tmp_path / f"{number}.log" for number in range(FAILURES + 3)]
    for number, log in enumerate(logs):
        log.write_text(f"now privatune: reason {max(1, number)}\n")
    screen, _ = shown(*(failed(10 + number, [str(log)]) for number, log in enumerate(logs)))
    lines = list(screen.explained(""))
    assert [line for line in lines if line.startswith("  reason")] == ["  reason 1", "  reason 2", "  reason 3"]
    assert "\nfine_tune failed, and 1 more with the same reason:" in lines and "\nfine_tune failed:" in lines
    assert "Jobs failed for 2 more reasons." in lines


def test_jobs_of_a_group_fail_by_name(shown):
    info = [{"jobid": 2, "rule_name": "fine_tune", "log": ["a.log"]}]
    screen, _ = shown(record("group_error", level=logging.ERROR, job_error_info=info, aux_logs=["slurm.log"]))
    assert "  Its log: a.log, slurm.log" in list(screen.explained(""))


def test_a_stopped_run_says_how_to_go_on(shown):
    screen, written = shown(start(1), record(None, "Terminating processes on user request, ..."))
    screen.fail("")
    assert written().splitlines()[-2:] == [
        "The run was stopped before all its jobs were done.",
        "Finished jobs are kept: the same command goes on from here.",
    ]


def test_only_news_is_shown(shown):
    news = record("error", "MissingOutputException: nothing was written", logging.ERROR, exception="Missing")
    submitted = record(None, "Job 4 has been submitted with SLURM jobid 9")
    said = [record(None, "Select jobs to execute..."), record("shellcmd", "python"), record("progress", "1 of 3")]
    _, written = shown(*said, submitted, news)
    assert written().splitlines()[1:] == ["MissingOutputException: nothing was written"]
    _, written = shown(*said, submitted, remote=True)
    assert written().startswith("3 jobs to do, in about 4 min with up to 1 at a time")
    assert written().splitlines()[1:] == ["Job 4 has been submitted with SLURM jobid 9"]
    assert noise(record("run_info", "Job stats:")) and noise(record("workflow_started", None))
    assert not noise(record(None, "Nothing to be done")) and not noise(record("job_info", " Rule: fine_tune"))


def test_a_terminal_has_a_bar_for_each_stage_that_runs(shown):
    screen, written = shown(start(1), done(1), start(2), terminal=True)
    console = Console(width=100)
    with console.capture() as capture:
        console.print(screen.render())
    stage, whole = capture.get().splitlines()
    assert stage.split()[0] == "fine_tune" and "1/2" in stage and "scenario plain, round 2" in stage
    assert whole.startswith("all") and "1 of 3 jobs are done" in whole and "left" in whole
    assert "3 jobs to do, in about 4 min on 1 core" in written(), "it stays above the bars"
    assert screen.live
    screen.handle(record("job_info", jobid=0, log=["plan.log"], output=[], input=[]))
    assert screen.live is None, "a job that prints has the terminal to itself"
    screen.succeed()
    assert "Done" not in written(), "what it printed stays last"


def test_many_stages_fit_on_the_terminal(shown):
    jobs = {number: Job(f"rule{number}", benchmark="b.tsv") for number in range(20)}
    screen, _ = shown(*map(start, jobs), jobs=jobs)
    console = Console(width=100)
    with console.capture() as capture:
        console.print(screen.render())
    lines = capture.get().splitlines()
    assert len(lines) == ROWS + 2 and lines[-2] == f"and {20 - ROWS} more stages"


def test_a_fault_of_the_screen_ends_no_run(shown, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    screen, _ = shown()
    screen.handle(record("job_info"))  # without any of its values
