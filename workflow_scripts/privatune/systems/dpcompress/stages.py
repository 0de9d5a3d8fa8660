"""Describe the work of the jobs that compress encoders and export them."""

from privatune.export.stages import classifier_export
from privatune.stages.work import BILLION, MEGA, TOKENS, TORCH, TRAINED, Known, Names, Stage, Work
from privatune.systems.dpcompress.plans import phases
from privatune.systems.dpcompress.settings import NONE, DpCompressSettings

ACCOUNTED = 40  # billions of operations that take as long as finding the noise of all phases
STEP = 0.1  # billions of operations that take as long as what every step does besides products
BLOCK = 0.08  # of an encoder's weights, about the share of a block


def stages(known: Known, d: DpCompressSettings) -> dict[str, Stage]:
    """Return the stages by rule."""
    weights, width = known.encoders[d.encoder].sizes
    trained = (d.train.blocks or 12) * BLOCK * weights
    step = STEP + TRAINED * d.train.batch * TOKENS * trained / BILLION
    sentences = known.labelled[known.sentences[d.set].source] / TOKENS

    def compress(names: Names) -> Work:
        plan = phases(d.methods[names["compressed"]], d.train)
        steps = sum(phase.steps for phase in plan if not phase.head_only)
        runs = len(d.seeds) + (len(d.train.factors) if len(d.train.factors) > 1 else 0)
        accounted = 0 if names["level"] == NONE else ACCOUNTED * len(plan)
        held = (4 * 1.5 * weights + 40 * trained + 4 * TOKENS * sentences * width) / MEGA + 1000
        return Work(accounted + runs * steps * step, held, TORCH, kept=4 * trained * len(d.seeds))

    def export_classifier(_: Names) -> Work:
        return classifier_export(known, d.encoder, d.set, d.export.sentences * d.export.repeats)

    return {
        "compress": Stage(compress, accelerated=True, kin="evaluate"),
        "export_classifier": Stage(export_classifier),
    }
