"""What another sample of text would have told: measures on resampled persons and documents, a cluster bootstrap.

The words of one person are alike, and so are those of one document; resampled one by one they would make every measure
look surer than it is.
"""

import numpy as np

from privatune.core.streams import stream


def resamples(clusters: int, count: int, seed: int, name: str) -> np.ndarray:
    """How often each cluster is in each resample, [count, clusters]; the same for every model.

    A resample draws one cluster less than there are, with replacement: the spread of a mean over resamples is then that
    over samples, neither too small nor too large (Rao and Wu, 1988).

    Args:
        clusters: of the sample, two or more.
        count: of resamples.
        seed, name: of the sample.

    >>> resamples(5, 2, 0, "user").sum(1).tolist()
    [4.0, 4.0]
    """
    drawn = stream(seed, "evaluation resamples", name).integers(0, clusters, (count, clusters - 1))
    return np.array([np.bincount(row, minlength=clusters) for row in drawn], np.float64)


def clusters(units: np.ndarray) -> np.ndarray:
    """The cluster of each chunk, numbered from 0: its person or document, or where all have one, the chunk itself.

    >>> clusters(np.array([7, 7, 9])).tolist(), clusters(np.array([7, 7])).tolist()
    ([0, 0, 1], [0, 1])
    """
    found, numbers = np.unique(units, return_inverse=True)
    return numbers if len(found) > 1 else np.arange(len(units))
