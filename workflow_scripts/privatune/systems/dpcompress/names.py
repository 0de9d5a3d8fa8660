"""Name the methods as the paper does, from what a record says of them, and find those that are compared."""

from collections.abc import Mapping
from typing import Any

import pandas as pd


def count(blocks: str) -> int:
    """Return how many blocks a list of block numbers has.

    >>> count("0 2 5")
    3
    """
    return len(blocks.split())


def shown_name(record: Mapping[str, Any], whole: int) -> str:
    """Return the name under which readers know a method.

    Args:
        record: has kind, blocks, start, mask, sparsity and target; a null target means that there is no noise.
        whole: number of blocks of the encoder.

    >>> about = {"kind": "fine-tune", "blocks": "0 2 5", "start": "pretrained", "mask": "none", "sparsity": 0.0}
    >>> shown_name(about | {"target": 4.25}, 6), shown_name(about | {"target": None}, 3)
    ('DP 3 of 6 blocks', 'full model')
    """
    private, kind = not pd.isna(record["target"]), record["kind"]
    share = f"{100 * record['sparsity']:.3g} %"
    names = {
        "probe": ("DP linear probe", "linear probe"),
        "distil": ("DPKD", "KD"),
        "distil-public": ("DP teacher, public distillation", "public distillation"),
        "drop": ("structured DPIMP", "structured IMP"),
        "prune": (f"unstructured DPIMP, {share}", f"unstructured IMP, {share}"),
    }
    if kind != "fine-tune":
        return names[kind][not private]
    kept = count(record["blocks"])
    masked = record["mask"] != "none"
    name = [f"{kept} of {whole} blocks" if kept < whole else "all blocks" if masked else "full model"]
    name += [f"{record['mask']} mask, {share}"] if masked else []
    name += ["random weights"] if record["start"] == "random" else []
    return ("DP " if private else "") + ", ".join(name)


def first(rows: pd.DataFrame, **about: Any) -> pd.DataFrame:
    """Return the rows of the first method that has these values in these columns; none if there is none."""
    for column, value in about.items():
        rows = rows[rows[column] == value]
    return rows[rows["method"].isin(rows["method"].head(1))]


def full_model(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the first method that fine-tunes all blocks, with all of their weights, from published ones.

    Args:
        rows: from the table `dpcompress_models` or `dpcompress`.
    """
    return first(rows, kind="fine-tune", kept=1.0, mask="none", start="pretrained")
