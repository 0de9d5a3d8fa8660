"""Define how readers see the columns of tables; columns of one system are in its own module `columns`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

NOTHING = "–"  # the cell of a null
ACCOUNTANTS = {"rdp": "RDP", "rdp_plain": "RDP, plain conversion", "pld": "PLD"}


def decimals(places: int) -> Callable[[Any], str]:
    """Return a format for numbers with this many decimal places and a comma between thousands.

    >>> decimals(1)(1234.56)
    '1,234.6'
    """
    return lambda value: f"{value:,.{places}f}"


def digits(places: int) -> Callable[[Any], str]:
    """Return a format for numbers with this many significant digits, or all digits before the decimal point.

    >>> digits(3)(0.012345), digits(3)(1234.56), digits(3)(float("inf"))
    ('0.0123', '1,235', 'inf')
    """
    return lambda value: f"{value:,.0f}" if value >= 10**places else f"{value:.{places}g}"


def megabytes(bits: float) -> str:
    """Format a number of bits as millions of bytes."""
    return f"{bits / 8e6:,.1f}"


def spread(values: pd.Series, form: Callable[[float], str]) -> str | None:
    """Return a median with the least and the largest value; null if a value is.

    >>> spread(pd.Series([1.0, 2.0, 4.0]), decimals(0))
    '2 (1 to 4)'
    """
    if values.isna().any():
        return None
    return f"{form(values.median())} ({form(values.min())} to {form(values.max())})"


def yes_no(value: Any) -> str:
    """Format a truth value as a word."""
    return "yes" if value else "no"


class Column(NamedTuple):
    """How a column is shown: its heading (with its unit) and the format of its values."""

    heading: str
    form: Callable[[Any], str] = str


WHOLE, ONE, TWO = decimals(0), decimals(1), decimals(2)

SHARED = {
    # which model
    "set": Column("set"),
    "scenario": Column("scenario"),
    "method": Column("method"),
    "name": Column("known as"),
    "seed": Column("seed"),
    "round": Column("round"),
    "steps": Column("steps", WHOLE),
    "batch": Column("expected batch", WHOLE),
    "learning_rate": Column("learning rate", digits(6)),
    "rate": Column("learning rate", digits(6)),
    "parameters": Column("trained weights", WHOLE),
    "largest_change": Column("largest change of a weight", digits(3)),
    "clients_per_round": Column("clients per round"),
    "persons_per_device": Column("persons per device"),
    "user_share": Column("user share", digits(6)),
    "chosen": Column("chosen", yes_no),
    # its quality
    "task": Column("what is measured"),
    "quality": Column("quality", ONE),
    "ppl_general": Column("general PPL, words", ONE),
    "ppl_user": Column("user PPL, words", ONE),
    "ppl_average": Column("average PPL, words", ONE),
    "ppl_general_with_ends": Column("general PPL with ends", ONE),
    "ppl_user_with_ends": Column("user PPL with ends", ONE),
    "ppl_average_with_ends": Column("average PPL with ends", ONE),
    "ppl_valid": Column("validation PPL", TWO),
    "accuracy": Column("accuracy, %", ONE),
    "accuracy_low": Column("accuracy, %: low", ONE),
    "accuracy_high": Column("accuracy, %: high", ONE),
    "seeds": Column("seeds", WHOLE),
    "majority": Column("majority class, %", ONE),
    "zero_shot": Column("zero-shot, %", ONE),
    "gain": Column("minus the non-private twin, points", ONE),
    "gain_low": Column("minus the twin: low", ONE),
    "gain_high": Column("minus the twin: high", ONE),
    "kss_general": Column("general KSS, %", ONE),
    "kss_user": Column("user KSS, %", ONE),
    "recall1_user": Column("user top-1 recall, %", ONE),
    "recall3_user": Column("user top-3 recall, %", ONE),
    "oov_general": Column("general OOV, %", ONE),
    "oov_user": Column("user OOV, %", ONE),
    # its costs
    "megabytes": Column("sent up and down, MB", digits(3)),
    "megabytes_up": Column("sent up alone, MB", digits(3)),
    "memory_mb": Column("peak memory on a device, MB", WHOLE),
    "stored_mb": Column("stored in 8 bits, MB", ONE),
    "bits_up": Column("sent up, MB", megabytes),
    "bits_down": Column("sent down, MB", megabytes),
    "seconds": Column("seconds", TWO),
    "peak_memory_mb": Column("peak memory, MB", WHOLE),
    "threads": Column("threads", WHOLE),
    "repeats": Column("repeats", WHOLE),
    # its privacy
    "mechanism": Column("mechanism"),
    "adjacency": Column("adjacency"),
    "sensitivity": Column("sensitivity", digits(6)),
    "sampling": Column("sampling"),
    "q": Column("sampling rate q", digits(3)),
    "T": Column("rounds T", WHOLE),
    "noise_multiplier": Column("noise multiplier z", digits(6)),
    "sigma": Column("noise multiplier z", digits(6)),
    "clip": Column("clip S", digits(6)),
    "accountant": Column("accountant", ACCOUNTANTS.__getitem__),
    "delta": Column("delta", digits(3)),
    "epsilon": Column("epsilon", digits(3)),
    "epsilon_alone": Column("epsilon of one alone", digits(3)),
    "epsilon_so_far": Column("epsilon of all so far", digits(3)),
    "covered": Column("covered by an epsilon"),
    "guarantee": Column("guarantee"),
    "recovered": Column("recovered"),
    # claims
    "system": Column("system"),
    "claim": Column("claim"),
    "unit": Column("unit"),
    "paper": Column("paper", TWO),
    "ours": Column("ours", TWO),
    "low": Column("ours: low", TWO),
    "high": Column("ours: high", TWO),
    "n": Column("n"),
    "needed": Column("n needed", WHOLE),
    "sources": Column("sources"),
    "verdict": Column("verdict"),
    "p": Column("p", digits(2)),
    "verdict_holm": Column("verdict after Holm"),
    "rule": Column("rule"),
    # text and jobs
    "corpus": Column("corpus"),
    "part": Column("part"),
    "units": Column("documents or persons", WHOLE),
    "tokens": Column("tokens", WHOLE),
    "types": Column("types", WHOLE),
    "oov_rate": Column("OOV, %", TWO),
    "jobs": Column("jobs", WHOLE),
    "precision": Column("precision"),
    "ratio": Column("validation PPL: ratio", decimals(4)),
}


def show(frame: pd.DataFrame, keys: Sequence[str], own: Mapping[str, Column] | None = None) -> pd.DataFrame:
    """Return these columns of a table as text under their headings; null becomes a dash.

    Args:
        keys: names of columns of `frame`, in order.
        own: columns that are not in SHARED, or that mean something else in this table.

    >>> show(pd.DataFrame({"seed": [0, 1], "bits_up": [8e6, None]}), ["seed", "bits_up"])["sent up, MB"].tolist()
    ['1.0', '–']
    """
    known = {**SHARED, **(own or {})}
    cells = {
        known[key].heading: [NOTHING if pd.isna(value) else known[key].form(value) for value in frame[key]]
        for key in keys
    }
    return pd.DataFrame(cells)
