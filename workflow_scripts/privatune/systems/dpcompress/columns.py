"""Columns that only the tables of this system show."""

from privatune.report.columns import Column, decimals, digits

WHOLE, ONE, TWO = (decimals(places) for places in range(3))


def _percent(share: float) -> str:
    return f"{100 * share:.3g}"


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.1f}"


def milliseconds(seconds: float) -> str:
    """Format seconds as thousandths."""
    return f"{1000 * seconds:.3g}"


OWN = {
    # what is made, and how
    "kind": Column("kind"),
    "blocks": Column("blocks kept"),
    "trained_blocks": Column("trained blocks", WHOLE),
    "sparsity": Column("zeros in trained matrices, %", _percent),
    "mask": Column("mask"),
    "start": Column("trained blocks start"),
    "target": Column("target epsilon", digits(3)),
    "phases": Column("trainings", WHOLE),
    # what a phase costs
    "phase": Column("training"),
    "number": Column("number", WHOLE),
    "budget_share": Column("share of the budget, %", _percent),
    "epsilon_sum": Column("plain sum, for comparison", digits(3)),
    # how good it is
    "behind": Column("minus the full model, points", ONE),
    "behind_low": Column("minus the full model: low", ONE),
    "behind_high": Column("minus the full model: high", ONE),
    "accuracy_torch": Column("accuracy, %: PyTorch", ONE),
    "accuracy_onnx": Column("accuracy, %: ONNX", ONE),
    "accuracy_int8": Column("accuracy, %: int8", ONE),
    "logit_difference": Column("largest difference of a logit", digits(2)),
    # how large and how fast it is
    "nonzero": Column("weights that are not zero", WHOLE),
    "bytes_safetensors": Column("float32, MB", _megabytes),
    "bytes_sparse": Column("stored sparse, MB", _megabytes),
    "bytes_onnx": Column("ONNX, MB", _megabytes),
    "bytes_int8": Column("int8, MB", _megabytes),
    "seconds_torch": Column("PyTorch: ms per sentence", milliseconds),
    "seconds_onnx": Column("ONNX: ms per sentence", milliseconds),
    "seconds_int8": Column("int8: ms per sentence", milliseconds),
}
