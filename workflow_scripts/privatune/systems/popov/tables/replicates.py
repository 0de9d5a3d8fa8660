"""The table `replicates`: the rows of `comparison` for every model, and more replicates of some."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from privatune.report.frames import Table
from privatune.systems.popov.tables import comparison


def table(
    evaluations: Sequence[str | Path],
    clients: Sequence[str | Path],
    paper: str | Path,
    scenarios: Sequence[Mapping[str, Any]],
) -> Table:
    """As `comparison.table`, with more rows, and with the measures on resampled text."""
    return replace(
        comparison.table(evaluations, clients, paper, scenarios, resampled=True), title="Every replicate of the models"
    )
