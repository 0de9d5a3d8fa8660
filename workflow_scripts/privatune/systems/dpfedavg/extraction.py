"""What canaries say together: the share of them that an attack extracts, and how far their exposure exceeds chance.

A canary whose carriers were in no round is left out: no model can know it. The functions take rows of the table
`canaries`.
"""

import math

import pandas as pd

from privatune.core.proportions import share_interval
from privatune.report.intervals import Interval, interval

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
    n, found = len(rows), int(rows["beam_found"].sum())
    if rows["seed"].nunique() < FEWEST_SEEDS:
        return Interval(100 * found / n if n else math.nan, math.nan, math.nan, n)
    low, high = share_interval(found, n)
    return Interval(100 * found / n, 100 * low, 100 * high, n)


def beyond_chance(rows: pd.DataFrame) -> Interval:
    """Bits by which drawn canaries are more exposed than the same ones in a model that never saw them, on average."""
    rows = drawn(rows[rows["beyond"].notna()])
    made = interval(rows["beyond"])
    enough = rows["seed"].nunique() >= FEWEST_SEEDS
    return made if enough else made._replace(low=math.nan, high=math.nan)
