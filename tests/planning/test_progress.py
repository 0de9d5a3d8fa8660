import pytest

from privatune.planning.jobs import Job
from privatune.planning.progress import LEAST, TRUST, Progress


def jobs_of(*rules):
    """One job of each rule, in a row: each reads what the one before it wrote."""
    files = [f"{number}.csv" for number in range(len(rules) + 1)]
    return {
        number: Job(rule, inputs=(files[number],), outputs=(files[number + 1],), benchmark="b.tsv")
        for number, rule in enumerate(rules)
    }


def test_what_is_left_is_what_the_planner_expects():
    row = Progress(jobs_of("a", "a", "b"), {0: 10, 1: 20, 2: 30}, cores=4)
    assert row.left(0) == 60, "they wait for each other"
    beside = {number: Job("a", benchmark="b.tsv") for number in range(4)}
    assert Progress(beside, dict.fromkeys(beside, 10), cores=2).left(0) == 20


def test_what_is_left_falls_while_a_job_runs():
    run = Progress(jobs_of("a", "a"), {0: 10, 1: 20}, cores=2)
    run.start(0, 100)
    assert [run.left(now) for now in (100, 104)] == [30, 26]
    assert run.left(120) == pytest.approx(LEAST * 20 + 20), "it runs longer than expected"


def test_measured_times_correct_what_is_expected():
    run = Progress(jobs_of("a", "a", "b"), {0: 10, 1: 20, 2: 30}, cores=1)
    run.start(0, 0)
    run.finish(0, 20)  # twice as long as expected
    factor = (20 + TRUST * 60) / (10 + TRUST * 60)
    assert run.left(20) == pytest.approx(2 * 20 + factor * 30), "of b only what all jobs took is known"
    run.start(1, 20)
    run.finish(1, 50)
    run.start(2, 50)
    assert run.left(50) == pytest.approx(30 * (50 + TRUST * 60) / (30 + TRUST * 60)), "all jobs together"
    own = Progress(jobs_of("a", "b", "a", "b"), dict.fromkeys(range(4), 10), cores=1)
    for number, seconds in ((0, 5), (1, 40)):
        own.start(number, 0)
        own.finish(number, seconds)
    assert own.left(0) == 5 + 40, "each stage by its own jobs"


def test_a_running_job_keeps_its_core():
    """It comes before waiting jobs of a higher priority, since it already has its core."""
    jobs = {0: Job("a", benchmark="b"), 1: Job("b", priority=5, outputs=("x",), benchmark="b")}
    jobs[2] = Job("c", inputs=("x",), benchmark="b")
    run = Progress(jobs, {0: 10, 1: 1, 2: 10}, cores=2)
    run.start(0, 0)
    assert run.left(0) == 11
    assert Progress(jobs, {0: 10, 1: 1, 2: 10}, cores=1).left(0) == 21


def test_stages_begin_and_end():
    jobs = jobs_of("table_a", "table_b", "fit") | {9: Job("main", inputs=("3.csv",))}
    run = Progress(jobs, {}, cores=1)
    assert (run.total, run.done, run.left(0), list(run.begun(0))) == (3, 0, None, [])
    run.start(0, 1)
    (stage,) = run.begun(3)
    assert stage == ("table", 2, 0, [jobs[0]], 2)
    assert run.finish(0, 4) is None
    run.start(1, 4)
    stage = run.finish(1, 9)
    assert stage.name == "table" and stage.jobs == 2 and stage.seconds == 8
    assert list(run.begun(9)) == [] and run.done == 2
    run.start(9, 9)
    assert run.finish(9, 9) is None, "it only collects files"


def test_a_job_that_fails_runs_no_more_and_may_start_again():
    run = Progress(jobs_of("a"), {0: 10}, cores=1)
    run.start(0, 0)
    run.stop(0)
    assert list(run.begun(5)) == [] and run.left(5) == 10
    run.start(0, 5)
    assert run.finish(0, 15).seconds == 10
    assert run.left(15) is None


def test_jobs_that_nobody_announced_do_no_harm():
    run = Progress(jobs_of("a"), {0: 10}, cores=1)
    run.start(7, 0)
    assert run.finish(7, 1) is None and list(run.begun(1)) == []
    assert run.finish(0, 1).done == 1, "a job whose start was not seen"
