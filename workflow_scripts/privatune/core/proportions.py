"""Shares that are counted: the exact interval of Clopper and Pearson (1934)."""

from scipy.special import betaincinv


def share_interval(found: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Where the share lies of which `found` of `n` independent trials are a sample; without a trial, anywhere.

    Raises:
        ValueError: more or fewer were found than can be.

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
