"""Columns that only the tables of this system show."""

from collections.abc import Mapping, Sequence

import pandas as pd

from privatune.report.columns import SHARED, Column, decimals, show

PAPER = "ppl_general ppl_user ppl_average kss_general kss_user".split()  # the measures that the paper reports
AVERAGE = SHARED["ppl_average"].heading
WHOLE, ONE, TWO, THREE = (decimals(places) for places in range(4))

OWN = {
    **{f"paper_{measure}": Column(f"{SHARED[measure].heading}: paper", ONE) for measure in PAPER},
    "ppl_average_to_initial": Column(f"{AVERAGE}: difference from initial"),
    "ppl_average_to_half": Column(f"{AVERAGE}: difference from rehearsal 1/2"),
    # clients
    "client": Column("client"),
    "user_tokens": Column("user tokens", WHOLE),
    "rehearsal_tokens": Column("rehearsal tokens", WHOLE),
    "user_kb": Column("user text, kB", ONE),
    "rehearsal_kb": Column("rehearsal text, kB", ONE),
    "tokens_per_second": Column("tokens per second", WHOLE),
    "products_per_word": Column("million multiplications per word", lambda count: f"{count / 1e6:,.1f}"),
    # the tail of c
    "pair": Column("pair"),
    "direction": Column("direction"),
    "texts": Column("texts", WHOLE),
    "threshold": Column("threshold of log c", THREE),
    "exceedances": Column("texts beyond the threshold", WHOLE),
    "alpha": Column("alpha", TWO),
    "c": Column("C", TWO),
    "ks": Column("KS", TWO),
    "critical": Column("KS: critical value", TWO),
    "shape": Column("shape", THREE),
    "shape_low": Column("shape: low", THREE),
    "shape_high": Column("shape: high", THREE),
}


def show_spread(
    frame: pd.DataFrame, keys: Sequence[str], ending: str, own: Mapping[str, Column] | None = None
) -> pd.DataFrame:
    """Show a table as `show` does, with ± and the deviation after each measure M that has a column M + `ending`.

    Args:
        frame: the table, which has deviations in separate columns.
        keys: names of columns of `frame`, in order.
        ending: what the name of a deviation's column adds to that of its measure.
        own: columns that only this table has.
    """
    measures = [key for key in keys if f"{key}{ending}" in frame]
    texts = {
        key: [_spread(*pair) for pair in zip(frame[key], frame[f"{key}{ending}"], strict=True)] for key in measures
    }
    as_text = {key: SHARED[key]._replace(form=str) for key in measures}
    return show(frame.assign(**texts), keys, {**OWN, **(own or {}), **as_text})


def _spread(value: float, deviation: float) -> str:
    """Format a value, with its deviation if there is one.

    >>> _spread(1234.56, 7.89), _spread(2, float("nan"))
    ('1,234.6 ± 7.9', '2.0')
    """
    return ONE(value) + ("" if pd.isna(deviation) else f" ± {ONE(deviation)}")
