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


def at(rows: pd.DataFrame) -> str:
    """Return the deltas of these rows in words, for an epsilon means nothing without its delta.

    >>> at(pd.DataFrame({"delta": [1e-5, 2e-5]})), at(pd.DataFrame({"delta": [None]}))
    ('delta 1e-05 to 2e-05', '')
    """
    deltas = sorted(set(rows["delta"].dropna()))
    if not deltas:
        return ""
    return f"delta {deltas[0]:.2g}" + (f" to {deltas[-1]:.2g}" if f"{deltas[0]:.2g}" != f"{deltas[-1]:.2g}" else "")


def labels(rows: pd.DataFrame) -> dict[str, str]:
    """Return a label for each method: the name of its private rows if it has any, with its steps if two are alike."""
    private_first = rows.sort_values("epsilon", kind="stable", na_position="last")
    about = private_first.drop_duplicates("method").set_index("method")
    names = about["name"].where(~about["name"].duplicated(False), _with_steps(about))
    names = names.where(~names.duplicated(False), names + " (" + names.index.astype(str) + ")")
    return {str(method): str(names[method]) for method in dict.fromkeys(rows["method"])}


def _with_steps(about: pd.DataFrame) -> pd.Series:
    return about["name"] + about["steps"].map(lambda steps: f", {steps:,.0f} steps")
