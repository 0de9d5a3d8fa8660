"""The claims of Popov et al. (2018), 'Distributed fine-tuning of language models on private data'."""

import math
from collections.abc import Callable
from functools import partial
from itertools import count

import pandas as pd
from scipy.stats import binom

from privatune.attacks.tail import NOT_REJECTED, REJECTED
from privatune.core.proportions import share_interval
from privatune.report.intervals import CONFIDENCE, Interval, difference, interval, ratio, share
from privatune.report.verdicts import (
    Claim,
    Rule,
    Tables,
    above,
    at_least,
    at_most,
    below,
    lower,
    never,
    not_higher,
    shares_needed,
)
from privatune.systems.popov.counterparts import CONTROL, MANY_ROUNDS, counterpart

SYSTEM = "Popov et al. 2018"
TABLES = {
    "replicates": (
        "scenario seed round clients_per_round user_share ppl_general ppl_user ppl_average kss_user paper".split()
    ),
    "client_costs": "scenario seconds products_per_word user_kb rehearsal_kb".split(),
    "tail": "pair verdict".split(),  # and an estimated epsilon for each of `tail.deltas`
    "paper": "row ppl_general ppl_user ppl_average kss_user".split(),
    "paper_text": ["figure", "value"],
}

# rows of the paper's tables 1 and 2, as report/popov/paper.csv names them
INITIAL, ONE_DEVICE, ONE_ROUND = "initial", "rehearsal 1/2", "averaging 1 round"
SHARES = ("1/4", "1/2", "3/4")
DISTILLATIONS = {
    "distillation real": "distillation on real text",
    "distillation generated 1 cycle": "distillation on generated text",
    "distillation generated 5 cycles": "distillation on text generated anew each epoch",
}

SHARE = 75.0  # percent of pairs that must bear a claim on the tail out; the paper's 19 of 20 give a lower limit of 75.1
DELTAS = ("1e-4", "1e-5", "1e-6")


def claims(tables: Tables) -> list[Claim]:
    """All of them, whatever the tables hold."""
    return _CLAIMS


def note(tables: Tables) -> str:
    """What the claims call many rounds on our side, and how many tails an epsilon is based on."""
    many = counterpart(tables, MANY_ROUNDS)
    rounds = f"{SYSTEM}: no model corresponds to `{MANY_ROUNDS}`."
    if len(many):
        number, clients = many[["round", "clients_per_round"]].iloc[0]
        rounds = f"{SYSTEM}: many rounds are {number:g} of {clients:g} persons here (in the paper: `{MANY_ROUNDS}`)."
    verdicts = tables["tail"]["verdict"]
    return (
        f"{rounds} A Pareto tail is not rejected in {(verdicts == NOT_REJECTED).sum()} of {len(verdicts)} samples, "
        "which are the two directions of each pair. An epsilon from them is an estimate, not a proof. For an epsilon, "
        f"n counts the pairs that have one, and low and high are the exact interval of the value that {SHARE:g} % of "
        "pairs do not exceed."
    )


def _ours(tables: Tables, measure: str, old: str, new: str) -> Interval:
    return ratio(counterpart(tables, new), counterpart(tables, old), measure).map(_percent)


def _theirs(tables: Tables, measure: str, old: str, new: str) -> float:
    figures = tables["paper"].set_index("row")[measure]
    return _percent(figures[new] / figures[old]) if {old, new} <= set(figures.index) else math.nan


def _percent(quotient: float) -> float:
    return 100 * (quotient - 1)


def _change(text: str, measure: str, old: str, new: str, rule: Rule) -> Claim:
    """A claim on the change, in percent, from one row's perplexity to another's."""
    theirs = partial(_theirs, measure=measure, old=old, new=new)
    return Claim(text, "%", theirs, partial(_ours, measure=measure, old=old, new=new), rule)


def _keystrokes_ours(tables: Tables) -> Interval:
    return difference(counterpart(tables, MANY_ROUNDS), counterpart(tables, INITIAL), "kss_user")


def _keystrokes_theirs(tables: Tables) -> float:
    figures = tables["paper"].set_index("row")["kss_user"]
    return float(figures[MANY_ROUNDS] - figures[INITIAL])


def _said(figure: str) -> Callable[[Tables], float]:
    return lambda tables: float(tables["paper_text"].set_index("figure")["value"][figure])


def _seconds(tables: Tables) -> Interval:
    """Of one client for as much text as the paper's device read, were its model as large as the paper's.

    Text is the client's own and the general text that it rehearses; a model's size is the multiplications per word.
    """
    scenarios = {*counterpart(tables, ONE_DEVICE)["scenario"], *counterpart(tables, MANY_ROUNDS)["scenario"]}
    clients = tables["client_costs"]
    clients = clients[clients["scenario"].isin(scenarios)]
    size = _said("device products")(tables) / clients["products_per_word"]
    text = _said("device text")(tables) / (clients["user_kb"] + clients["rehearsal_kb"])
    return interval(clients["seconds"] * size * text)


