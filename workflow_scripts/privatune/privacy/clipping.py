"""Bound what each person sends: clip each update as a whole, and sum the clipped updates exactly.

This follows Ramaswamy et al. (2020). Sums are whole multiples of a unit, so the result is the same to the bit whatever
the order of the persons and however a round is divided into jobs.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from privatune.core.errors import PrivatuneError
from privatune.core.tensors import Arrays
from privatune.core.vectors import Shapes, shapes_of

BITS = 62  # how many bits of an int64 hold the magnitude of a sum


class Clipped(NamedTuple):
    """A person's update in float64, with an L2 norm of at most the clip, and whether it was within the clip before."""

    update: Arrays
    within: bool


class ClippedSum(NamedTuple):
    """The sum of some persons' clipped updates. It has no noise yet, so it must not leave the server.

    Attributes:
        sum: int64 tensors by name, in multiples of `unit`.
        unit: a power of two.
        persons: how many updates arrived, including those refused.
        within: the sum, over the updates not refused, of 1/2 for an update within the clip and -1/2 for any other.
        refused: how many updates were not finite; they count as zero.
    """

    sum: Arrays
    unit: float
    persons: int
    within: float
    refused: int


def clip_update(update: Arrays, clip: float) -> Clipped:
    """Apply flat clipping: Delta * min(1, S / ||Delta||), where the norm is taken over all tensors as one vector.

    The norm of the result is at most S in exact arithmetic, not only up to rounding. Let there be n values, and let
    u = 2^-53. The norm is computed from n squares, each rounded three times, by n - 1 additions of non-negative
    numbers in any order, a root and a product, so its relative error is less than (n + 8) u. (The largest value counts
    1 in this sum; what underflows beside it is smaller still.) Scaling rounds each value twice and its factor twice.
    Both errors together are less than (n + 16) u, so the update is clipped to S (1 - 2 (n + 16) u); for 658,000 values
    this lowers the clip by one part in 7 * 10^9. The argument holds for every clip that `unit_of` accepts.

    Args:
        update: tensors by name, new weights minus old.
        clip: S, the L2 norm that no update exceeds. Zeroing out a person's text therefore moves the clipped sum by at
            most S, and replacing it by at most 2 S.

    Raises:
        PrivatuneError: a value is not finite, so the norm has no bound.
    """
    wide = {name: tensor.astype(np.float64) for name, tensor in update.items()}
    if not all(np.isfinite(tensor).all() for tensor in wide.values()):
        raise PrivatuneError(
            "an update holds NaN or infinity and cannot be clipped: its training has diverged; lower its learning_rate"
        )
    largest = max((float(np.abs(tensor).max(initial=0.0)) for tensor in wide.values()), default=0.0)
    if largest == 0:
        return Clipped(wide, within=True)
    # Dividing by the largest value keeps the squares within the range of float64. Tensors are taken in the order of
    # their names, so that equal updates are clipped to the same bits.
    norm = largest * math.sqrt(sum(float(np.square(wide[name] / largest).sum()) for name in sorted(wide)))
    most = clip * (1 - (sum(tensor.size for tensor in wide.values()) + 16) * 2.0**-52)
    if norm <= most:
        return Clipped(wide, within=True)
    return Clipped({name: tensor * (most / norm) for name, tensor in wide.items()}, within=False)


def unit_of(clip: float, clips: float) -> float:
    """Return the finest power of two in which an int64 can count numbers of up to `clips` times the clip.

    >>> unit_of(1.0, 1024) == 2.0**-52
    True

    Raises:
        PrivatuneError: the clip is not a bound, or it is so small or large that sums would leave the range of float64.
    """
    if not 2.0**-500 < clip < 2.0**500:
        raise PrivatuneError(
            f"privacy.clip: the clip became {clip}, which is too small or too large to compute with; set another, or "
            "lower `privacy.adaptive.rate`"
        )
    return 2.0 ** (math.ceil(math.log2(clip)) + math.ceil(math.log2(clips)) - BITS)


def clipped_sum(updates: Iterable[Arrays], like: Shapes, clip: float, unit: float) -> ClippedSum:
    """Clip and sum updates, one per person.

    Each value is rounded towards zero to a whole multiple of the unit, so no update gets longer: counted in units, its
    L2 norm is at most clip / unit. An update that is not finite counts as zero, because an error would reveal that this
    person took part, and with what. The number of such updates is private too.

    Args:
        updates: the updates before clipping. They are clipped here, so that nothing that happened before (a codec, a
            client that does not follow the protocol) can raise the sensitivity.
        like: the shapes of the model's tensors.
        clip: S in this round.
        unit: the unit of the sum, a power of two. It must be so coarse that the sum over all who could be drawn fits
            into an int64; `unit_of` gives such a unit.

    Raises:
        PrivatuneError: a tensor has another shape, and would be broadcast.
    """
    total = {name: np.zeros(like[name], np.int64) for name in sorted(like)}
    persons, within, refused = 0, 0.0, 0
    for update in updates:
        persons += 1
        if shapes_of(update) != dict(like):
            raise PrivatuneError(
                f"update {persons} of the round: its tensors are not shaped as the model's are; run its job again"
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
    """Return the sum of the parts of a cohort, of which there is at least one; it is exact in any order.

    Raises:
        PrivatuneError: the parts differ in their clip or their model.
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
