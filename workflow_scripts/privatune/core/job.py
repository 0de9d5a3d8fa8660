"""What every script of the workflow does around its call of the library: logging, errors and an early end."""

import errno
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from privatune.core.errors import PrivatuneError

# A waiting thread spins for some microseconds and then sleeps. If it slept at once, pretraining would be a third
# slower. If it spun for longer, two threads would have half their speed or less beside a program that keeps one of two
# cores busy. `make bench` measures both. Torch's OpenMP reads this when it loads.
SPINS = "1000"
os.environ.setdefault("GOMP_SPINCOUNT", SPINS)

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO}
_SECONDS = 0.5  # between two checks whether a job is still wanted
_PARENT = os.getppid()  # taken as early as possible, because the parent may be killed while torch loads


@contextmanager
def job(log: str) -> Iterator[None]:
    """Log to the file `log`; a PrivatuneError or a disk error ends the process with one line and status 1.

    The job also ends when the process that started it is gone or when another job takes over its log. A killed run
    leaves jobs behind, and their late output, perhaps from old settings, must not replace a newer file.
    """
    logging.raiseExceptions = False  # a full disk is reported once, below
    try:
        Path(log).unlink(missing_ok=True)  # a new file, since `_watch` recognises the job by its log file
        logging.basicConfig(
            filename=log, filemode="w", level=logging.INFO, format="%(asctime)s %(message)s", force=True
        )
        threading.Thread(target=_watch, args=(log, Path(log).stat()), daemon=True).start()
        yield
    except (PrivatuneError, ValidationError) as error:
        _stop(str(error))
    except OSError as error:
        if error.errno not in _DISK:
            raise
        _stop(f"{error.filename or log}: {os.strerror(error.errno)}; free space or choose another `output:`")


def _stop(reason: str) -> None:
    line = f"privatune: {' '.join(reason.split())}"
    logging.error(line)
    print(line, file=sys.stderr)
    sys.exit(1)


def _watch(log: str, own: os.stat_result) -> None:
    while os.getppid() == _PARENT and _same(log, own):
        time.sleep(_SECONDS)
    os._exit(1)


def _same(log: str, own: os.stat_result) -> bool:
    try:
        return os.path.samestat(Path(log).stat(), own)
    except FileNotFoundError:  # the user deleted it, or another job is about to create its own
        return True
