"""Settings of the target `popov`. Apart from the code, so that planning a workflow imports nothing heavy."""

from typing import Annotated, Any

from pydantic import Field

from privatune.core.settings import Names, Section, Seeds, known_names
from privatune.federation.settings import INITIAL


class PopovSettings(Section):
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

    def check(self, whole: Any) -> None:
        """As of Section: its scenarios are defined."""
        known_names("popov.scenarios", self.scenarios, {INITIAL, *whole.scenarios})
