"""Text as windows: the text is cut into rows of equal length, which are read side by side."""

from collections.abc import Iterator

import numpy as np
import torch

Window = tuple[torch.Tensor, torch.Tensor]  # word ids to read and to predict, int64 [time, batch] each


def rows(ids: np.ndarray, batch: int) -> np.ndarray:
    """Cut word ids [n] into `batch` rows of consecutive text, [batch, n // batch]; the remainder is left out.

    >>> rows(np.arange(7), 2)
    array([[0, 1, 2],
           [3, 4, 5]])
    """
    length = len(ids) // batch
    return ids[: batch * length].reshape(batch, length)


def window_count(length: int, bptt: int) -> int:
    """Return the number of windows in rows of `length` words.

    >>> window_count(8, 3), window_count(7, 3), window_count(1, 3)
    (3, 2, 0)
    """
    return max(0, -(-(length - 1) // bptt))


def window(text: np.ndarray, index: int, bptt: int) -> Window:
    """Return the window with number `index` of rows [batch, length]; the last one may be shorter than `bptt`."""
    start = index * bptt
    stop = min(start + bptt, text.shape[1] - 1)
    return _tensor(text[:, start:stop]), _tensor(text[:, start + 1 : stop + 1])


def windows(text: np.ndarray, bptt: int) -> Iterator[Window]:
    """Yield all windows of rows [batch, length] in reading order."""
    for index in range(window_count(text.shape[1], bptt)):
        yield window(text, index, bptt)


def _tensor(block: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(block.T, dtype=np.int64))


def dropout_masks(
    share: float, layers: int, shape: tuple[int, int, int], rng: np.random.Generator, like: torch.Tensor
) -> torch.Tensor | None:
    """Draw masks [layers + 1, *shape] of 0 and 1 / (1 - share), on the accelerator and in the precision of `like`."""
    if share == 0:
        return None
    kept = rng.random((layers + 1, *shape), dtype=np.float32) >= share
    return torch.from_numpy(kept).to(like.device, like.dtype).div_(1.0 - share)
