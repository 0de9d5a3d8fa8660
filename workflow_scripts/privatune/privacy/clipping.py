"""What persons send, bounded: each update is clipped as a whole, and clipped updates are summed exactly.

Ramaswamy et al. (2020). Sums are whole multiples of a unit, so that neither the order of the persons nor how a round is
cut into jobs changes a bit.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from privatune.core.errors import PrivatuneError
from privatune.core.tensors import Arrays
from privatune.core.vectors import Shapes, shapes_of

BITS = 62  # of an int64, for the magnitude of a sum


class Clipped(NamedTuple):
    """A person's update whose L2 norm is at most the clip, in float64, and whether it is as it was."""

    update: Arrays
    within: bool


class ClippedSum(NamedTuple):
    """Sum of some persons' clipped updates; without noise, so that it must not leave the server.

    Attributes:
        sum: int64 by name, in multiples of `unit`.
        unit: a power of two.
        persons: how many updates were taken, the refused among them.
        within: sum over those not refused of 1/2 where the update was within the clip, -1/2 where it was not.
        refused: updates that were not finite; they count as zero.
    """

    sum: Arrays
    unit: float
    persons: int
    within: float
    refused: int


def clip_update(update: Arrays, clip: float) -> Clipped:
    """Flat clipping: Delta * min(1, S / ||Delta||), the norm taken over all tensors as one vector.

    The norm of what comes back is at most S in exact arithmetic, not only up to rounding. With n values and
    u = 2^-53, the norm is computed from n squares, each rounded three times, by n - 1 additions of numbers that are
    not negative, in any order, a root and a product: it is off by less than (n + 8) u of itself (what underflows
    beside the largest value, whose square counts 1, is less still). A value that is scaled is rounded twice, its
    factor twice. Both together are less than (n + 16) u; so the update is clipped to S less twice that share of it,
    for 658,000 values a part in 7 * 10^9. It holds for every clip that `unit_of` lets pass.

    Args:
        update: tensors by name, new weights minus old.
        clip: S, the L2 norm that no update exceeds. So a person whose text is zeroed out moves the clipped sum by S at
            most, and one whose text is replaced by 2 S.

    Raises:
        PrivatuneError: a value is not finite, so that no norm bounds it.
    """
    wide = {name: tensor.astype(np.float64) for name, tensor in update.items()}
    if not all(np.isfinite(tensor).all() for tensor in wide.values()):
        raise PrivatuneError("an update holds a value that is not finite; no clip bounds it, so it is refused")
    largest = max((float(np.abs(tensor).max(initial=0.0)) for tensor in wide.values()), default=0.0)
    if largest == 0:
        return Clipped(wide, within=True)
    # over the largest value, as squares of the smallest and of the largest doubles are no doubles; in the order of
    # names, so that equal updates are clipped alike to the bit
    norm = largest * math.sqrt(sum(float(np.square(wide[name] / largest).sum()) for name in sorted(wide)))
    most = clip * (1 - (sum(tensor.size for tensor in wide.values()) + 16) * 2.0**-52)
    if norm <= most:
        return Clipped(wide, within=True)
    return Clipped({name: tensor * (most / norm) for name, tensor in wide.items()}, within=False)


def unit_of(clip: float, clips: float) -> float:
    """The finest power of two of which numbers of up to so many clips are multiples in int64.

    >>> unit_of(1.0, 1024) == 2.0**-52
    True

    Raises:
        PrivatuneError: the clip is no bound, or so small or large that sums would leave the range of a float64.
    """
    if not 2.0**-500 < clip < 2.0**500:
        raise PrivatuneError(
            f"privacy.clip: it came to {clip}, which bounds nothing; take another, or lower `privacy.adaptive.rate`"
        )
    return 2.0 ** (math.ceil(math.log2(clip)) + math.ceil(math.log2(clips)) - BITS)


def clipped_sum(updates: Iterable[Arrays], like: Shapes, clip: float, unit: float) -> ClippedSum:
    """Clip and sum updates, one a person.

    A value becomes a whole multiple of the unit by cutting off towards zero, so that no update gets longer: in whole
    numbers, too, its L2 norm is at most clip / unit. An update that is not finite counts
    as zero: an error in its place would tell that this person took part, and with what. How many there were is a
    private figure too.

    Args:
        updates: clipped here, so whatever came before (a codec, a client that does as it likes) cannot raise the
            sensitivity.
        like: shapes of the model's tensors.
        clip: S of this round.
        unit: of the sum, a power of two; so coarse that the sum of all who could be drawn fits, see `unit_of`.

    Raises:
        PrivatuneError: a tensor of another shape, which would be broadcast.
    """
    total = {name: np.zeros(like[name], np.int64) for name in sorted(like)}
    persons, within, refused = 0, 0.0, 0
    for update in updates:
        persons += 1
        if shapes_of(update) != dict(like):
            raise PrivatuneError(
                f"update {persons} of the round: its tensors are not the model's; refused before summing"
            )
        try:
            clipped = clip_update(update, clip)
        except PrivatuneError:
            refused += 1
            continue
        within += 0.5 if clipped.within else -0.5
        for name, change in clipped.update.items():
            total[name] += (change / unit).astype(np.int64)
    return ClippedSum(total, unit, persons, within, refused)


def joined_sum(sums: Iterable[ClippedSum]) -> ClippedSum:
    """The sum of parts of a cohort, one at least; exact, so in any order.

    Raises:
        PrivatuneError: the parts were not clipped alike, or are not of one model.
    """
    first, *others = sums
    for other in others:
        if other.unit != first.unit or shapes_of(other.sum) != shapes_of(first.sum):
            raise PrivatuneError("the parts of a round differ in model or clip; run its jobs again")
        first = ClippedSum(
            {name: tensor + other.sum[name] for name, tensor in first.sum.items()},
            first.unit,
            first.persons + other.persons,
            first.within + other.within,
            first.refused + other.refused,
        )
    return first
