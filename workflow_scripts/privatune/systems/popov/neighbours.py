"""Compute the model that a round would have given with one other person in the cohort and all else equal."""

import numpy as np

from privatune.compression.codec import decode
from privatune.core.vectors import shapes_of
from privatune.federation.clients import run_clients
from privatune.federation.cohorts import refuse_too_many
from privatune.federation.settings import ScenarioSettings
from privatune.models.arrays import Model
from privatune.models.settings import NumericsSettings
from privatune.text.streams import Stream


def neighbour(
    model: Model,
    trained: Model,
    private: Stream,
    general: Stream,
    scenario: ScenarioSettings,
    numerics: NumericsSettings,
    seed: int,
) -> Model:
    """Return the neighbour of a scenario's first round: the next person in line replaces the cohort's first member.

    Cohorts have a fixed, public size, so adjacent cohorts differ in one member. The other clients read and draw the
    same, so their updates are the same. Since averaging is linear, it is enough to train two clients: the neighbour is
    the trained model plus (the newcomer's update - the replaced person's update) / K. This equals the mean over the
    other cohort, except that the trained weights were rounded to float32.

    Args:
        model: the model that the round started from.
        trained: the model that the round gave.
        private: private text, one unit per training person; there must be more persons than the cohort has.
        general: general training text.
        scenario: the scenario, whose server averages.
        numerics: how to compute.
        seed: the seed of the replicate.

    Raises:
        PrivatuneError: the cohort includes everyone, or the codec does not reveal single updates.
    """
    size = scenario.cohort.size
    refuse_too_many(len(private.units), size + 1, "cohort.size of `tail.scenario`, plus one")
    # the first cohort of size + 1 is the first of size and the next person in line
    cohort = scenario.cohort.model_copy(update={"size": size + 1})
    wider = scenario.model_copy(update={"cohort": cohort})
    visits = run_clients(model, private, general, wider, numerics, (seed, 1), [0, size], size)
    replaced, newcomer = decode((payload for payload, _ in visits), shapes_of(trained.arrays), scenario.codec)
    changed = {
        name: (weight + (np.float64(newcomer[name]) - replaced[name]) / size).astype(np.float32)
        for name, weight in trained.arrays.items()
    }
    return trained.with_values(changed)
