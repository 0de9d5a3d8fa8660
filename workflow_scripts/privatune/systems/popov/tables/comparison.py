"""The table `comparison`: one row per evaluated model, with the paper's figures next to ours."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from privatune.core.errors import PrivatuneError
from privatune.report.columns import Column
from privatune.report.frames import Table, arrange, read_records, read_table, read_tables
from privatune.report.intervals import text_errors
from privatune.report.measured import COLUMNS
from privatune.systems.popov.columns import PAPER, show_spread

MODEL = ["scenario", "seed", "round"]
ABOUT = ["clients_per_round", "persons_per_device", "user_share"]
SENT = ["bits_up", "bits_down"]
BUDGET = ["epsilon", "delta"]
SHOWN = [
    *"scenario seed round clients_per_round persons_per_device user_share".split(),
    *"ppl_general paper_ppl_general ppl_user paper_ppl_user ppl_average paper_ppl_average".split(),
    *"ppl_general_with_ends ppl_user_with_ends ppl_average_with_ends".split(),
    *"kss_general paper_kss_general kss_user paper_kss_user recall1_user recall3_user".split(),
    *"oov_general oov_user bits_up bits_down".split(),
]

NOTE = (
    "paper: the paper's figure for the row's counterpart (Popov et al., 2018; other text, larger sizes), where there "
    "is one. PPL is the perplexity of the words inside the vocabulary; average PPL pools both texts by their words. "
    "With ends, the ends of lines are counted among the words. A model soon learns how long a person's lines are, so "
    "this PPL falls although no word is predicted better. It is not known whether the paper counts ends of lines. KSS "
    "is the share of keystrokes saved with three suggestions. Top-1 and top-3 recall are the shares of the users' "
    "words that are the first suggestion, or among the first three; words outside the vocabulary are misses. OOV is "
    "the share of words outside the vocabulary. ± is the standard error that comes from the sampling of documents and "
    "persons. All models are measured on the same sample, so the difference between two models is more certain than "
    "their errors suggest. Persons per device: with more than one, a client's device holds their text pooled. Sent up "
    "and sent down count all clients in all rounds so far. No epsilon covers these models; the CSV also has "
    "`ppl_later`, the perplexity of the training persons' own newer text."
)


def table(
    evaluations: Sequence[str | Path],
    clients: Sequence[str | Path],
    paper: str | Path,
    scenarios: Sequence[Mapping[str, Any]],
    resampled: bool = False,
) -> Table:
    """Join what was measured, what clients sent, what a scenario is and what the paper found.

    Args:
        evaluations: one file per model, a flat JSON object: scenario, seed, round and its measures.
        clients: tables of clients in a round; together they hold every round up to the evaluated ones.
        paper: `report/popov/paper.csv`.
        scenarios: in the order of the rows; each has `name`, `clients_per_round`, `persons_per_device`, `user_share`
            (null where it does not apply) and `paper`, which names rows of the paper's table by round; a variant of a
            sweep has `swept`, its values by dotted key, each of which becomes a column.
        resampled: keep the columns of measures on resampled text, which intervals are made from.

    Raises:
        PrivatuneError: a damaged file, or a row that the paper's table lacks, is named.
    """
    measured = [name for name in COLUMNS if name not in (*ABOUT, *SENT, *BUDGET)]
    models = read_records(evaluations, measured)
    models = models.join(text_errors(models))
    if not resampled:
        models = models.drop(columns=models.filter(like="_resampled"))
    about = {scenario["name"]: scenario for scenario in scenarios}
    keys = list(dict.fromkeys(key for scenario in scenarios for key in scenario.get("swept", {})))
    for name in ABOUT:
        models[name] = models["scenario"].map({scenario: about[scenario][name] for scenario in about})
    for key in keys:
        models[key] = models["scenario"].map(
            {scenario: about[scenario].get("swept", {}).get(key) for scenario in about}
        )
    models = models.merge(_sent(read_tables(clients, [*MODEL, *SENT])), how="left", on=MODEL)
    models.loc[models["round"] == 0, SENT] = 0
    models[BUDGET] = None  # no scenario bounds what a model tells about a person

    rows = read_table(paper, ["row", *PAPER]).set_index("row")[PAPER].add_prefix("paper_")
    models["paper"] = [
        about[scenario]["paper"].get(number)
        for scenario, number in zip(models["scenario"], models["round"], strict=True)
    ]
    unknown = sorted(set(models["paper"].dropna()) - set(rows.index))
    if unknown:
        raise PrivatuneError(
            f"report.paper: {unknown[0]!r} is not a row of {paper}; choose one of {', '.join(rows.index)}"
        )
    columns = [*COLUMNS, *keys, "paper", *rows.columns]
    frame = arrange(models.join(rows, on="paper"), columns, list(about), MODEL[1:])
    return Table("Comparison of models", NOTE, frame, _shown(frame, keys))


def _sent(clients: pd.DataFrame) -> pd.DataFrame:
    """Bits of all clients up to and including each round."""
    clients = clients.astype(dict.fromkeys([*MODEL[1:], *SENT], "int64"))  # an empty table has no types
    rounds = clients.groupby(MODEL)[SENT].sum().sort_index()
    return rounds.groupby(level=MODEL[:2]).cumsum().reset_index()


def _shown(frame: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    place = SHOWN.index("user_share") + 1
    swept = {key: Column(key) for key in keys}  # keys of the configuration
    return show_spread(frame, [*SHOWN[:place], *swept, *SHOWN[place:]], "_se", swept)
