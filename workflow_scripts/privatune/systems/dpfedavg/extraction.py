"""What canaries say together: the share of them that an attack extracts, and how far their exposure exceeds chance.

A canary whose carriers were in no round is left out: no model can know it. The functions take rows of the table
`canaries`.
"""

import math

import pandas as pd

from privatune.report.intervals import Interval, interval, share

# exposure in bits, on average, of a canary that a model never saw: its rank is any, so that -log2 of rank over
# references is exponential; its standard deviation is as large
CHANCE = math.log2(math.e)
FEWEST_SEEDS = 2  # canaries of one model share its training: alone they are one replicate


def drawn(rows: pd.DataFrame) -> pd.DataFrame:
    """The canaries of which a carrier took part in a round."""
    return rows[rows["visits"] > 0]


def extracted(rows: pd.DataFrame) -> Interval:
    """Percent of the drawn canaries that the beam search found; n counts canaries of all seeds."""
    rows = drawn(rows[rows["beam_found"].notna()])
    return _of_enough_seeds(rows, share(int(rows["beam_found"].sum()), len(rows)))


def beyond_chance(rows: pd.DataFrame) -> Interval:
    """Bits by which drawn canaries are more exposed than the same ones in a model that never saw them, on average."""
    rows = drawn(rows[rows["beyond"].notna()])
    return _of_enough_seeds(rows, interval(rows["beyond"]))


def _of_enough_seeds(rows: pd.DataFrame, made: Interval) -> Interval:
    enough = rows["seed"].nunique() >= FEWEST_SEEDS
    return made if enough else made._replace(low=math.nan, high=math.nan, at=None)
