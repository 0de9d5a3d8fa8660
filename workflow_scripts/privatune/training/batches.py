"""Text as windows: the text is cut into rows of equal length, which are read side by side."""

from collections.abc import Iterator

import numpy as np
import torch

Rows = list[np.ndarray]  # word ids [length] of each row, which are views of the text
Window = tuple[torch.Tensor, torch.Tensor]  # word ids to read and to predict, int64 [time, batch] each


def rows(ids: np.ndarray, batch: int, bptt: int) -> Rows:
    """Cut word ids [n] into at most `batch` rows of consecutive text, in which every word but the first is a target.

    Text that does not fill a window of `bptt` words in each row has fewer rows. The last word of a row is the first of
    the next row; fewer than one word per row is a target twice, so that all rows have the same length.

    >>> rows(np.arange(7), 2, 3)
    [array([0, 1, 2, 3]), array([3, 4, 5, 6])]
    >>> rows(np.arange(6), 2, 2), rows(np.arange(4), 2, 3)
    ([array([0, 1, 2, 3]), array([2, 3, 4, 5])], [array([0, 1, 2, 3])])
    """
    count = min(batch, max(1, (len(ids) - 1) // bptt))
    length = 1 - (1 - len(ids)) // count
    return [
        ids[start : start + length] for start in (i * (len(ids) - length) // max(1, count - 1) for i in range(count))
    ]


def window_count(length: int, bptt: int) -> int:
    """Return the number of windows in rows of `length` words.

    >>> window_count(8, 3), window_count(7, 3), window_count(1, 3)
    (3, 2, 0)
    """
    return max(0, -(-(length - 1) // bptt))


def window(text: Rows, index: int, bptt: int) -> Window:
    """Return the window with number `index` of rows; the last one may be shorter than `bptt`."""
    start = index * bptt
    block = np.stack([row[start : start + bptt + 1] for row in text], axis=1).astype(np.int64)
    return torch.from_numpy(block[:-1]), torch.from_numpy(block[1:])


def windows(text: Rows, bptt: int) -> Iterator[Window]:
    """Yield all windows of rows in reading order."""
    for index in range(window_count(len(text[0]), bptt)):
        yield window(text, index, bptt)


def dropout_masks(
    share: float, layers: int, shape: tuple[int, int, int], rng: np.random.Generator, like: torch.Tensor
) -> torch.Tensor | None:
    """Draw masks [layers + 1, *shape] of 0 and 1 / (1 - share), on the accelerator and in the precision of `like`."""
    if share == 0:
        return None
    kept = rng.random((layers + 1, *shape), dtype=np.float32) >= share
    return torch.from_numpy(kept).to(like.device, like.dtype).div_(1.0 - share)
