"""Say what will surely fail or mean little, before anything trains, each with the key to change."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from privatune.core.errors import PrivatuneError
from privatune.experiment import Experiment
from privatune.federation.cohorts import refuse_too_many
from privatune.federation.settings import INITIAL
from privatune.planning.shown import size
from privatune.privacy.accounting import default_delta
from privatune.systems.dpzero.terms import expected_batch

# where a result begins to mean little; all are judgements, and none changes what runs
FEW_PERSONS = 10  # who train, or whose text a sample has
FEW_SENTENCES = 10  # of a label in a part
UNKNOWN = 20.0  # percent of the words outside the vocabulary
PERPLEXITY, ACCURACY = 10.0, 5.0  # standard errors, in percent and in percentage points
SHARE = 0.8  # of the sentences with one label, of the rows that a rule drops, of a sample that there is text for
EPSILON = 10.0  # above it, a guarantee excludes little


class Concern(NamedTuple):
    """What a user should change before a run."""

    fails: bool  # whether a job will surely fail; if not, a result will mean little
    key: str
    text: str


def concerns(e: Experiment, found: Mapping[str, Any]) -> list[Concern]:
    """Return the concerns about an experiment, first those for which a job will fail.

    Args:
        e: the experiment.
        found: what `preflight` returns.
    """
    every = [*_cohorts(e, found), *_machine(found), *_text(e, found), *_samples(e, found), *_labels(e, found)]
    every += [*_privacy(found), *_seeds(e)]
    return sorted(every, key=lambda concern: not concern.fails)  # which keeps the order otherwise


def _cohorts(e: Experiment, found: Mapping[str, Any]) -> Iterator[Concern]:
    """Cohorts and batches that need more persons or sentences than there are, and samples without text."""
    persons = found["persons"]["persons"]["train"]
    for key, needed in _needed(e):
        try:
            refuse_too_many(persons, needed, key)
        except PrivatuneError as error:
            yield Concern(True, key, _without(key, error))
    for key, message in found["errors"]:
        yield Concern(True, key, message)
    for row in found["sentences"]:
        if row["name"] not in e.dpzero.sets:
            continue
        n = sum(row["n"]["train"])
        for name in e.dpzero.run:
            method = e.dpzero.methods[name]
            if row["name"] in method.leave_out:
                continue
            try:
                expected_batch(n, method)
            except PrivatuneError as error:
                yield Concern(True, f"dpzero.methods.{name}.batch", f"`{row['name']}`: {_without('batch', error)}")
        if (delta := e.dpzero.privacy.delta) and delta > (largest := default_delta(n)):
            text = f"{delta:g} is too large for the {n:,} sentences of `{row['name']}`; take at most {largest:.3g}"
            yield Concern(True, "dpzero.privacy.delta", text)


def _needed(e: Experiment) -> Iterator[tuple[str, int]]:
    """How many persons each cohort needs, by its key."""
    for name in dict.fromkeys([*e.run, *e.popov.scenarios]):
        if name != INITIAL:
            cohort = e.scenarios[name].cohort
            yield f"scenarios.{name}.cohort.size", cohort.size * cohort.persons_per_device
    yield f"scenarios.{e.tail.scenario}.cohort.size, plus one for `tail`", e.scenarios[e.tail.scenario].cohort.size + 1
    yield "compression.cohort.size", e.compression.cohort.size


def _without(key: str, error: PrivatuneError) -> str:
    return str(error).removeprefix(f"{key}: ")


def _machine(found: Mapping[str, Any]) -> Iterator[Concern]:
    """Jobs that need more memory or disk than this machine has."""
    machine = found["machine"]
    for row in found["targets"]:
        if row["memory_mb"] > machine["memory_mb"]:
            text = f"a job of `{row['target']}` needs {size(1e6 * row['memory_mb'])}, more than the "
            text += f"{size(1e6 * machine['memory_mb'])} of this machine; lower the sizes of its model and of its text"
            yield Concern(True, row["target"], text)
        if row["to_do"] and row["disk_bytes"] > machine["disk_bytes"]:
            text = f"`{row['target']}` needs up to {size(row['disk_bytes'])}, and {size(machine['disk_bytes'])} are"
            yield Concern(True, "output", f"{text} free; name a folder on a larger disk")


def _text(e: Experiment, found: Mapping[str, Any]) -> Iterator[Concern]:
    """Text that is lost to a rule or lies outside the vocabulary, and too few persons."""
    for name, manifest in found["sources"].items():
        for rule, count in manifest["dropped"].items():
            if rule != "empty" and count > SHARE * manifest["rows_read"]:
                text = f"`{rule}` drops {count:,} of the {manifest['rows_read']:,} rows of `{name}`"
                yield Concern(False, "cleaning", f"{text}; loosen this rule, or check the source's columns")
    persons = found["persons"]
    train = persons["persons"]["train"]
    if train < FEW_PERSONS:
        below = persons["left_out"]["persons_below_min_words"]
        text = f"only {train} persons train ({below:,} have too few words); lower it, or bring text of more persons"
        yield Concern(False, "private.min_words", text)
    unknown = sum(row["unknown"] for row in found["streams"] if row["corpus"] == "private")
    words = sum(row["tokens"] - row["lines"] for row in found["streams"] if row["corpus"] == "private")
    if (share := 100 * unknown / words) > UNKNOWN:
        text = f"{share:.0f} % of the private words are outside the vocabulary, and no model learns them; name general "
        text += "text that is more like the private text (its language first), or raise `text.vocabulary`"
        yield Concern(False, "general.corpora", text)


def _samples(e: Experiment, found: Mapping[str, Any]) -> Iterator[Concern]:
    """Samples of text that are too small to tell models apart."""
    more = {"general": "general test text", "user": "persons who are held out", "later": "text of each person"}
    for row in found["samples"]:
        key, wish = f"evaluation.{row['name']}_tokens", f"bring more {more[row['name']]}"
        if row["drawn"] < SHARE * row["asked"]:
            text = f"{row['asked']:,} words are asked for, but there are {row['drawn']:,}; {wish}"
            yield Concern(False, key, text)
        if row["units"] < FEW_PERSONS and row["name"] != "general":
            yield Concern(False, key, f"the sample has text of only {row['units']} persons; {wish}")
        elif row["error"] is None or row["error"] > PERPLEXITY:
            error = "an unknown" if row["error"] is None else f"a {row['error']:.1f} %"
            yield Concern(
                False, key, f"{error} standard error of perplexity hides most differences; raise it, or {wish}"
            )


def _labels(e: Experiment, found: Mapping[str, Any]) -> Iterator[Concern]:
    """Sets of sentences that are too small or have too few sentences of a label."""
    for row in found["sentences"]:
        at, total = f"sentences.{row['name']}", [sum(part) for part in zip(*row["n"].values(), strict=True)]
        if row["error"] > ACCURACY and row["name"] in (*e.dpzero.sets, e.split.set):  # attackers need no test part
            text = f"{sum(row['n']['test']):,} test sentences leave a standard error of {row['error']:.1f} points; "
            yield Concern(False, f"{at}.test_share", f"{text}raise it, or bring more sentences")
        if (few := min(row["n"]["train"])) < FEW_SENTENCES:
            text = f"a label has {few} training sentences; bring more of them, or leave this label out"
            yield Concern(False, f"{at}.source", text)
        if (share := max(total) / sum(total)) > SHARE:
            text = f"{share:.0%} of the sentences have one label, so whoever always says this label is right as often"
            yield Concern(False, f"{at}.source", f"{text}; bring more sentences with other labels")


def _privacy(found: Mapping[str, Any]) -> Iterator[Concern]:
    """Guarantees that exclude little."""
    for row in found["guarantees"]:
        if row["epsilon"] > EPSILON:
            text = f"epsilon is {row['epsilon']:,.3g} at delta {row['delta']:.2g}, which excludes little; raise "
            text += "`noise_multiplier`, or bring more persons"
            yield Concern(False, f"dpfedavg.variants.{row['variant']}.privacy", text)


def _seeds(e: Experiment) -> Iterator[Concern]:
    """Systems with a single replicate, whose claims stay undecided."""
    for system in ("popov", "compression", "dpfedavg", "dpzero", "split"):
        if len(getattr(e, system).seeds) == 1:
            yield Concern(False, f"{system}.seeds", "one seed leaves every claim undecided; list two or more")
