import math

import numpy as np
import pandas as pd
import pytest

from privatune.attacks.exposure import exposure
from privatune.core.streams import stream
from privatune.systems.dpfedavg.extraction import CHANCE, beyond_chance, extracted


def rows(seeds=(0, 1), visits=3, found=True, beyond=5.0):
    frame = pd.DataFrame({"seed": seeds})
    return frame.assign(visits=visits, beam_found=found, beyond=beyond)


def test_exposure_of_what_was_never_seen():
    """A canary that a model never saw has any rank: 1.44 bits on average, and as large a standard deviation."""
    ranks = stream(0, "ranks").integers(0, 20_000, 50_000)
    bits = np.array([math.log2(20_000) - math.log2(rank + 1) for rank in ranks])
    assert bits[0] == exposure(int(ranks[0]), 20_000, 1e9).exposure
    assert (bits.mean(), bits.std()) == pytest.approx((CHANCE, CHANCE), rel=0.02)


@pytest.mark.parametrize("measure", [extracted, beyond_chance])
def test_what_no_round_saw_does_not_count(measure):
    seen = rows(range(4))
    seen.loc[0, "beyond"] = 6.0
    unseen = rows(range(4), visits=0, found=False, beyond=0.0)
    assert measure(pd.concat([seen, unseen]))[:5] == measure(seen)[:5]
    assert measure(unseen).n == 0 and math.isnan(measure(unseen).middle)


@pytest.mark.parametrize("measure", [extracted, beyond_chance])
def test_one_seed_has_no_interval_however_many_canaries_it_has(measure):
    made = measure(rows([0] * 9))
    assert made.n == 9 and math.isnan(made.low) and math.isnan(made.high) and not math.isnan(made.middle)
    assert not math.isnan(measure(rows([0, 1])).low)
