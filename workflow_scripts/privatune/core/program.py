"""What the programs that a person starts, outside the workflow, say on the screen and how they end."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from privatune.core.errors import PrivatuneError


@contextmanager
def program(name: str) -> Iterator[None]:
    """End the process with one line: with status 1 at a PrivatuneError, and with 130 at Ctrl-C."""
    try:
        yield
    except PrivatuneError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        sys.exit(130)


def say(line: str) -> None:
    """Print a line at once, also where the output is a file or a pipe."""
    print(line, flush=True)
