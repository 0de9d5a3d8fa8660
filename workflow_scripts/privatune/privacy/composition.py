"""Compose the events of dp-accounting into one epsilon, by Renyi DP or by privacy loss distributions."""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal

from dp_accounting import DpEvent, NeighboringRelation
from dp_accounting.pld import PLDAccountant
from dp_accounting.privacy_accountant import PrivacyAccountant
from dp_accounting.rdp import RdpAccountant, compute_epsilon

from privatune.core.errors import PrivatuneError
from privatune.privacy.mechanism import ADJACENCIES, Adjacency, Sampling

# rdp: Renyi DP, converted as Canonne, Kamath and Steinke (2020, proposition 12) do; rdp_plain: as Mironov (2017) does
Accountant = Literal["rdp", "rdp_plain", "pld"]

# These are the paper's orders, and whole numbers, as theorem 27 of Wang et al. needs. Poisson sampling gains much from
# fractional orders and, with little noise, even from orders below 2. It therefore uses dp-accounting's own list, except
# for orders whose series does not converge; the log names them.
ORDERS = (*range(2, 64), 128, 256)
# The spacing of the grid of privacy losses; every value gives an upper bound. With 1e-4 a result is within 1e-4 of its
# limit and takes half a second. A large epsilon gets a proportionally wider spacing, so that its grid fits into memory;
# its relative error is 1e-5. The search for a multiplier uses 1e-3 or 1e-4 of the target, an error of a thousandth.
PLD_INTERVAL, PLD_SHARE, PLD_WIDEST, PLD_SEARCH_INTERVAL = 1e-4, 1e-5, 100.0, 1e-3
PLD_POINTS = 10_000_000  # the largest grid: a second, and about half a gigabyte
RELATIONS: dict[Adjacency, NeighboringRelation] = {
    "zero out one": NeighboringRelation.REPLACE_SPECIAL,
    "replace one": NeighboringRelation.REPLACE_ONE,
}


def composed(
    events: Sequence[DpEvent],
    sampling: Sampling,
    accountant: Accountant,
    delta: float,
    adjacency: Adjacency | None = None,
) -> float:
    """Return the epsilon of events on the same persons, whose cohorts are all drawn in the same way.

    The adjacency is that of the sampling, unless another is given. It is never infinite: errors are those of `epsilon`.
    """
    compared = adjacency or ADJACENCIES[sampling]
    found = _composed(events, sampling, accountant, delta, compared)
    if not math.isfinite(found):
        renyi = accountant == "pld" and compared == ADJACENCIES[sampling]
        raise PrivatuneError(
            f"privacy.delta: {accountant} gives no finite epsilon at a delta of {delta:g}; "
            f"{'take rdp, or ' if renyi else ''}raise the delta or the noise multiplier"
        )
    return found


def _composed(
    events: Sequence[DpEvent], sampling: Sampling, accountant: Accountant, delta: float, compared: Adjacency
) -> float:
    if accountant == "pld":
        return _by_losses(tuple(events), sampling, delta, compared)
    same_orders = sampling == "fixed"  # whatever the conversion
    accounted = _by_renyi(tuple(events), sampling, "rdp" if same_orders else accountant, compared)
    if accountant == "rdp_plain":
        pairs = usable(accounted.orders, accounted.rdp)
        return float(min((rdp + math.log(1 / delta) / (order - 1) for order, rdp in pairs), default=math.inf))
    return float(accounted.get_epsilon(delta))


def usable(orders: Iterable[float], rdp: Iterable[float]) -> list[tuple[float, float]]:
    """Return the orders whose divergence could be computed, each with its divergence.

    Below the rounding of doubles a divergence comes out as zero or less, and beyond their range as infinite or NaN.

    >>> usable([2, 3, 4, 5], [0.5, -1e-16, math.nan, math.inf])
    [(2, 0.5)]
    """
    return [(order, value) for order, value in zip(orders, rdp, strict=True) if 0 < value < math.inf]


def renyi_epsilon(orders: Iterable[float], rdp: Iterable[float], delta: float) -> float:
    """Return the least epsilon at `delta` that a usable order gives; it is infinite if there is no such order."""
    pairs = usable(orders, rdp)
    return float(compute_epsilon(*zip(*pairs, strict=True), delta)[0]) if pairs else math.inf


class _Renyi(RdpAccountant):  # type: ignore[misc]
    """The accountant of dp-accounting, which alone takes a divergence that is negative or NaN for an epsilon of 0."""

    def get_epsilon(self, target_delta: float) -> float:
        return renyi_epsilon(self.orders, self.rdp, target_delta)


# Both are remembered: a guarantee, its ledger and its table ask for the same epsilons, each up to a second of work.
@lru_cache(maxsize=256)
def _by_losses(events: tuple[DpEvent, ...], sampling: Sampling, delta: float, adjacency: Adjacency) -> float:
    # how wide the grid is follows from a first look, under the adjacency that Renyi DP supports
    expected = composed(events, sampling, "rdp", delta)
    interval = min(max(PLD_INTERVAL, PLD_SHARE * expected), PLD_WIDEST)
    if expected > interval * PLD_POINTS:
        instead = "take rdp, or " if adjacency == ADJACENCIES[sampling] else ""
        raise PrivatuneError(
            f"privacy.accountant: pld needs too much memory for an epsilon of about {expected:.2g}; {instead}raise "
            "the noise multiplier"
        )
    accounted = dp_accountant(sampling, "pld", interval, adjacency)
    for event in events:
        accounted.compose(event)
    return float(accounted.get_epsilon(delta))


@lru_cache(maxsize=256)
def _by_renyi(
    events: tuple[DpEvent, ...], sampling: Sampling, accountant: Accountant, adjacency: Adjacency
) -> RdpAccountant:
    accounted = dp_accountant(sampling, accountant, PLD_INTERVAL, adjacency)
    for event in events:
        accounted.compose(event)
    return accounted


def dp_accountant(
    sampling: Sampling, accountant: Accountant, interval: float, adjacency: Adjacency
) -> PrivacyAccountant:
    """Return an empty accountant; errors are those of `composed`."""
    if accountant == "pld":
        if sampling != "poisson":
            raise PrivatuneError(
                "privacy.accountant: pld does not support cohorts of fixed size; take rdp, or sampling: poisson"
            )
        return PLDAccountant(RELATIONS[adjacency], interval)
    if adjacency != ADJACENCIES[sampling]:
        raise PrivatuneError(
            f"privacy.accountant: {accountant} does not support {sampling} sampling under {adjacency}; take pld"
        )
    between = accountant == "rdp" and sampling == "poisson"
    return _Renyi(None if between else ORDERS, RELATIONS[adjacency])
