"""Rounds of a scenario that run one after the other in one process."""

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
    """Yield each round's number, its model and its clients' records; the bits are those of rounds in separate jobs.

    Args:
        model: the model that the first of `rounds` starts from.
        private: text of the training persons, one unit per person.
        general: general training text.
        scenario: settings of the clients, the cohort, the codec and the server.
        numerics: the accelerator, precision and threads that training uses.
        seed: seed of the replicate.
        rounds: consecutive numbers of rounds, which are counted from 1.
    """
    everyone = range(scenario.cohort.size)
    for number in rounds:
        visits = run_clients(model, private, general, scenario, numerics, (seed, number), everyone)
        payloads, records = zip(*visits, strict=True)
        model = aggregate(model, payloads, scenario, numerics, (seed, number), general.ids)
        yield number, model, list(records)
