"""Jobs of a running Snakemake, to be killed when they are at work."""

import time
from contextlib import suppress

import psutil
import pytest


def jobs(process, rule=""):
    """The scripts of a rule that a Snakemake runs now."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
        return [child for child in children if any(f".{rule}" in part for part in child.cmdline()[1:2])]
    except psutil.Error:
        return []


def runs(process):
    """Whether a process is there and not merely waiting for its end to be noted."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def halted(process, rule, begun):
    """A job of `rule`, halted as soon as `begun` tells that it is at work; it goes in steps, so that none is missed."""
    while process.poll() is None:
        if found := jobs(process, f"{rule}.py"):
            with suppress(psutil.NoSuchProcess):
                while runs(found[0]):
                    found[0].suspend()
                    if begun():
                        return found[0]
                    found[0].resume()
                    time.sleep(0.003)
        time.sleep(0.01)
    pytest.fail(f"no job of {rule} was seen at work before the run ended with {process.poll()}")
