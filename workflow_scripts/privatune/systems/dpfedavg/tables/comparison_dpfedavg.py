"""The table `comparison_dpfedavg`: as `comparison`, for DP-FedAvg and the models that it is compared with."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from privatune.core.files import read_json
from privatune.privacy.ledger import total
from privatune.report.columns import show
from privatune.report.frames import Table, arrange
from privatune.report.measured import COLUMNS
from privatune.systems.dpfedavg.columns import OWN
from privatune.systems.dpfedavg.tables.ledger import ALL, phase_of

STATED = [
    *"unit noised adjacency sensitivity sampling population cohort q rounds noise_multiplier clip".split(),
    *"accountant epsilon_rdp".split(),
]
MEASURED = [name for name in COLUMNS if name != "ppl_later"]  # of training persons' text, which no noise covers
CARRIED = "carriers participation carriers_epsilon".split()
SHOWN = (
    "scenario seed ppl_general ppl_user recall1_user recall3_user kss_user bits_up noise_multiplier clip "
    "sampling adjacency q delta epsilon accountant epsilon_rdp covered carriers_epsilon"
).split()
NOTE = (
    "The rows are as in the table `comparison`, for a model and samples of their own. PPL is the perplexity of words; "
    "the CSV also has it with ends of lines. Epsilon is a user-level upper bound over all rounds, at the delta in its "
    "row. It compares one person's text with none (zero out one: the person's place remains, and the number of persons "
    "is public) or with another person's text (replace one). The CSV has all its terms: unit, adjacency, sampling, q, "
    "T, noise multiplier, clip, delta and accountant. It is about one model. The last row is about all models of this "
    "table together, under all seeds; the table `ledger` adds them up one by one. Where there is no epsilon there is "
    "no noise, and nothing is claimed. With {persons:,} persons an honest epsilon at a useful noise is large; the "
    "table `accounting` has the scale of the paper. Seeds are public unless `secure: true`, so these models show the "
    "method and protect nobody. Synthetic persons, who carry canaries, take part beside the cohort of real persons, "
    "each in a round with the probability `participation`. No real person's epsilon depends on them, and the variant "
    "without them shows what they cost. They take part more often than real persons do. The epsilon of carriers is "
    "that of a real person who would take part as often, at the same delta. ngram-general is the n-gram model that the "
    "network replaces; ngram-private is an n-gram model of the persons' own text. Covered by an epsilon: whether an "
    "epsilon bounds what the row tells about training persons. Do not publish a row that says `no` together with a "
    "model that is meant to protect them. User measures are of persons who never train. Sent up: megabytes of all "
    "clients in all rounds, by the expected number of clients."
)


def table(measures: Sequence[str | Path]) -> Table:
    """One row per trained model and per n-gram model; from files of `measure_dp` and `measure_ngram`."""
    models = [read_json(path) for path in measures]
    frame = pd.DataFrame([_row(model) for model in models])
    frame = arrange(frame, [*MEASURED, "covered", *STATED, *CARRIED], list(dict.fromkeys(frame["scenario"])), ["seed"])
    shown = show(frame, SHOWN, OWN)
    epsilon, delta, _ = total(phase_of(model) for model in models if model.get("text") != "general")
    last = pd.DataFrame([{"scenario": ALL, "delta": delta, "epsilon": epsilon}], columns=SHOWN)
    shown = pd.concat([shown, show(last, SHOWN, OWN)], ignore_index=True)
    note = NOTE.format(persons=int(frame["population"].max()))
    return Table("Quality under user-level differential privacy", note, frame, shown)


def _row(model: dict) -> dict:
    """An n-gram model has no rounds; a model without noise has a mechanism, but neither epsilon nor delta."""
    mechanism = model.get("mechanism") or {}
    stated = model["guarantee"] or {}
    cohort, rounds = mechanism.get("cohort"), mechanism.get("rounds")
    carried = {name: mechanism.get(name) for name in CARRIED} | {"carriers_epsilon": model.get("carriers_epsilon")}
    sent = None
    if mechanism:
        sent = round(model["model_bits"] * rounds * (cohort + mechanism["carriers"] * mechanism["participation"]))
    row = {name: model.get(name) for name in MEASURED} | {name: mechanism.get(name) for name in STATED} | carried
    row |= {name: model[name] for name in model if name.endswith("_resampled") or name.startswith("clusters_")}
    row["covered"] = "yes" if stated else "public text" if model.get("text") == "general" else "no"
    row |= {"scenario": model["variant"], "round": rounds, "clients_per_round": cohort}
    return row | {"bits_up": sent, "bits_down": sent} | stated
