"""Judge what Shen et al. (2023) claim about Split-and-Privatize, by fixed rules and once per attacker."""

import math
from collections.abc import Iterator
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd

from privatune.report.intervals import Interval, difference, in_a_cell
from privatune.report.verdicts import Claim, Tables, above, higher, not_lower
from privatune.systems.split.columns import ATTACKS, how

SYSTEM = "Shen et al. 2023"
EP = [f"ep_{name}" for name in ATTACKS]
TABLES = {
    "split": (
        "split_after kappa importance seed accuracy accuracy_resampled accuracy_validation clusters empirical_privacy "
        "validation_ep_nearest validation_empirical_privacy"
    ).split()
    + EP,
    "paper": "claim figure".split(),
}

# fixed before the first run
GAIN = 62.0  # points of empirical privacy
LOSS = 1.0  # points of accuracy
EQUAL = 0.9  # empirical privacy at which accuracies are compared
REFERENCE = (0, 0.0, "none")  # cut, kappa and importance of the embedding split without noise

JUDGES = (("ep_nearest", "against the nearest embedding"), ("empirical_privacy", "against the best attack"))
POINTS = "points"


def claims(tables: Tables) -> Iterator[Claim]:
    """Yield the gain of privacy and what it costs, privacy by depth, and what contributing tokens save."""
    rows = tables["split"]
    for measure, words in JUDGES:
        chosen = _chosen(rows, measure)
        called = how(*chosen.iloc[0][["split_after", "kappa", "importance"]]) if len(chosen) else "nothing"
        yield Claim(
            f"empirical privacy {words}, gained over the embedding without noise, as chosen on validation ({called})",
            POINTS,
            partial(_in_paper, claim="gain of empirical privacy"),
            partial(_gain, ours=chosen, theirs=_plain(rows), measure=measure),
            above(f"{GAIN:g}", lambda _: GAIN),
        )
        yield Claim(
            f"accuracy of the same, minus that of the embedding without noise, chosen {words} ({called})",
            POINTS,
            lambda tables: -_in_paper(tables, "loss of accuracy"),
            partial(_difference, ours=chosen, theirs=_plain(rows), measure="accuracy"),
            not_lower(LOSS),
        )
    without = rows[rows["kappa"].isna()]
    for name, shown in ATTACKS.items():
        if rows[f"ep_{name}"].isna().all():  # an attack that was not tried
            continue
        for first, second in pairwise(sorted(set(rows["split_after"]))):
            yield Claim(
                f"{shown}: empirical privacy without noise is higher after block {second} than after "
                + (f"block {first}" if first else "the embedding"),
                POINTS,
                lambda _: math.nan,
                partial(
                    _gain,
                    ours=without[without["split_after"] == second],
                    theirs=without[without["split_after"] == first],
                    measure=f"ep_{name}",
                ),
                higher(),
            )
    for cut in sorted(set(rows["split_after"])):
        yield Claim(
            f"{'embedding' if not cut else f'block {cut}'}: accuracy with contributing tokens minus that without, at "
            f"an empirical privacy of {EQUAL:g}",
            POINTS,
            _saved_in_paper,
            partial(_at_equal_privacy, cut=cut),
            higher(),
        )


def note(tables: Tables) -> str:
    """Explain how a configuration is chosen, and what the paper's figures are."""
    return (
        f"{SYSTEM} state the gain without its base; here it is in points over an embedding split without noise, whose "
        "tokens are all recovered. Validation chooses, of all splits, levels of noise and importances whose mean "
        f"accuracy on the validation part is at most {LOSS:g} points below that of the embedding without noise, the "
        "one with the highest empirical privacy on the validation part, or the one that loses the least where all "
        "lose more; what the table shows of it is from the test part. The gain holds only if both its rows hold. The "
        "paper's figures are of RoBERTa-large, which has 24 blocks, on SST and on Financial Phrasebank, and were "
        "read in other papers that describe it. Attacked sentences are drawn for each seed, so that the "
        f"interval over seeds covers their choice. Accuracy at an empirical privacy of {EQUAL:g} is interpolated "
        "between the two neighbouring levels of noise, for each seed and on each resample of the test sentences; it "
        "is empty where no levels enclose it. Contributing tokens are counted on the private labels; that release is "
        "not part of the empirical privacy."
    )


