"""The table `split`: every way of sending states, under every seed, with what vendor and attackers make of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from privatune.report.columns import show
from privatune.report.frames import Table, read_records
from privatune.report.intervals import in_a_cell
from privatune.systems.split.columns import ATTACKS, MODULES, OWN

KEYS = ["cut", "noise", "importance"]
EP = [f"ep_{name}" for name in ATTACKS]
VALIDATION = [f"validation_{ep}" for ep in [*EP[:-1], "empirical_privacy"]]
COLUMNS = [
    *"split_after kappa eta cti importance guarantee reason seed n accuracy accuracy_validation majority".split(),
    *[*EP, "empirical_privacy", "best", "top5", "content", "function", "chance", "chance_attribute"],
    *[*VALIDATION, "tokens", "messages", "clusters", "accuracy_resampled"],
]
SHOWN = (
    "split_after kappa eta importance guarantee seed accuracy ep_nearest ep_map ep_ridge ep_inverter ep_attribute "
    "empirical_privacy best top5 content function chance"
).split()
NOTE = (
    "Each row is a customer who sends states once, and a vendor who fine-tunes on them. Accuracy is that on the "
    "privatised test part. Empirical privacy is the share of tokens that an attack does not recover, of sampled "
    "sentences of the test part; for the author of a message, the share of messages. Empirical privacy, best attack: "
    "the least of them. It is measured, not proved: a better attack may recover more. Chance: the share that always "
    "guessing the most frequent token of public text recovers; the CSV has that of the author. Kappa: the deviation "
    "of the noise in any one direction over half the median distance to the nearest other token; eta: the inverse of "
    "the scale of its radius. Both are empty where there is no noise. With importance, eta is that of multiplier 1, "
    "and tokens have 0.6 times as much or more. The multiplier depends on the token: the attacker, who does not know "
    "the customer's counts, assumes those of public text. Guarantee: what is proved. Per token: the density changes "
    "by a factor of exp(eta times the distance of two embeddings) at most. Within one level: only among tokens of "
    "equal eta. None: nothing is proved, as where something is sent without noise; after a block these are the "
    "states of the marks around a sentence. The CSV has the reason. Function words are the 100 most frequent tokens "
    "of public text, which are mostly articles, prepositions and punctuation; content words are all others. The CSV "
    "has what the best attack on tokens recovers of both, how often its five best guesses have the right token, the "
    "figures of the validation part, and the accuracy on each resample of the test sentences. Seeds are public, and "
    "whoever knows a seed can subtract the noise, so these figures show the method and protect nobody."
)


def table(terms: Sequence[str | Path], tops: Sequence[str | Path], scores: str | Path) -> Table:
    """One row per way of sending and seed, in the order of the files.

    Args:
        terms, tops: files of the terms and of the accuracies, one of each per way of sending.
        scores: the file of what attacks recovered.
    """
    stated = read_records(terms, [*KEYS, "kappa", "eta", "cti", "guarantee", "reason"])
    trained = read_records(tops, [*KEYS, "seed", "accuracy", "accuracy_resampled", "accuracy_validation"])
    scored = read_records([scores], [*KEYS, "seed", "ep_attribute", "chance"]).rename(columns=_renamed)
    rows = stated.merge(trained, on=KEYS).merge(scored, on=[*KEYS, "seed"])
    for name in ATTACKS:
        for column in (f"ep_{name}", f"validation_ep_{name}", f"top5_{name}", f"content_{name}", f"function_{name}"):
            rows[column] = pd.to_numeric(rows[column]) if column in rows else float("nan")
    rows = rows.rename(columns={"cut": "split_after"})
    rows = rows.join(pd.DataFrame([_best(row) for row in rows.to_dict("records")], index=rows.index))
    rows["accuracy_resampled"] = rows["accuracy_resampled"].map(in_a_cell)
    frame = rows.reindex(columns=COLUMNS)
    shown = show(frame, [column for column in SHOWN if column not in EP or frame[column].notna().any()], OWN)
    return Table("Privatised states: accuracy and what attacks recover", NOTE, frame, shown)


def _renamed(column: str) -> str:
    for module, name in MODULES.items():
        column = column.replace(f"_{module}", f"_{name}")
    return column


def _best(row: dict[str, Any]) -> dict[str, Any]:
    """Find the attack that recovers the most, and the attack on tokens that does."""
    measured = {name: row[f"ep_{name}"] for name in ATTACKS if row[f"ep_{name}"] == row[f"ep_{name}"]}
    on_tokens = {name: ep for name, ep in measured.items() if name != "attribute"}
    tried = [row[f"validation_ep_{name}"] for name in on_tokens]
    best, token = (min(found, key=found.__getitem__) if found else None for found in (measured, on_tokens))
    about = {key: row[f"{key}_{token}"] if token else float("nan") for key in ("top5", "content", "function")}
    return about | {
        "empirical_privacy": measured[best] if best else float("nan"),
        "best": ATTACKS[best] if best else None,
        "validation_empirical_privacy": min([*tried, row["ep_attribute"]]) if tried else float("nan"),
    }
