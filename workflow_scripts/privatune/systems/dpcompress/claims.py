"""Judge what Mireshghallah et al. (2022) claim about private compression, and what controls add, by fixed rules."""

import math
from collections.abc import Iterator
from functools import partial

import pandas as pd

from privatune.report.classifiers import at, distinct
from privatune.report.intervals import Interval, difference
from privatune.report.verdicts import Claim, Rule, Tables, above, between, higher, not_lower, within
from privatune.systems.dpcompress.names import first, full_model

SYSTEM = "Mireshghallah et al. 2022"
TABLES = {
    "dpcompress_models": (
        "set method name kind blocks kept sparsity mask start seed target epsilon delta accuracy accuracy_resampled "
        "clusters"
    ).split(),
    "paper": "claim figure".split(),
}

# fixed before the first run
EPSILON = 4.25  # the epsilon of the paper
SPARSITY = 0.5  # share of zeros in the trained matrices
LEAST, MOST = 3.0, 7.0  # points that DPKD loses
AS_GOOD = 2.0  # points within which two methods are as good as each other
RANDOM = 5.0  # points by which random weights are worse
NO_MATTER = 1.0  # points by which public distillation may fall short of DPKD

OURS = "a claim of this project, not of the paper"
POINTS = "points of accuracy"
Pair = tuple[pd.DataFrame, pd.DataFrame]


def claims(tables: Tables) -> Iterator[Claim]:
    """Yield claims on fewer blocks, then on fewer weights, then on distillation, each at the target epsilon."""
    for name, rows in tables["dpcompress_models"].groupby("set", sort=False):
        target = _target(rows)
        private = rows[rows["target"] == target]
        where = f"at epsilon {target:g}" + (f" ({stated})" if (stated := at(private)) else "")
        yield from _fewer_blocks(f"{name}, {where}:", private)
        yield from _fewer_weights(f"{name}, {where}:", private)


def note(tables: Tables) -> str:
    """Explain what is compared, what half is, and which figures of the paper stand beside ours."""
    return (
        "Both methods of a pair have the same target epsilon and delta; it is the epsilon at which the most methods "
        f"were trained and, of several, the one nearest to {EPSILON:g}, that of the paper at a delta of 1 / (10 n). "
        "Half the blocks: of the encoder's blocks, not of its weights; both models of a pair keep the same ones. "
        f"Sparsity {SPARSITY:g}: this share of the weights of the trained matrices is zero. Of several methods that "
        "fit, the first of the configuration. As good as means that the whole 95 % interval lies within "
        f"{AS_GOOD:g} points, which are two one-sided tests at 2.5 % each. {SYSTEM} train all of BERT-base on MNLI, "
        "QQP, QNLI and SST-2, in batches of 256 with clip 1. Of their text, the abstract, the introduction and the "
        "setting were read, not the algorithms, whose structure is recalled, nor the tables. What was read: DPKD at "
        "half the blocks loses about 5 %, which stands here as 5 points; structured DPIMP is on a par with DistilBERT, "
        "for which the half of the same encoder stands here; unstructured DPIMP is close to the full model. What was "
        "tuned on the validation part was tuned outside the budget. Seeds are public unless `secure: true`."
    )


def _fewer_blocks(where: str, rows: pd.DataFrame) -> Iterator[Claim]:
    dpkd, dropped = (first(rows, kind=kind, kept=0.5) for kind in ("distil", "drop"))
    half = first(rows, kind="fine-tune", kept=0.5, mask="none", start="pretrained")
    random = _same_blocks(half, rows, kind="fine-tune", mask="none", start="random")
    yield _claim(
        f"{where} DPKD with half the blocks loses {LEAST:g} to {MOST:g} points against the full model",
        (dpkd, full_model(rows)),
        between(-MOST, -LEAST),
        "DPKD at half the blocks",
    )
    yield _claim(
        f"{where} structured DPIMP to half the blocks is as good as half the blocks with the whole budget",
        (dropped, _same_blocks(dropped, rows, kind="fine-tune", mask="none", start="pretrained")),
        within(AS_GOOD),
        "structured DPIMP at half the blocks",
    )
    yield _claim(
        f"{where} half the blocks from published weights are better than from random ones by more than {RANDOM:g} "
        f"points ({OURS})",
        (half, random),
        above(f"{RANDOM:g}", lambda _: RANDOM),
    )
    yield _claim(
        f"{where} distillation on public text, with the whole budget for the teacher, is at least as good as DPKD "
        f"({OURS})",
        (_same_blocks(dpkd, rows, kind="distil-public"), dpkd),
        not_lower(NO_MATTER),
    )


def _fewer_weights(where: str, rows: pd.DataFrame) -> Iterator[Claim]:
    full, sparse = full_model(rows), rows[rows["sparsity"].round(2) == SPARSITY]
    pruned = first(sparse, kind="prune", kept=1.0)
    masked = {
        mask: first(sparse, kind="fine-tune", kept=1.0, mask=mask, start="pretrained") for mask in ("public", "random")
    }
    yield _claim(
        f"{where} unstructured DPIMP to sparsity {SPARSITY:g} is as good as the full model",
        (pruned, full),
        within(AS_GOOD),
        "unstructured DPIMP at 50 %",
    )
    for mask, ours in masked.items():
        yield _claim(
            f"{where} a {mask} mask of sparsity {SPARSITY:g} is as good as the full model ({OURS})",
            (ours, full),
            within(AS_GOOD),
        )
    for better, worse, pair in (
        ("private", "public", (pruned, masked["public"])),
        ("public", "random", (masked["public"], masked["random"])),
    ):
        yield _claim(
            f"{where} the {better} mask is better than the {worse} one at sparsity {SPARSITY:g} ({OURS})",
            pair,
            higher(),
        )


def _claim(text: str, pair: Pair, rule: Rule, published: str = "") -> Claim:
    """Make the claim on the difference of a pair; `published` is the claim's name in the table of the paper."""
    return Claim(text, POINTS, partial(_in_paper, claim=published), partial(_difference, pair=pair), rule)


def _target(rows: pd.DataFrame) -> float:
    """Return the epsilon at which the most methods were trained; of several, the one nearest to that of the paper."""
    methods = rows.groupby("target")["method"].nunique()
    return float(max(methods.index, key=lambda target: (methods[target], -abs(target - EPSILON)), default=EPSILON))


def _same_blocks(other: pd.DataFrame, rows: pd.DataFrame, **about: str) -> pd.DataFrame:
    """Return the first method with these values that keeps the same blocks as another one."""
    return first(rows[rows["blocks"].isin(other["blocks"])], **about)


def _difference(_: Tables, pair: Pair) -> Interval:
    ours, theirs = (distinct(rows) for rows in pair)
    return difference(ours, theirs, "accuracy")


def _in_paper(tables: Tables, claim: str) -> float:
    figures = tables["paper"].set_index("claim")["figure"]
    return float(figures.get(claim, math.nan))
