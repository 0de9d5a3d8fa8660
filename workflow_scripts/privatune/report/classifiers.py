"""What tables, claims and figures of trained sentence classifiers share; rows have the columns of such tables."""

import math

import pandas as pd

from privatune.core.errors import PrivatuneError

UNTRAINED = {"majority class": "majority", "zero-shot": "zero_shot"}  # answers without training, by their columns


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
    names = [f"{name}, {steps:,.0f} steps" for name, steps in zip(about["name"], about["steps"], strict=True)]
    return pd.Series(names, about.index, str)


def same_classifier(rows: pd.DataFrame) -> bool:
    """Whether several seeds gave one and the same classifier, as training without any random draw does."""
    return len(rows) > 1 and bool((rows[["accuracy", "accuracy_resampled"]].nunique(dropna=False) == 1).all())


def distinct(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a method, one per seed, or a single row that counts for every seed if all are the same."""
    if same_classifier(rows):
        return rows.head(1).assign(round=0)
    return rows.assign(round=1)


def untrained(rows: pd.DataFrame) -> dict[str, float]:
    """Return the accuracies of a set that need no training, by name; without those that are null."""
    first = rows.iloc[0]
    return {name: first[column] for name, column in UNTRAINED.items() if not math.isnan(first[column])}


def require_motion(rows: pd.DataFrame, system: str) -> None:
    """Refuse a training that ran, stated an epsilon and learnt nothing.

    Raises PrivatuneError, which names the set, the method and the seed.

    Args:
        system: its section of the configuration, whose `methods` have a `rate` each.
    """
    still = rows[~pd.to_numeric(rows["largest_change"]).between(0, float("inf"), inclusive="neither")]
    for row in still.to_dict("records"):
        raise PrivatuneError(
            f"{system}: {row['set']}, {row['method']}, seed {row['seed']}: its weights did not move, or are not "
            f"finite, so it learnt nothing; change `{system}.methods.{row['method']}.rate` and run again"
        )
