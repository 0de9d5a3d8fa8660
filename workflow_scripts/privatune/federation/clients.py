"""Clients of a round: each fine-tunes, encodes its update and makes a record.

A round in one process and one that is spread over jobs both call this, so that they give the same bits.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from privatune.compression.codec import encode
from privatune.core.streams import stream_key
from privatune.federation.client import fine_tune
from privatune.federation.cohorts import cohort as draw_cohort
from privatune.federation.cohorts import refuse_too_many
from privatune.federation.settings import PooledCohortSettings, ScenarioSettings
from privatune.models.arrays import Model
from privatune.models.settings import NumericsSettings
from privatune.text.streams import Stream

Record = dict[str, Any]  # one row of the table `clients`


def persons_of_devices(persons: int, cohort: PooledCohortSettings, key: tuple[int, int]) -> list[list[int]]:
    """Return the persons of each device of a round, in the order in which the devices' updates are summed.

    Args:
        persons: number of persons, who are numbered from 0.
        cohort: how many devices a round has, and how many persons each device.
        key: (seed of the replicate, number of the round counted from 1).
    """
    each, (seed, number) = cohort.persons_per_device, key
    refuse_too_many(persons, cohort.size * each, "federation.cohort.size" + " * persons_per_device" * (each > 1))
    drawn = draw_cohort(persons, cohort.size * each, number, seed)
    return [drawn[first : first + each] for first in range(0, len(drawn), each)]


def run_clients(
    model: Model,
    private: Stream,
    general: Stream,
    scenario: ScenarioSettings,
    numerics: NumericsSettings,
    key: tuple[int, int],
    places: Sequence[int],
    cohort_size: int | None = None,
) -> Iterator[tuple[bytes, Record]]:
    """Yield the payload and the record of some clients of a cohort, one after the other.

    Args:
        model: the round's model as the server sends it.
        private: text of the training persons, one unit per person.
        general: general training text.
        scenario: settings of the clients, the cohort, the codec and the server.
        numerics: the accelerator, precision and threads that training uses.
        key: (seed of the replicate, number of the round counted from 1).
        places: positions in the cohort of the clients to run.
        cohort_size: number of clients whose payloads the server will combine, if it is not the size of the cohort.
    """
    seed, round_number = key
    devices = persons_of_devices(len(private.units), scenario.cohort, key)
    for persons in (devices[place] for place in places):
        user = np.concatenate([private.unit(person) for person in persons])
        visit = fine_tune(model.arrays, user, general.ids, scenario.client, numerics, (*key, persons[0]))
        # the codec's state is not kept, since in averaging a person takes part once
        codec_key = stream_key(seed, "codec", round_number, persons[0])
        payload, _ = encode(visit.update, {}, scenario.codec, codec_key, cohort_size or scenario.cohort.size)
        record = {
            "seed": seed,
            "round": round_number,
            "client": "+".join(private.units[person] for person in persons),
            "user_tokens": visit.user_tokens,
            "rehearsal_tokens": visit.rehearsal_tokens,
            "steps": visit.steps,
            "bits_up": 8 * len(payload),
            "bits_down": 8 * (model.length + visit.text_bytes),
        }
        yield payload, record
