"""The exact confidence interval of Clopper and Pearson (1934) for a proportion."""

from scipy.special import betaincinv


def share_interval(found: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval (low, high) for the probability of success, given `found` successes in `n` independent trials.

    Without a trial it is (0, 1).

    Raises:
        ValueError: `found` is not from 0 to `n`.

    >>> [round(limit, 4) for limit in share_interval(5, 100)]
    [0.0164, 0.1128]
    >>> share_interval(0, 0)
    (0.0, 1.0)
    """
    if not 0 <= found <= n:
        raise ValueError(f"{found=} of {n=}")
    tail = (1 - confidence) / 2
    low = float(betaincinv(found, n - found + 1, tail)) if found else 0.0
    high = float(betaincinv(found + 1, n - found, 1 - tail)) if found < n else 1.0
    return low, high
