"""The peak of the memory that a process holds, from a moment on that the process chooses.

On a CPU this is resident memory, as Linux counts it. glibc keeps freed blocks for later, which would make a peak depend
on what ran before it: `returned_at_once` prevents this, so that a peak is what was in use at once.
"""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
# glibc's malloc.h: larger blocks are mapped, and returned when they are freed; and how much free memory may stay
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
_MAPPED = 1 << 16
# where glibc's own rule ends, which raises its thresholds whenever a mapped block is freed
_LARGEST = 1 << 25


def restart(device: torch.device) -> int | None:
    """Free what can be freed, start a new peak, and return the bytes that are held now; None if this cannot be done."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    if trim := _libc("malloc_trim"):
        trim(0)
    try:
        CLEAR.write_text("5")  # proc(5): the peak becomes what is resident now
        return _resident("VmRSS")
    except OSError:  # another system than Linux, or a container that hides the file
        return None


def highest(device: torch.device) -> int:
    """Return the most bytes that have been held since `restart`, where that could be done."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else _resident("VmHWM")


@contextmanager
def returned_at_once() -> Iterator[None]:
    """Within the block, freed memory goes back to the system at once; this takes time, so it must not be measured."""
    option = _libc("mallopt")
    if option:
        option(_MMAP_THRESHOLD, _MAPPED)
        option(_TRIM_THRESHOLD, _MAPPED)
    try:
        yield
    finally:
        if option:
            option(_MMAP_THRESHOLD, _LARGEST)
            option(_TRIM_THRESHOLD, 2 * _LARGEST)


def _libc(name: str) -> Any:
    """A function of the C library, or None where it has no such function (only glibc has these)."""
    return getattr(ctypes.CDLL(None), name, None)


def _resident(key: str) -> int:
    """A number of bytes from the status of this process; Linux states it in units of 1024."""
    return 1024 * int(STATUS.read_text().split(f"{key}:")[1].split()[0])
