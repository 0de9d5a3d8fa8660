"""The table `comparison`: one row an evaluated model, the paper's figures beside ours."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from privatune.core.errors import PrivatuneError
from privatune.report.frames import Table, arrange, decimals, megabytes, read_records, read_table, show

MEASURES = (
    "scenario seed round clients_per_round user_share ppl_general ppl_user ppl_average oov_general oov_user "
    "kss_general kss_user recall1_user recall3_user bits_up bits_down epsilon delta"
).split()
SIZES = "ppl_later targets_general targets_user tokens_general tokens_user".split()
PAPER = "ppl_general ppl_user ppl_average kss_general kss_user".split()

NOTE = (
    "paper: its figure for the row's counterpart (Popov et al., 2018; other text, larger sizes), where there is one. "
    "PPL: perplexity of the targets inside the vocabulary; average: both texts pooled by their targets. "
    "KSS: share of keystrokes saved with three suggestions. Top-1, top-3: share of the users' words, those outside "
    "the vocabulary included, that are among the first one or three suggestions. "
    "MB: sent by (up) and to (down) all clients, in all rounds so far."
)


def table(evaluations: Sequence[str | Path], paper: str | Path, scenarios: Sequence[str]) -> Table:
    """Join evaluation files (one JSON object a model) with the paper's rows (`report/popov-2018.csv`).

    Rows: order of `scenarios`, then seed, then round. Raises PrivatuneError when a model names a row the paper lacks.
    """
    models = read_records(evaluations, [*MEASURES, *SIZES, "paper"])
    rows = read_table(paper, ["row", *PAPER]).set_index("row")[PAPER].add_prefix("paper_")
    unknown = sorted(set(models["paper"].dropna()) - set(rows.index))
    if unknown:
        raise PrivatuneError(f"paper: {unknown[0]!r} is no row of {paper}; name one of {', '.join(rows.index)}")
    frame = models.join(rows, on="paper")
    frame = arrange(frame, [*MEASURES, *SIZES, "paper", *rows.columns], scenarios, ["seed", "round"])
    return Table("Comparison of models", NOTE, frame, _shown(frame))


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    one, paper = decimals(1), ("paper", decimals(1))
    columns: dict[str, tuple[str, Callable[[Any], str]]] = {
        "scenario": ("scenario", str),
        "seed": ("seed", str),
        "round": ("round", str),
        "clients_per_round": ("clients a round", str),
        "user_share": ("user share", "{:g}".format),
        "ppl_general": ("general PPL", one),
        "paper_ppl_general": paper,
        "ppl_user": ("user PPL", one),
        "paper_ppl_user": paper,
        "ppl_average": ("average PPL", one),
        "paper_ppl_average": paper,
        "kss_general": ("general KSS, %", one),
        "paper_kss_general": paper,
        "kss_user": ("user KSS, %", one),
        "paper_kss_user": paper,
        "recall1_user": ("user top-1, %", one),
        "recall3_user": ("user top-3, %", one),
        "oov_general": ("general OOV, %", one),
        "oov_user": ("user OOV, %", one),
        "bits_up": ("up, MB", megabytes),
        "bits_down": ("down, MB", megabytes),
    }
    if frame["epsilon"].notna().any():
        columns |= {"epsilon": ("epsilon", "{:.3g}".format), "delta": ("delta", "{:.1g}".format)}
    return show(frame, columns)
