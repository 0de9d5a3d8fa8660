"""The model that a round would have given, had one person been another: all else is equal."""

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
    """The neighbour of a scenario's first round: the cohort's first member is replaced by the next person in line.

    Cohorts have a fixed, public size, so adjacent ones differ in who one member is. What the other clients read and
    draw is the same, hence their updates, and averaging is linear: so two clients are enough. The neighbour is the
    trained model plus (the newcomer's update - the replaced person's) / K, which is the mean over the other cohort but
    for the rounding of the trained weights to float32.

    Args:
        model: that the round started from.
        trained: the model that the round gave.
        private: one unit a training person; there must be one more than the cohort has.
        general: general training text.
        scenario: whose server averages.
        numerics: see there.
        seed: of the replicate.

    Raises:
        PrivatuneError: the cohort is everyone, or the codec tells no single updates.
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
