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
        description="Seeds of the replicates: each draws its own devices.",
    )
    device_seeds: Seeds = Field(
        [0, 1, 2, 3, 4, 5, 6, 7],
        min_length=1,
        description="Seeds of the replicates of scenarios with one device and one round, in place of `seeds`. "
        "Such scenarios need more replicates, since no averaging evens out the differences between "
        "devices.",
    )
    scenarios: Names = Field(
        min_length=1,
        description="Scenarios that run under each of these seeds, in the order of the rows.",
    )
    rounds: list[Annotated[int, Field(ge=1)]] = Field(
        [1, 4],
        min_length=1,
        description="Rounds whose models are evaluated under each of these seeds; a scenario with fewer rounds "
        "is evaluated at its last. Rounds that `report.rounds` also lists are shared with the target "
        "`main`.",
    )

    def check(self, whole: Any) -> None:
        """Raise ValueError if a scenario is not defined; see `Section.check`."""
        known_names("popov.scenarios", self.scenarios, {INITIAL, *whole.scenarios})
