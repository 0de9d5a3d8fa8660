"""Describe the work of the jobs that train sentence classifiers and measure their costs."""

from privatune.models.classifier_settings import HeadScope
from privatune.stages.work import BILLION, FORWARD, MEGA, TOKENS, TORCH, TRAINED, Known, Names, Stage, Work
from privatune.systems.dpzero.settings import NONE, DpZeroSettings, MethodSettings, ZerothSettings

ACCOUNTED = 20  # billions of operations that take as long as finding the noise for an epsilon
STEP = 0.02  # billions of operations that take as long as what every step does besides products
WEIGHTS = {"head": 3_000, "lora": 600_000, "biases": 500_000, "blocks": 1_800_000, "all": 11_000_000}


def stages(known: Known, d: DpZeroSettings) -> dict[str, Stage]:
    """Return the stages by rule."""

    def run(method: MethodSettings, sentences: float) -> float:
        """Return the billions of operations of one training; a sentence is a vector or some tokens."""
        batch = sentences if method.batch is None else method.batch
        read = batch * (1 if isinstance(method.scope, HeadScope) else TOKENS) * _weights(method)
        passes = 2 * FORWARD * method.step.directions if isinstance(method.step, ZerothSettings) else TRAINED
        return method.steps * (STEP + passes * read / BILLION)

    def train_classifiers(names: Names) -> Work:
        method = d.methods[names["classifier"]]
        sentences = known.labelled[known.sentences[names["set"]].source] / TOKENS
        trainings = len(d.tuning.factors) * len(d.tuning.clips) + len(method.seeds or d.seeds)
        accounted = 0 if names["level"] == NONE else ACCOUNTED
        held = 60 * _weights(method) / MEGA + 2e-3 * sentences + 200
        kept = 1e4 + 4 * _weights(method)
        return Work(accounted + trainings * run(method, sentences), held, TORCH, kept=kept)

    def measure_step(names: Names) -> Work:
        c = d.costs
        passes = (c.repeats + 1) * 2 * c.directions * FORWARD
        tokens = c.batch * c.tokens
        return Work(passes * tokens * WEIGHTS["all"] / BILLION, 1000 + 0.5 * tokens, TORCH)

    def error_by_dimension(names: Names) -> Work:
        s = d.dimension
        columns = 2 * (s.replicates + s.tuning_replicates * len(s.clips))
        values = s.examples * sum(s.dimensions)
        held = 8 * s.examples * (max(s.dimensions) + columns) / MEGA
        return Work(2 * FORWARD * values * s.steps * columns / BILLION, held, TORCH)

    return {
        "train_classifiers": Stage(train_classifiers, accelerated=True, kin="evaluate"),
        "error_by_dimension": Stage(error_by_dimension, kin="evaluate"),
        "measure_step": Stage(measure_step, accelerated=True, kin="evaluate"),
    }


def _weights(method: MethodSettings) -> float:
    """Return about how many weights a training multiplies each row by."""
    return WEIGHTS[method.scope.name] * (getattr(method.scope, "count", None) or 1)