def _kept_pairs(tables: Tables) -> tuple[pd.DataFrame, int]:
    """Samples of the pairs in which a Pareto tail is not rejected in either direction, and how many pairs are decided.

    The two directions of a pair compare the same two models, so they are no two replicates.
    """
    verdicts = tables["tail"].groupby("pair")["verdict"]
    rejected = verdicts.agg(lambda pair: (pair == REJECTED).any()).astype(bool)
    kept = verdicts.agg(lambda pair: (pair == NOT_REJECTED).all()).astype(bool)
    samples = tables["tail"]
    return samples[samples["pair"].isin(kept.index[kept])], int((kept | rejected).sum())


def _share_not_rejected(tables: Tables) -> Interval:
    """Percent of the decided pairs, with the exact binomial interval (Clopper and Pearson, 1934)."""
    samples, n = _kept_pairs(tables)
    return share(samples["pair"].nunique(), n)


def _largest_epsilon(column: str, tables: Tables) -> Interval:
    """Over the samples in which a Pareto tail is not rejected; a pair counts once, with the larger of its directions.

    The largest of more pairs is larger, so the interval is not its own: it is the exact interval of the epsilon that
    SHARE percent of pairs do not exceed, from order statistics. With too few pairs its ends are 0 and infinite.
    """
    samples = tables["tail"]
    if column not in samples:  # another delta was asked for
        return Interval(math.nan, math.nan, math.nan, 0)
    samples = samples[samples["verdict"] == NOT_REJECTED]
    largest = samples.groupby("pair")[column].max().dropna().astype(float).sort_values().to_numpy()
    n = len(largest)
    if not n:
        return Interval(math.nan, math.nan, math.nan, 0)
    below_share = binom(n, SHARE / 100)
    first = int(below_share.ppf((1 - CONFIDENCE) / 2))
    last = int(below_share.ppf((1 + CONFIDENCE) / 2)) + 1
    low = float(largest[first - 1]) if first else 0.0
    return Interval(float(largest[-1]), low, float(largest[last - 1]) if last <= n else math.inf, n)


def _pairs_for_a_quantile(rule: Rule, ours: Interval, paper: float) -> float:
    """The fewest pairs of which all at most the paper's figure hold the claim; null where one of ours exceeds it."""
    return next(n for n in count(2) if share_interval(n, n)[0] > SHARE / 100) if ours.middle < paper else math.nan


DEVICE = never("how fast the paper's phone is beside a core of this machine was not measured")
TAIL = above(f"{SHARE:g} %", lambda _: SHARE)
LARGEST = below("the paper's figure", lambda paper: paper)

_CLAIMS = [
    *(
        _change(
            f"Rehearsal beats LwF at user share {share}: average PPL",
            "ppl_average",
            f"lwf {share}",
            f"rehearsal {share}",
            lower(),
        )
        for share in SHARES
    ),
    *(
        _change(
            f"Rehearsal at user share 1/2 is not worse than {text}: average PPL",
            "ppl_average",
            row,
            ONE_DEVICE,
            not_higher(2),
        )
        for row, text in (("rehearsal 1/4", "at 1/4"), ("rehearsal 3/4", "at 3/4"), ("plain", "plain fine-tuning"))
    ),
    *(
        _change(f"Averaging over many rounds beats {text}: average PPL", "ppl_average", row, MANY_ROUNDS, lower())
        for row, text in {ONE_DEVICE: "one device", ONE_ROUND: "one round", **DISTILLATIONS}.items()
    ),
    _change("Averaging over many rounds lowers user PPL by almost 70 %", "ppl_user", INITIAL, MANY_ROUNDS, at_most(10)),
    _change(
        "Averaging over many rounds raises general PPL little", "ppl_general", INITIAL, MANY_ROUNDS, not_higher(10)
    ),
    _change(
        "Averaging over many rounds raises general PPL little beside as many rounds of general text alone",
        "ppl_general",
        CONTROL,
        MANY_ROUNDS,
        not_higher(10),
    ),
    Claim("Averaging over many rounds raises user KSS", "points", _keystrokes_theirs, _keystrokes_ours, at_least(3)),
    Claim(
        "A device takes about two minutes for 20 kB of text: a core of this machine, with a model of the paper's size",
        "s",
        _said("device seconds"),
        _seconds,
        DEVICE,
    ),
    Claim(
        "The tail of c is Pareto: pairs in which it is not rejected in either direction",
        "%",
        lambda tables: 100 * _said("tail not rejected")(tables) / _said("tail samples")(tables),
        _share_not_rejected,
        TAIL,
        shares_needed,
    ),
    *(
        Claim(
            f"Largest epsilon at delta {delta}, estimated from the tails that are not rejected",
            "",
            _said(f"epsilon_{delta}"),
            partial(_largest_epsilon, f"estimated_epsilon_{delta}"),
            LARGEST,
            _pairs_for_a_quantile,
        )
        for delta in DELTAS
    ),
]
