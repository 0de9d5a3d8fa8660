"""Settings of what the tables are made of. Apart from the tables, so that planning a workflow imports no pandas."""

from typing import Annotated

from pydantic import Field

from privatune.core.settings import Names, Seeds, Settings


class ReportSettings(Settings):
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


class PopovSettings(Settings):
    """What the target `popov` runs beside the main job: the tables and figure 2 of Popov et al. (2018)."""

    seeds: Seeds = Field(
        [0, 1, 2],
        min_length=1,
        description="Replicates: each draws its own devices.",
    )
    device_seeds: Seeds = Field(
        [0, 1, 2, 3, 4, 5, 6, 7],
        min_length=1,
        description="Replicates, in place of `seeds`, of scenarios with one device and one round. They need more, "
        "since no averaging evens out what devices differ in.",
    )
    scenarios: Names = Field(
        min_length=1,
        description="Scenarios that run under each of these seeds, in the order of the rows.",
    )
    rounds: list[Annotated[int, Field(ge=1)]] = Field(
        [1, 4],
        min_length=1,
        description="Rounds that are evaluated under each of these seeds; a scenario of fewer rounds ends earlier. "
        "Those that `report.rounds` lists too are shared with the main job.",
    )
