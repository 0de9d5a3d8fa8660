"""Summarize canaries: the share that an attack extracts, and by how much their exposure exceeds chance.

A canary whose carriers took part in no round is left out, because no model can know it. The functions take rows of the
table `canaries`.
"""

import math

import pandas as pd

from privatune.report.intervals import Interval, interval, share

# The average exposure, in bits, of a canary that a model never saw. Its rank is uniform, so -log2(rank / references) is
# exponential, and its standard deviation equals its mean.
CHANCE = math.log2(math.e)
CANARIES = "canaries"  # the source of error of a mean over canaries
FEWEST_SEEDS = 2  # all canaries of one model share its training, so they are a single replicate


def drawn(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the canaries that had a carrier in at least one round."""
    return rows[rows["visits"] > 0]


def extracted(rows: pd.DataFrame) -> Interval:
    """Return the percentage of drawn canaries that the beam search found; n counts canaries of all seeds."""
    rows = drawn(rows[rows["beam_found"].notna()])
    return _of_enough_seeds(rows, share(int(rows["beam_found"].sum()), len(rows)))


def beyond_chance(rows: pd.DataFrame) -> Interval:
    """Return by how many bits, on average, drawn canaries are more exposed than in a model that never saw them."""
    rows = drawn(rows[rows["beyond"].notna()])
    made = interval(rows["beyond"])
    return _of_enough_seeds(rows, made._replace(sources=CANARIES) if made.sources else made)


def _of_enough_seeds(rows: pd.DataFrame, made: Interval) -> Interval:
    enough = rows["seed"].nunique() >= FEWEST_SEEDS
    return made if enough else made._replace(low=math.nan, high=math.nan, at=None)
