"""Settings of what the tables are made of. Apart from the tables, so that planning a workflow imports no pandas."""

from typing import Any

from pydantic import Field

from privatune.core.settings import Names, Section, known_names
from privatune.federation.settings import INITIAL


class ReportSettings(Section):
    """What is evaluated and measured for the tables."""

    rounds: list[int] = Field(
        [1, 4],
        description="Rounds whose models are kept and evaluated, beside the last one.",
    )
    keep_every: int = Field(
        10,
        ge=1,
        description="The model of every round with this divisor is kept too; all others are temporary.",
    )
    cost_scenarios: Names = Field(
        [],
        description="Scenarios whose clients' cost is measured.",
    )
    cost_clients: int = Field(
        3,
        ge=1,
        description="Clients that run alone, to measure a device's seconds and memory.",
    )
    paper: dict[str, dict[int, str]] = Field(
        {},
        description="Rows of report/popov/paper.csv that stand beside ours: scenario, round, row.",
    )

    def check(self, whole: Any) -> None:
        """As of Section: its scenarios are defined."""
        known_names("report.cost_scenarios", self.cost_scenarios, set(whole.scenarios))
        known_names("report.paper", list(self.paper), {INITIAL, *whole.scenarios})
