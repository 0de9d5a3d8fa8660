"""Describe the work of the jobs that export models."""

from privatune.evaluation.settings import SampleSettings
from privatune.export.settings import ExportsSettings
from privatune.stages.work import (
    BILLION,
    FORWARD,
    LIBRARIES,
    MEGA,
    TOKENS,
    TORCH,
    Known,
    Lm,
    Names,
    Stage,
    Work,
    evaluation,
)

TIMED = 3  # runtimes: torch, and onnxruntime with either precision
COPIED = 500.0  # megabytes of a classifier, in both precisions, and of what is read from it
ALONE = 4  # times the operations of a product that a word takes which is read for itself


def stages(known: Known, e: ExportsSettings, dp: Lm, dp_samples: SampleSettings, encoder: str) -> dict[str, Stage]:
    """Return the stages by rule.

    Args:
        known: what all stages depend on.
        e: the section of the configuration.
        dp, dp_samples: the language model of training under differential privacy, and its samples of text.
        encoder: the entry of `encoders:` that the classifiers of `dpzero` build on.
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

    def export_dpzero(names: Names) -> Work:
        return classifier_export(known, encoder, names["set"], e.sentences * e.repeats)

    return {
        "export_model": Stage(export_model, kin="evaluate"),
        "export_dpzero": Stage(export_dpzero, kin="export_classifier"),
        "gather_classifier": Stage(lambda _: Work(held=COPIED, libraries=LIBRARIES), kin="table"),
    }


def classifier_export(known: Known, encoder: str, name: str, timed: int) -> Work:
    """Return the work of a job that exports a classifier and measures it.

    Args:
        known: what all stages depend on.
        encoder: the entry of `encoders:` that it was made from.
        name: the entry of `sentences:` that it labels.
        timed: how many sentences each runtime labels while it is timed, repeats included.
    """
    weights, _ = known.encoders[encoder].sizes
    sentences = known.labelled[known.sentences[name].source] / TOKENS
    read = TIMED * (timed + sentences) * TOKENS
    return Work(read * FORWARD * weights / BILLION, 5 * 4 * weights / MEGA + 500, TORCH, kept=9 * weights)
