"""The rows of the table `accounting`."""

from privatune.privacy.settings import ScaleSettings
from privatune.systems.dpfedavg.accounting import by_population


def test_rows_by_population():
    s = ScaleSettings(populations=[2_000], cohort={"size": 50, "rounds": 10}, noise_multiplier=8.0, clip=1.0)
    rows = by_population(s)
    assert len(rows) == 7
    pairs = {(row["source"], row["sampling"], row["accountant"]) for row in rows}
    assert {("as_paper", "fixed", "rdp_plain"), ("ours", "fixed", "rdp"), ("ours", "poisson", "pld")} <= pairs
