from collections.abc import Callable
from types import ModuleType

import pandas as pd
import pytest

from privatune.report.verdicts import UNDECIDED, Tables, verdict

# columns that tell what a row is about
ABOUT = (
    "seed round steps pair n_users n_copies carried noise_multiplier clip clients_per_round user_share "
    "bits_up bits_down"
).split()


def one(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the first replicate."""
    key = _replicate(frame)
    return frame[frame[key] == frame[key].min()] if key else frame.head(1)


def null(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows without what was measured."""
    measures = [name for name in frame if name == "verdict" or name in frame.select_dtypes(["number", "bool"])]
    measures = [name for name in measures if name not in ABOUT]
    return frame.assign(**dict.fromkeys(measures, float("nan")))


def tied(frame: pd.DataFrame) -> pd.DataFrame:
    """The first replicate three times."""
    key, first = _replicate(frame), one(frame)
    return pd.concat([first.assign(**({key: place} if key else {})) for place in range(3)], ignore_index=True)


def _replicate(frame: pd.DataFrame) -> str | None:
    return next((name for name in ("seed", "pair") if name in frame), None)


POOR = {"one": one, "none": lambda frame: frame.head(0), "null": null, "tied": tied}


@pytest.fixture
def without_evidence() -> Callable[[ModuleType, Tables], None]:
    """without_evidence(system, tables) feeds a system's claims with poor tables; from `tables` some must be decided."""

    def check(system: ModuleType, tables: Tables) -> None:
        assert _decided(system, tables, "good"), "from good tables some claim is decided"
        for name, poor in POOR.items():
            made = {table: frame if table.startswith("paper") else poor(frame) for table, frame in tables.items()}
            assert not _decided(system, made, name), name
            assert "nan" not in system.note(made).split(), name

    return check


def _decided(system: ModuleType, tables: Tables, name: str) -> dict[str, str]:
    """Claims that are measured and not undecided; counts have an interval of some width even where all are equal."""
    decided = {}
    for claim in system.claims(tables):
        ours = claim.ours(tables)
        found = verdict(claim.rule, ours, claim.paper(tables))
        if found != UNDECIDED and not claim.rule.exact and not (name == "tied" and ours.low < ours.high):
            decided[claim.text] = found
    return decided
