"""What every script of the workflow does around its one library call."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from privatune.core.errors import PrivatuneError

# A thread that waits spins for half a millisecond, then sleeps: to sleep at once slows pretraining by a fifth, to
# spin on (GNU's default) starves whatever else the machine runs. Read when torch loads its OpenMP.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")


@contextmanager
def job(log: str) -> Iterator[None]:
    """Log to the file `log`; a PrivatuneError ends the process with one line on stderr and status 1."""
    logging.basicConfig(filename=log, filemode="w", level=logging.INFO, format="%(asctime)s %(message)s", force=True)
    try:
        yield
    except (PrivatuneError, ValidationError) as error:
        line = f"privatune: {' '.join(str(error).split())}"
        logging.error(line)
        print(line, file=sys.stderr)
        sys.exit(1)
