"""Resample persons and documents (a cluster bootstrap), to see how measures would vary with another sample of text.

Words of one person resemble each other, and so do words of one document. Resampling single words would therefore make
every measure look more certain than it is.
"""

import numpy as np

from privatune.core.streams import stream


def resamples(clusters: int, count: int, seed: int, name: str) -> np.ndarray:
    """Return how often each cluster occurs in each resample, [count, clusters]; it is the same for every model.

    A resample draws one cluster fewer than there are, with replacement. The variance of a mean over resamples is then
    an unbiased estimate of its variance over samples (Rao and Wu, 1988).

    Args:
        clusters: how many clusters the sample has; two or more.
        count: how many resamples to draw.
        seed, name: the seed and name of the sample.

    >>> resamples(5, 2, 0, "user").sum(1).tolist()
    [4.0, 4.0]
    """
    drawn = stream(seed, "evaluation resamples", name).integers(0, clusters, (count, clusters - 1))
    return np.array([np.bincount(row, minlength=clusters) for row in drawn], np.float64)


def clusters(units: np.ndarray) -> np.ndarray:
    """Return each chunk's cluster, numbered from 0: its person or document, or the chunk itself if all share one.

    >>> clusters(np.array([7, 7, 9])).tolist(), clusters(np.array([7, 7])).tolist()
    ([0, 0, 1], [0, 1])
    """
    found, numbers = np.unique(units, return_inverse=True)
    return numbers if len(found) > 1 else np.arange(len(units))
