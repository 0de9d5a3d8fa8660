"""Describe the work of the jobs that export models."""

from privatune.evaluation.settings import SampleSettings
from privatune.export.settings import ExportsSettings
from privatune.stages.work import LIBRARIES, TORCH, Known, Lm, Names, Stage, Work, evaluation

TIMED = 3  # runtimes: torch, and onnxruntime with either precision
COPIED = 500.0  # megabytes of a classifier, in both precisions, and of what is read from it
ALONE = 4  # times the operations of a product that a word takes which is read for itself


def stages(known: Known, e: ExportsSettings, dp: Lm, dp_samples: SampleSettings) -> dict[str, Stage]:
    """Return the stages by rule.

    Args:
        known: what all stages depend on.
        e: the section of the configuration.
        dp, dp_samples: the language model of training under differential privacy, and its samples of text.
    """

    def export_model(names: Names) -> Work:
        main = e.models[names["exported"]].variant is None
        lm, samples = (known.main, known.evaluation) if main else (dp, dp_samples)
        measured = evaluation(lm, samples, known.texts)
        timed = lm.reading(ALONE * TIMED * e.words * (e.repeats + 1))
        return Work(
            (2 + ALONE) * measured.operations + timed,
            measured.held + 12 * lm.memory + 200,
            TORCH,
            kept=1.3 * lm.bytes,
        )

    return {
        "export_model": Stage(export_model, kin="evaluate"),
        "gather_classifier": Stage(lambda _: Work(held=COPIED, libraries=LIBRARIES), kin="table"),
    }
