"""Show a run to the user: one line per finished stage, in a terminal also bars of what runs, and at last any error."""

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from privatune.planning.jobs import Job
from privatune.planning.noise import noise
from privatune.planning.progress import Progress
from privatune.planning.shown import duration

ROWS = 8  # stages that are shown at a time
FAILURES = 3  # reasons of failed jobs that are shown
# events that this screen shows in its own way
OWN = {"job_info", "job_started", "job_finished", "progress", "shellcmd", "group_info", "job_error", "group_error"}


class Screen(logging.Handler):
    """Shows the progress of a run from the messages that Snakemake logs; it never writes to them.

    Args:
        progress: the run, of which nothing has started.
        console: where to show it; bars are shown if it is a terminal.
        remote: whether jobs run elsewhere, so that what Snakemake says of their submission is shown too.
    """

    def __init__(self, progress: Progress, console: Console, remote: bool = False) -> None:
        super().__init__()
        self.name = "Screen"
        self.progress, self.console, self.remote = progress, console, remote
        self.state = threading.Lock()  # of `progress`; nothing is printed while it is held
        self.failed: dict[int, tuple[str, list[str]]] = {}  # by job: its description, and its log files
        self.begun = time.monotonic()
        self.left: float | None = None  # seconds, as they were last computed
        self.next = 0.0  # when they are computed again
        self.live: Live | None = None
        self.printing = False  # a job of the run prints to this screen
        if progress.total:
            self.console.print(self._ahead(), highlight=False)
        if console.is_terminal and not console.is_dumb_terminal:
            self.live = Live(get_renderable=self.render, console=console, refresh_per_second=2, transient=True)
            self.live.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of an event, or show a message."""
        try:
            for line in list(self._lines(record)):
                self.console.print(line, highlight=False, markup=False, soft_wrap=True)
        except Exception:  # a screen that fails must not end a run
            self.handleError(record)

    def _lines(self, record: logging.LogRecord) -> Iterator[str]:
        event, now = str(getattr(record, "event", None) or ""), time.monotonic()
        about: Any = record
        with self.state:
            if event == "job_info":
                self.progress.start(about.jobid, now)
                if about.log and not about.output:
                    self.printing = True
            elif event == "job_finished":
                self.failed.pop(about.job_id, None)
                if stage := self.progress.finish(about.job_id, now):
                    took = f"{stage.name}: {stage.jobs:,} job{'s' * (stage.jobs > 1)} in {duration(stage.seconds)}"
                    yield f"{took}; {self._total(now)}"
            elif event == "job_error":
                self._fail(about.jobid, about.rule_name, about.log)
            elif event == "group_error":
                for job in about.job_error_info:
                    self._fail(job["jobid"], job["rule_name"], [*job["log"], *about.aux_logs])
            elif event not in OWN and not noise(record) and self._is_news(record):
                yield record.getMessage()
        if self.printing:
            self.hide()

    def _is_news(self, record: logging.LogRecord) -> bool:
        if getattr(record, "exception", "") == "RuleException":  # of a job that failed, which is told at the end
            return False
        return record.levelno >= logging.WARNING or self.remote

    def _fail(self, number: int, rule: str, logs: list[str]) -> None:
        self.progress.stop(number)
        job = self.progress.jobs.get(number)
        names = described(job) if job else ""
        self.failed[number] = (f"{rule} ({names})" if names else rule, list(logs))

    def _ahead(self) -> str:
        """How much there is to do, and how long the planner expects that to take."""
        jobs, cores = self.progress.total, self.progress.cores
        on = f"with up to {cores:,} at a time" if self.remote else f"on {cores:,} core{'s' * (cores > 1)}"
        left = self.progress.left(self.begun)
        return f"{jobs:,} job{'s' * (jobs > 1)} to do" + (f", in about {duration(left)} {on}" if left else "")

    def _total(self, now: float) -> str:
        """How much is done, and the time left, which takes at most a twentieth of the time of this process."""
        if now >= self.next:
            self.left = self.progress.left(now)
            self.next = now + max(1.0, 20 * (time.monotonic() - now))
        whole = f"{self.progress.done:,} of {self.progress.total:,} jobs are done"
        if not self.left or self.progress.done == self.progress.total:
            return whole
        return f"{whole}, about {duration(self.left)} left"

    def render(self) -> Group:
        """Return a bar for each stage that has begun, with what runs, and a bar for the whole run."""
        now = time.monotonic()
        with self.state:
            stages, whole = list(self.progress.begun(now)), self._total(now)
            done, total = self.progress.done, self.progress.total
        grid = Table.grid(padding=(0, 1), expand=True)
        grid.add_column(no_wrap=True, min_width=max((len(stage.name) for stage in stages[:ROWS]), default=0))
        grid.add_column(min_width=20)
        grid.add_column(no_wrap=True, justify="right", min_width=2 * len(f"{total:,}") + 1)
        grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        for stage in stages[:ROWS]:
            names = [name for name in map(described, stage.running) if name]
            runs = "".join(names[:1]) + f", and {len(names) - 1} more" * (len(names) > 1)
            bar = ProgressBar(total=stage.jobs, completed=stage.done, width=20)
            grid.add_row(stage.name, bar, f"{stage.done:,}/{stage.jobs:,}", runs)
        more = [Text(f"and {len(stages) - ROWS} more stages")] if len(stages) > ROWS else []
        last = Table.grid(padding=(0, 1))
        last.add_row("all", ProgressBar(total=max(1, total), completed=done, width=20), whole)
        return Group(grid, *more, last)

    def hide(self) -> None:
        """Remove the bars from the terminal."""
        if self.live:
            self.live.stop()
            self.live = None

    def close(self) -> None:
        """Remove the bars when Snakemake ends in any way."""
        self.hide()
        super().close()

    def succeed(self) -> None:
        """Say that the run is done, unless one of its jobs has just said what the user wanted to know."""
        self.hide()
        if (done := self.progress.done) and not self.printing:
            took = duration(time.monotonic() - self.begun)
            self.console.print(f"Done: {done:,} job{'s' * (done > 1)} in {took}.", highlight=False)

    def fail(self, log: str) -> None:
        """Say which jobs failed and why, where their logs are, and how to go on.

        Args:
            log: the file with all that Snakemake said; empty if there is none.
        """
        self.hide()
        for line in self.explained(log):
            self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def explained(self, log: str) -> Iterator[str]:
        """Yield the lines of `fail`."""
        alike: dict[str, list[tuple[str, list[str]]]] = {}
        for name, logs in self.failed.values():
            alike.setdefault(reason(logs), []).append((name, logs))
        for why, jobs in list(alike.items())[:FAILURES]:
            name, logs = jobs[0]
            others = len(jobs) - 1
            yield f"\n{name} failed{f', and {others} more with the same reason' if others else ''}:"
            yield f"  {why}"
            yield f"  Its log: {', '.join(logs)}"
        if (more := len(alike) - FAILURES) > 0:
            yield f"Jobs failed for {more} more reason{'s' * (more > 1)}."
        if not self.failed:
            yield "\nThe run was stopped before all its jobs were done."
        if log:
            yield f"All that Snakemake said: {log}"
        yield "Finished jobs are kept: the same command goes on from here."


def described(job: Job) -> str:
    """Return what tells a job from others of its rule.

    >>> described(Job("fine_tune", {"scenario": "averaging-plain", "round": "3"}))
    'scenario averaging-plain, round 3'
    """
    return ", ".join(f"{name} {value}" for name, value in job.wildcards.items())


def reason(logs: list[str]) -> str:
    """Return the line with which a job of this library ended, from its log files."""
    for path in logs:
        text = Path(path).read_text(errors="replace") if Path(path).is_file() else ""
        for line in reversed(text.splitlines()):
            if "privatune: " in line:
                return line.partition("privatune: ")[2]
    return "It gave no reason: it was killed, perhaps for lack of memory, or its code failed as shown above."
