"""Name the methods as papers do, from what a record says of them, and round epsilons to their targets."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

MEZO, DPZERO, DPGD = "MeZO", "DPZero", "DPGD-0th"
PROBE = "DP linear probe"
PLACES = {"head": "", "blocks": ", last block", "all": ", whole model"}


def shown_name(record: Mapping[str, Any]) -> str:
    """Return the name under which readers know a method.

    Args:
        record: has scope, head, step, optimiser, directions, noised, batch, n and epsilon; null means that a method has
            none.

    >>> about = {"scope": "head", "head": "linear", "step": "zeroth", "optimiser": None, "noised": "scalar"}
    >>> shown_name(about | {"directions": 16, "epsilon": 2.0}), shown_name(about | {"directions": 1, "epsilon": None})
    ('DP-AggZO, K = 16', 'MeZO')
    """
    private, scope = not pd.isna(record["epsilon"]), record["scope"]
    if record["step"] == "zeroth":
        name = _by_forwards(int(record["directions"]), record["noised"] == "vector", private)
        name += {"lora": ", LoRA", "biases": ", biases"}.get(scope) or PLACES[scope]
    elif scope == "lora":
        name = "DP-LoRA" if private else "LoRA"
    elif scope == "biases":
        name = "DP-BiTFiT" if private else "BitFit"
    else:
        name = _by_gradients(record, private)
    return name + (", prompt head" if record["head"] == "prompt" else "")


def _by_forwards(directions: int, vector: bool, private: bool) -> str:
    if directions == 1:
        return (DPGD if vector else DPZERO) if private else MEZO
    return f"{'DP-' if private else ''}AggZO, K = {directions}{', noise on the vector' if vector and private else ''}"


def _by_gradients(record: Mapping[str, Any], private: bool) -> str:
    full, linear = record["batch"] >= record["n"], record["head"] == "linear"
    if record["scope"] == "head" and record["optimiser"] == "sgd" and full and linear:
        return PROBE if private else "linear probe"
    optimiser = {"sgd": "GD" if full else "SGD", "adamw": "AdamW"}[record["optimiser"]]
    place = ", head" if record["scope"] == "head" and linear else PLACES[record["scope"]]
    return f"{'DP-' if private else ''}{optimiser}{place}"


def level(epsilon: float) -> float:
    """Return the target that an epsilon was calibrated to, which it falls short of by very little; null stays null.

    >>> level(1.9996), level(0.5)
    (2.0, 0.5)
    """
    return math.nan if pd.isna(epsilon) else float(f"{epsilon:.2g}")
