"""A job as Snakemake starts it: a process of its own."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest

JOB = """
import sys, time
from privatune.core.job import job
with job(sys.argv[1]):
    print("started", flush=True)
    {work}
"""
WAITS = "time.sleep(60)"


@pytest.fixture
def start(tmp_path):
    """A function that starts a job; its log is log, its standard error error."""
    started = []

    def start(work, parent=()):
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        command = [*parent, sys.executable, "-c", JOB.format(work=work), str(tmp_path / "log")]
        with (tmp_path / "error").open("w") as error:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=error, text=True, env=environment)
        started.append(process)
        assert process.stdout.readline() == "started\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_fails_is_one_line(start, tmp_path, number):
    process = start(f"raise OSError({number}, 'some words of a library')")
    assert process.wait(10) == 1
    said = f"privatune: {tmp_path}/log: {os.strerror(number)}; free space or choose another `output:`\n"
    assert (tmp_path / "error").read_text() == said


def test_a_full_log_is_no_reason_to_say_more(start, tmp_path):
    full = "logging.getLogger().handlers[0].setStream(open('/dev/full', 'w'))"
    process = start(f"import logging; {full}; logging.info('lost')")
    assert process.wait(10) == 0
    assert (tmp_path / "error").read_text() == ""


@pytest.mark.slow  # it takes two seconds until a process sees that it is alone
def test_a_job_ends_when_what_started_it_is_killed(start):
    # `; :` keeps the shell, which would else become the job
    shell = start(WAITS, ["bash", "-c", '"$@"; :', "bash"])
    (child,) = map(int, subprocess.check_output(["pgrep", "-P", str(shell.pid)], text=True).split())
    shell.send_signal(signal.SIGKILL)
    assert shell.wait(5) == -signal.SIGKILL
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("it still runs")


@pytest.mark.slow
def test_a_job_ends_when_another_takes_its_place(start, tmp_path):
    first = start(WAITS)
    second = start("time.sleep(1.5)")  # three checks whether it is still wanted
    assert first.wait(10) == 1
    assert second.wait(10) == 0
    assert (tmp_path / "error").read_text() == ""
