"""Judge the claims of Popov et al. (2018), 'Distributed fine-tuning of language models on private data'."""

import math
from collections.abc import Callable
from functools import partial
from itertools import count

import pandas as pd
from scipy.stats import binom

from privatune.attacks.tail import NOT_REJECTED, REJECTED
from privatune.core.proportions import share_interval
from privatune.report.intervals import CONFIDENCE, TRIALS, Interval, difference, interval, ratio, share
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
    "distillation generated 5 cycles": "distillation on new generated text in each epoch",
}

# percent of pairs for which a claim on the tail must hold; the lower limit of the paper's 19 of 20 is 75.1
SHARE = 75.0
DELTAS = ("1e-4", "1e-5", "1e-6")


def claims(tables: Tables) -> list[Claim]:
    """Return all claims, whatever the tables hold."""
    return _CLAIMS


def note(tables: Tables) -> str:
    """Explain what the claims call many rounds, and on how many tails an estimated epsilon is based."""
    many = counterpart(tables, MANY_ROUNDS)
    rounds = f"{SYSTEM}: no model corresponds to `{MANY_ROUNDS}`."
    if len(many):
        number, clients = many[["round", "clients_per_round"]].iloc[0]
        rounds = f"{SYSTEM}: many rounds are {number:g} of {clients:g} persons here (in the paper: `{MANY_ROUNDS}`)."
    verdicts = tables["tail"]["verdict"]
    return (
        f"{rounds} A Pareto tail is not rejected in {(verdicts == NOT_REJECTED).sum()} of {len(verdicts)} samples, "
        "which are the two directions of each pair. An estimated epsilon from them is not a proof. For an estimated "
        "epsilon, n counts the pairs that have one, and low and high are the exact interval of the value that "
        f"{SHARE:g} % of pairs do not exceed."
    )


def _ours(tables: Tables, measure: str, old: str, new: str) -> Interval:
    return ratio(counterpart(tables, new), counterpart(tables, old), measure).map(_percent)


def _theirs(tables: Tables, measure: str, old: str, new: str) -> float:
    figures = tables["paper"].set_index("row")[measure]
    return _percent(figures[new] / figures[old]) if {old, new} <= set(figures.index) else math.nan


def _percent(quotient: float) -> float:
    return 100 * (quotient - 1)


def _change(text: str, measure: str, old: str, new: str, rule: Rule) -> Claim:
    """Return a claim on the change, in percent, from one row's perplexity to another's."""
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
    """Return the seconds of one client, scaled to the amount of text and the model size of the paper's device.

    The text is the client's own and the general text that it rehearses; the size is in multiplications per word.
    """
    scenarios = {*counterpart(tables, ONE_DEVICE)["scenario"], *counterpart(tables, MANY_ROUNDS)["scenario"]}
    clients = tables["client_costs"]
    clients = clients[clients["scenario"].isin(scenarios)]
    size = _said("device products")(tables) / clients["products_per_word"]
    text = _said("device text")(tables) / (clients["user_kb"] + clients["rehearsal_kb"])
    return interval(clients["seconds"] * size * text)


def _kept_pairs(tables: Tables) -> tuple[pd.DataFrame, int]:
    """Return the samples of pairs whose tail is not rejected in either direction, and the number of decided pairs.

    The two directions of a pair compare the same two models, so they are not two replicates.
    """
    verdicts = tables["tail"].groupby("pair")["verdict"]
    rejected = verdicts.agg(lambda pair: (pair == REJECTED).any()).astype(bool)
    kept = verdicts.agg(lambda pair: (pair == NOT_REJECTED).all()).astype(bool)
    samples = tables["tail"]
    return samples[samples["pair"].isin(kept.index[kept])], int((kept | rejected).sum())


def _share_not_rejected(tables: Tables) -> Interval:
    """Return the percentage of decided pairs that are not rejected, with Clopper and Pearson's (1934) interval."""
    samples, n = _kept_pairs(tables)
    return share(samples["pair"].nunique(), n)


def _largest_epsilon(column: str, tables: Tables) -> Interval:
    """Return the largest estimated epsilon of samples whose tail is not rejected; a pair counts with its larger one.

    The largest value grows with the number of pairs, so the interval is not that of the largest. It is the exact
    interval, from order statistics, of the estimated epsilon that SHARE percent of pairs do not exceed. With too few
    pairs, its ends are 0 and infinity.
    """
    samples = tables["tail"]
    if column not in samples:  # the run has other deltas
        return Interval(math.nan, math.nan, math.nan, 0)
    samples = samples[samples["verdict"] == NOT_REJECTED]
    largest = samples.groupby("pair")[column].max().dropna().astype(float).sort_values().to_numpy()
    n = len(largest)
    if not n:
        return Interval(math.nan, math.nan, math.nan, 0)
    below_share = binom(n, SHARE / 100)

    def at(confidence: float) -> tuple[float, float]:
        first = int(below_share.ppf((1 - confidence) / 2))
        last = int(below_share.ppf((1 + confidence) / 2)) + 1
        return float(largest[first - 1]) if first else 0.0, float(largest[last - 1]) if last <= n else math.inf

    return Interval(float(largest[-1]), *at(CONFIDENCE), n, TRIALS, at)


def _pairs_for_a_quantile(rule: Rule, ours: Interval, paper: float) -> float:
    """Return how few pairs could decide if all are on our side of the paper's figure; null if ours may be on both."""
    if ours.middle < paper:
        return next(n for n in count(2) if share_interval(n, n)[0] > SHARE / 100)
    return next(n for n in count(2) if share_interval(0, n)[1] < SHARE / 100) if ours.n == 1 else math.nan


DEVICE = never("the speed of the paper's phone relative to a core of this machine was not measured")
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
        "Averaging over many rounds hardly raises general PPL", "ppl_general", INITIAL, MANY_ROUNDS, not_higher(10)
    ),
    _change(
        "Averaging over many rounds hardly raises general PPL, compared with as many rounds on general text alone",
        "ppl_general",
        CONTROL,
        MANY_ROUNDS,
        not_higher(10),
    ),
    Claim("Averaging over many rounds raises user KSS", "points", _keystrokes_theirs, _keystrokes_ours, at_least(3)),
    Claim(
        "A device takes about two minutes for 20 kB of text: one core of this machine, scaled to the paper's model",
        "s",
        _said("device seconds"),
        _seconds,
        DEVICE,
    ),
    Claim(
        "The tail of c is Pareto: pairs whose Pareto tail is not rejected in either direction",
        "%",
        lambda tables: 100 * _said("tail not rejected")(tables) / _said("tail samples")(tables),
        _share_not_rejected,
        TAIL,
        shares_needed,
    ),
    *(
        Claim(
            f"Largest estimated epsilon at delta {delta}, from the tails that are not rejected",
            "",
            _said(f"epsilon_{delta}"),
            partial(_largest_epsilon, f"estimated_epsilon_{delta}"),
            LARGEST,
            _pairs_for_a_quantile,
        )
        for delta in DELTAS
    ),
]
