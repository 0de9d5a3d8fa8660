"""Fine-tune and evaluate many single devices, and keep only their measures, so that replicates are cheap."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch

from privatune.evaluation.keystrokes import PrefixIndex
from privatune.evaluation.measure import evaluate_with_later
from privatune.evaluation.settings import EvaluationSettings
from privatune.federation.clients import Record
from privatune.federation.rounds import run_rounds
from privatune.federation.settings import ScenarioSettings
from privatune.models.arrays import Model
from privatune.models.checkpoint import use
from privatune.models.settings import NumericsSettings
from privatune.text.streams import Stream


def replicates(
    model: Model,
    private: Stream,
    general: Stream,
    samples: tuple[Stream, Stream, Stream],
    index: PrefixIndex,
    scenario: ScenarioSettings,
    numerics: NumericsSettings,
    settings: EvaluationSettings,
    seed: int,
    seeds: Iterable[int],
) -> Iterator[tuple[dict[str, Any], list[Record]]]:
    """Yield the measures and records of the first round of a scenario for each of several seeds.

    They equal those of separate jobs that train, keep and evaluate each model.

    Args:
        model: the model that every device receives.
        private: private text, one unit per training person.
        general: general training text.
        samples: general test text, held-out persons' text, and the training persons' later text.
        index: the prefix index of the vocabulary.
        scenario, numerics, settings: the scenario, how to compute, and the settings of evaluation.
        seed: the seed of the samples.
        seeds: the seeds of the replicates.
    """
    for replicate in seeds:
        ((_, trained, records),) = run_rounds(model, private, general, scenario, numerics, replicate, [1])
        use(NumericsSettings())  # evaluation: one thread, float32
        weights = {name: torch.from_numpy(array) for name, array in trained.arrays.items()}
        measures = evaluate_with_later(weights, *samples, index, settings, seed)
        yield {"seed": replicate, "round": 1, **measures}, records