def _plain(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the embedding split without noise."""
    return rows[(rows["split_after"] == 0) & rows["kappa"].isna()]


def _chosen(rows: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return the rows of what the validation part chooses; none if there is no reference, or nothing else."""
    keyed = rows.assign(level=rows["kappa"].fillna(0.0))
    keys = ["split_after", "level", "importance"]
    means = keyed.groupby(keys, sort=False)[["accuracy_validation", f"validation_{measure}"]].mean().dropna()
    if REFERENCE not in means.index or len(means) == 1:
        return rows.head(0)
    others = means.drop(index=REFERENCE)
    able = others[others["accuracy_validation"] >= means.loc[REFERENCE, "accuracy_validation"] - LOSS]
    # the first of equals
    best = able[f"validation_{measure}"].idxmax() if len(able) else others["accuracy_validation"].idxmax()
    return rows[(keyed[keys] == list(best)).all(axis=1)]


def _difference(_: Tables, ours: pd.DataFrame, theirs: pd.DataFrame, measure: str) -> Interval:
    return difference(ours, theirs, measure)


def _gain(_: Tables, ours: pd.DataFrame, theirs: pd.DataFrame, measure: str) -> Interval:
    """Return the difference of two empirical privacies, in points."""
    return difference(ours, theirs, measure).map(lambda value: 100 * value)


def _in_paper(tables: Tables, claim: str) -> float:
    """Return the first figure that the paper has of a claim."""
    found = tables["paper"].set_index("claim")["figure"]
    return float(found[found.index == claim].iloc[0]) if claim in found.index else math.nan


def _saved_in_paper(tables: Tables) -> float:
    return _in_paper(tables, "loss of accuracy without contributing tokens") - _in_paper(
        tables, "loss of accuracy with contributing tokens"
    )


def _at_equal_privacy(tables: Tables, cut: int) -> Interval:
    rows = tables["split"]
    rows = rows[rows["split_after"] == cut]
    none = rows[rows["importance"] == "none"]
    cti = pd.concat([none[none["kappa"].isna()], rows[rows["importance"] == "cti"]])
    return difference(_interpolated(cti), _interpolated(none), "accuracy")


def _interpolated(rows: pd.DataFrame) -> pd.DataFrame:
    """Return accuracy and its resamples at an empirical privacy of EQUAL, a row per seed; null if none enclose it."""
    made = []
    for seed, of_seed in rows.groupby("seed"):
        ordered = of_seed.sort_values("kappa", na_position="first")
        made.append({"seed": seed, "clusters": ordered["clusters"].min(), **_between(ordered)})
    return pd.DataFrame(made, columns="seed clusters accuracy accuracy_resampled".split())


def _between(rows: pd.DataFrame) -> dict[str, object]:
    """Interpolate between the first two neighbouring levels of noise that enclose EQUAL."""
    levels = rows["empirical_privacy"].to_numpy(float)
    for place, (low, high) in enumerate(pairwise(levels)):
        if low < EQUAL <= high:
            weight = (EQUAL - low) / (high - low)
            first, second = (rows.iloc[place + i] for i in range(2))
            parts = [np.array(str(row["accuracy_resampled"]).split(), float) for row in (first, second)]
            accuracy = (1 - weight) * first["accuracy"] + weight * second["accuracy"]
            if len(parts[0]) != len(parts[1]):
                return {"accuracy": accuracy, "accuracy_resampled": None}
            both = (1 - weight) * parts[0] + weight * parts[1]
            return {"accuracy": accuracy, "accuracy_resampled": in_a_cell(both)}
    return {"accuracy": math.nan, "accuracy_resampled": None}
