"""Rounds of a scenario, one after the other in one process."""

from collections.abc import Iterable, Iterator

from privatune.federation.aggregation import aggregate
from privatune.federation.clients import Record, run_clients
from privatune.federation.settings import ScenarioSettings
from privatune.models.arrays import Model
from privatune.models.settings import NumericsSettings
from privatune.text.streams import Stream


def run_rounds(
    model: Model,
    private: Stream,
    general: Stream,
    scenario: ScenarioSettings,
    numerics: NumericsSettings,
    seed: int,
    rounds: Iterable[int],
) -> Iterator[tuple[int, Model, list[Record]]]:
    """Each round's number, the model that it gives, and its clients' records; the same bits as in jobs of their own.

    Args:
        model: that the first of `rounds` starts from.
        private: one unit a training person.
        general: general training text.
        scenario, numerics: see there.
        seed: of the replicate.
        rounds: consecutive numbers, counted from 1.
    """
    everyone = range(scenario.cohort.size)
    for number in rounds:
        visits = run_clients(model, private, general, scenario, numerics, (seed, number), everyone)
        payloads, records = zip(*visits, strict=True)
        model = aggregate(model, payloads, scenario, numerics, (seed, number), general.ids)
        yield number, model, list(records)
