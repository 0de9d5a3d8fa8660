"""The claims of Popov et al. (2018), 'Distributed fine-tuning of language models on private data'."""

import math
from collections.abc import Callable
from functools import partial

from scipy.special import betaincinv

from privatune.attacks.tail import NOT_REJECTED, REJECTED
from privatune.report.intervals import Interval, difference, interval, ratio
from privatune.report.verdicts import (
    FAILS,
    HOLDS,
    UNDECIDED,
    Claim,
    Rule,
    Tables,
    about,
    at_most,
    little,
    lower,
    not_higher,
)
from privatune.systems.popov.counterparts import CONTROL, MANY_ROUNDS, counterpart

SYSTEM = "Popov et al. 2018"
TABLES = {
    "replicates": (
        "scenario seed round clients_per_round user_share ppl_general ppl_user ppl_average kss_user paper".split()
    ),
    "client_costs": "scenario seconds user_kb rehearsal_kb".split(),
    "tail": ["verdict"],
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

EXPECTED = 95.0  # of 100 Pareto tails a test at 5 % does not reject
PASSED = 90.0


def claims(tables: Tables) -> list[Claim]:
    """All of them, whatever the tables hold."""
    return _CLAIMS


def note(tables: Tables) -> str:
    """What the claims call many rounds on our side."""
    many = counterpart(tables, MANY_ROUNDS)
    if many.empty:
        return f"{SYSTEM}: no model stands for `{MANY_ROUNDS}`."
    rounds, clients = many[["round", "clients_per_round"]].iloc[0]
    return f"{SYSTEM}: many rounds are {rounds:g} of {clients:g} persons on our side (`{MANY_ROUNDS}` in the paper)."


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
    """Of one client for as much text, its own and the general text that it rehearses, as the paper's device read."""
    scenario = set(counterpart(tables, ONE_DEVICE)["scenario"])
    clients = tables["client_costs"]
    clients = clients[clients["scenario"].isin(scenario)]
    return interval(_said("device text")(tables) * clients["seconds"] / (clients["user_kb"] + clients["rehearsal_kb"]))


def _share_not_rejected(tables: Tables) -> Interval:
    """Percent of the decided samples, with the exact binomial interval (Clopper and Pearson, 1934)."""
    verdicts = tables["tail"]["verdict"]
    kept, n = int((verdicts == NOT_REJECTED).sum()), int(verdicts.isin([NOT_REJECTED, REJECTED]).sum())
    if n < 2:
        return Interval(100 * kept / n if n else math.nan, math.nan, math.nan, n)
    low = betaincinv(kept, n - kept + 1, 0.025) if kept else 0.0
    high = betaincinv(kept + 1, n - kept, 0.975) if kept < n else 1.0
    return Interval(100 * kept / n, 100 * float(low), 100 * float(high), n)


def _judge_tail(ours: Interval, _: float) -> str:
    if ours.high < EXPECTED:
        return FAILS
    return HOLDS if ours.middle >= PASSED else UNDECIDED


def _largest_epsilon(column: str, tables: Tables) -> Interval:
    """Over the samples, from the smallest to the largest; null unless a Pareto tail is supported in all of them."""
    tail = tables["tail"]
    if column not in tail or not len(tail) or not (tail["verdict"] == NOT_REJECTED).all():
        return Interval(math.nan, math.nan, math.nan, 0)
    values = tail[column].astype(float)
    low = values.min() if len(values) > 1 else math.nan
    return Interval(values.max(), low, values.max(), len(values))


TAIL = Rule(
    f"holds if at least {PASSED:g} % of the decided samples are not rejected and the exact interval of that share "
    f"holds the {EXPECTED:g} % of a Pareto tail; fails if the interval lies below it",
    _judge_tail,
)
LARGEST = Rule(
    "an estimate, not a proof; no figure unless a Pareto tail is supported in every sample; holds if the largest is at "
    "most the paper's, fails if it is larger (low, high: smallest and largest sample)",
    lambda ours, paper: HOLDS if ours.high <= paper else FAILS,
)

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
    _change("Averaging over many rounds lowers user PPL by almost 70 %", "ppl_user", INITIAL, MANY_ROUNDS, about(10)),
    _change("Averaging over many rounds changes general PPL little", "ppl_general", INITIAL, MANY_ROUNDS, little(10)),
    _change(
        "Averaging over many rounds changes general PPL little beside as many rounds of general text alone",
        "ppl_general",
        CONTROL,
        MANY_ROUNDS,
        little(10),
    ),
    Claim("Averaging over many rounds raises user KSS", "points", _keystrokes_theirs, _keystrokes_ours, about(3)),
    Claim("A device takes about two minutes for 20 kB of text", "s", _said("device seconds"), _seconds, at_most()),
    Claim(
        "The tail of c is Pareto: samples in which it is not rejected",
        "%",
        lambda tables: 100 * _said("tail not rejected")(tables) / _said("tail samples")(tables),
        _share_not_rejected,
        TAIL,
    ),
    *(
        Claim(
            f"Largest epsilon at delta {delta}, estimated from the tail",
            "",
            _said(f"epsilon_{delta}"),
            partial(_largest_epsilon, f"epsilon_{delta}"),
            LARGEST,
        )
        for delta in ("1e-4", "1e-5", "1e-6")
    ),
]
