"""Settings of what the tables are made of. Apart from the tables, so that planning a workflow imports no pandas."""

from typing import Any

from pydantic import Field

from privatune.core.settings import Names, Section, known_names
from privatune.federation.settings import INITIAL


class ReportSettings(Section):
    """What is evaluated and measured for the tables."""

    rounds: list[int] = Field(
        [1, 4],
        description="Rounds whose models are kept and evaluated, besides the last one.",
    )
    keep_every: int = Field(
        10,
        ge=1,
        description="Interval, in rounds, at which models are also kept; all other models are temporary.",
    )
    cost_scenarios: Names = Field(
        [],
        description="Scenarios whose cost on a client is measured.",
    )
    cost_clients: int = Field(
        3,
        ge=1,
        description="Number of clients that run alone, one at a time, so that a device's seconds and memory can "
        "be measured.",
    )
    paper: dict[str, dict[int, str]] = Field(
        {},
        description="Rows of report/popov/paper.csv that are shown beside ours: for each scenario and round, the "
        "name of the row.",
    )

    note: str | None = Field(
        None,
        min_length=1,
        max_length=80,
        description="Sentence on every figure and on the page, such as one that says that the sizes are tiny.",
    )

    def check(self, whole: Any) -> None:
        """Raise ValueError if a scenario is not defined; see `Section.check`."""
        known_names("report.cost_scenarios", self.cost_scenarios, set(whole.scenarios))
        known_names("report.paper", list(self.paper), {INITIAL, *whole.scenarios})
