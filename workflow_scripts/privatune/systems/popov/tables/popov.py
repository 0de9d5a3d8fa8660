"""The table `popov`: tables 1 and 2 of Popov et al. (2018), replicates beside the paper's figures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from privatune.report.columns import NOTHING
from privatune.report.frames import Table, arrange, read_table
from privatune.report.intervals import TEXT, difference, interval, values_of
from privatune.systems.popov.columns import show_spread
from privatune.systems.popov.counterparts import counterpart

MEASURES = "ppl_general kss_general ppl_user kss_user ppl_average".split()
WITH_ENDS = "ppl_general_with_ends ppl_user_with_ends ppl_average_with_ends".split()  # the paper has one figure alone
REFERENCES = {"initial": "initial", "half": "rehearsal 1/2"}  # rows of the paper's tables
COLUMNS = ["scenario", "round", "paper", "clients_per_round", "user_share", "n"]
EVERY = [*MEASURES, *WITH_ENDS]
SHOWN = [
    *"scenario round n ppl_general paper_ppl_general kss_general paper_kss_general".split(),
    *"ppl_user paper_ppl_user kss_user paper_kss_user ppl_average paper_ppl_average".split(),
    *WITH_ENDS,
    *"ppl_average_to_initial ppl_average_to_half".split(),
]


def table(replicates: str | Path, scenarios: Sequence[str]) -> Table:
    """One row per method: mean and standard deviation over replicates, the paper's figure, differences to two methods.

    Columns: for each measure M its mean `M`, `M_sd`, `paper_M`, and `M_to_R`, `M_to_R_low`, `M_to_R_high` for each
    reference R (`initial`: the general model; `half`: one device, rehearsal at user share 1/2): mean difference, paired
    by seed and by text, and its 95 % interval; `to_R_sources`: what the intervals cover.

    Args:
        replicates: the table `replicates`.
        scenarios: in the order of the rows; others are left out.
    """
    papers = [f"paper_{measure}" for measure in MEASURES]
    models = read_table(replicates, [*COLUMNS[:-1], "seed", *MEASURES, *WITH_ENDS, *papers])
    references = {key: counterpart({"replicates": models}, row) for key, row in REFERENCES.items()}
    groups = models[models["scenario"].isin(scenarios)].groupby(["scenario", "round"], sort=False)
    rows = [_row(rows, references) for _, rows in groups]
    covered = [f"to_{key}_sources" for key in REFERENCES]
    columns = [*COLUMNS, *(name for measure in EVERY for name in _columns(measure)), *covered]
    frame = arrange(pd.DataFrame(rows, columns=columns), columns, scenarios, ["round"])
    note = (
        "Mean ± standard deviation over n replicates, each of which draws its own devices. paper: the paper's figure "
        "for the same method (other text, larger sizes). PPL is the perplexity of words; with ends, the ends of lines "
        "are counted too. In brackets: the 95 % interval of the difference in average PPL, paired by seed and by text, "
        "from the initial model and from one device with rehearsal at user share 1/2. It covers which devices took "
        "part and which persons and documents were sampled. With one replicate it covers the text alone, and says so. "
        "All replicates share one general model."
    )
    return Table("Tables 1 and 2 of Popov et al. (2018)", note, frame, _shown(frame))


def _row(rows: pd.DataFrame, references: dict[str, pd.DataFrame]) -> dict[str, Any]:
    made = {column: rows[column].iloc[0] for column in COLUMNS[:-1]} | {"n": rows["seed"].nunique()}
    for measure in EVERY:
        values = values_of(rows, measure)
        made |= {measure: values.mean(), f"{measure}_sd": values.std()}
        if measure in MEASURES:
            made[f"paper_{measure}"] = rows[f"paper_{measure}"].iloc[0]
        for key, reference in references.items():
            same = rows.index.equals(reference.index)
            found = interval([]) if same else difference(rows, reference, measure)
            made |= dict(zip(_named(measure, key), found, strict=False)) | {f"to_{key}_sources": found.sources or None}
    return made


def _columns(measure: str) -> list[str]:
    differences = [name for reference in REFERENCES for name in _named(measure, reference)]
    paper = [f"paper_{measure}"] if measure in MEASURES else []
    return [measure, f"{measure}_sd", *paper, *differences]


def _named(measure: str, reference: str) -> list[str]:
    return [f"{measure}_to_{reference}{end}" for end in ("", "_low", "_high")]


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    texts = {}
    for key in REFERENCES:
        name, *ends = _named("ppl_average", key)
        columns = [frame[column] for column in (name, *ends, f"to_{key}_sources")]
        texts[name] = [_span(*row) for row in zip(*columns, strict=True)]
    return show_spread(frame.assign(**texts), SHOWN, "_sd")


def _span(middle: float, low: float, high: float, sources: str | None) -> str:
    """A difference and its interval, which is named where it covers the text alone.

    >>> _span(-3.25, -5, -1.5, "seeds"), _span(-3.25, -5, -1.5, TEXT), _span(2, float("nan"), float("nan"), None)
    ('-3.2 [-5.0, -1.5]', '-3.2 [-5.0, -1.5] (text alone)', '+2.0')
    """
    if pd.isna(middle):
        return NOTHING
    ends = "" if pd.isna(low) else f" [{low:+,.1f}, {high:+,.1f}]"
    return f"{middle:+,.1f}{ends}" + (" (text alone)" if sources == TEXT else "")
