"""Compose the events of dp-accounting into one epsilon, by Renyi DP or by privacy loss distributions."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from dp_accounting import DpEvent, NeighboringRelation
from dp_accounting.pld import PLDAccountant
from dp_accounting.privacy_accountant import PrivacyAccountant
from dp_accounting.rdp import RdpAccountant

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

    The adjacency is that of the sampling, unless another is given; errors are those of `epsilon`.
    """
    compared = adjacency or ADJACENCIES[sampling]
    if accountant == "pld":
        return _by_losses(tuple(events), sampling, delta, compared)
    same_orders = sampling == "fixed"  # whatever the conversion
    accounted = _by_renyi(tuple(events), sampling, "rdp" if same_orders else accountant, compared)
    if accountant == "rdp_plain":
        pairs = zip(accounted.orders, accounted.rdp, strict=True)
        return float(min(rdp + math.log(1 / delta) / (order - 1) for order, rdp in pairs))
    return float(accounted.get_epsilon(delta))


# Both are remembered: a guarantee, its ledger and its table ask for the same epsilons, each up to a second of work.
@lru_cache(maxsize=256)
def _by_losses(events: tuple[DpEvent, ...], sampling: Sampling, delta: float, adjacency: Adjacency) -> float:
    # how wide the grid is follows from a first look, under the adjacency that Renyi DP supports
    interval = min(max(PLD_INTERVAL, PLD_SHARE * composed(events, sampling, "rdp", delta)), PLD_WIDEST)
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
    return RdpAccountant(None if between else ORDERS, RELATIONS[adjacency])
