"""What every script of the workflow does around its one library call."""

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

# A thread that waits spins for half a millisecond, then sleeps: to sleep at once slows pretraining by a fifth, to
# spin on (GNU's default) starves whatever else the machine runs. Read when torch loads its OpenMP.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO}
_SECONDS = 0.5  # between two looks at whether a job is still wanted
_PARENT = os.getppid()  # as early as can be: it may be killed while torch loads


@contextmanager
def job(log: str) -> Iterator[None]:
    """Log to the file `log`; a PrivatuneError, or a disk that fails, ends the process with one line and status 1.

    The job ends, too, when the process that started it is gone or when another job takes its log: a run that was
    killed leaves jobs behind, and what they write late, perhaps from other settings, must not replace a newer file.
    """
    logging.raiseExceptions = False  # a full disk is told once, below
    try:
        Path(log).unlink(missing_ok=True)  # not written over: by its log a job knows itself
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
    except FileNotFoundError:  # the user tidied up, or another job is about to make its own
        return True
