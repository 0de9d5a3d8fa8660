import math
from pathlib import Path

import pandas as pd
import pytest

from privatune.attacks.tail import NOT_REJECTED, REJECTED, UNDECIDED
from privatune.report.tables.claims import COLUMNS, table
from privatune.systems.popov import claims as popov_2018
from privatune.systems.popov.claims import DELTAS, TABLES, claims
from privatune.systems.popov.counterparts import counterpart

REPORT = Path(__file__).parents[3] / "report/popov"
PAPER = {"paper": REPORT / "paper.csv", "paper_text": REPORT / "paper-text.csv"}
MANY = ("averaging-rehearsal", 4)
GOOD = {MANY: (176, 110)}  # what makes every claim hold
CONTROLLED = [*GOOD.items(), (("averaging-control", 4), (172, 331))]
SECONDS = "A device takes about two minutes for 20 kB of text: one core of this machine, scaled to the paper's model"
CONTROL = "Averaging over many rounds hardly raises general PPL, compared with as many rounds on general text alone"
TAIL = "The tail of c is Pareto: pairs whose Pareto tail is not rejected in either direction"
EPSILON = "Largest estimated epsilon at delta 1e-5, from the tails that are not rejected"


@pytest.fixture
def judged(write_replicates, tmp_path, monkeypatch):
    """judged(...) makes the table `claims` of made-up tables: its rows by claim.

    Without `models` there is the tail alone, and with `only` that claim alone, which is a tenth of the work.
    """

    def judge(
        changes=GOOD,
        noise=0.002,
        seeds=(0, 1, 2),
        rounds=4,
        seconds=(2.0, 2.1),
        tail=(),
        control=False,
        renamed=(),
        models=True,
        only=None,
    ):
        if only:
            monkeypatch.setattr(popov_2018, "claims", lambda tables: [it for it in claims(tables) if it.text == only])
        replicates = tmp_path / "replicates.csv"
        frame = pd.read_csv(write_replicates(dict(changes), seeds, noise, rounds))
        (frame if models else frame.head(0)).to_csv(replicates, index=False)
        if control:  # under every seed
            copies = frame[frame["scenario"] == "averaging-control"]
            pd.concat([frame, copies.assign(seed=1), copies.assign(seed=2)]).to_csv(replicates, index=False)
        costs = pd.DataFrame(
            {"scenario": "device-rehearsal", "seconds": seconds, "user_kb": 10.0, "rehearsal_kb": 10.0}
        ).assign(products_per_word=26_260_000 / 4)
        other = costs.assign(scenario="device-plain", seconds=9999.0)
        pd.concat([costs, other]).to_csv(tmp_path / "costs.csv", index=False)
        estimates = [f"estimated_epsilon_{delta}" for delta in DELTAS]
        verdicts = pd.DataFrame(tail, columns=[*TABLES["tail"], *estimates]).rename(columns=dict(renamed))
        verdicts.to_csv(tmp_path / "tail.csv", index=False)
        made = table(
            "popov",
            replicates=replicates,
            client_costs=tmp_path / "costs.csv",
            tail=tmp_path / "tail.csv",
            **PAPER,
        )
        assert list(made.frame.columns) == COLUMNS
        return made.frame.set_index("claim").assign(note=made.note)

    return judge


# a claim, and what makes it fail: (general, user) PPL by scenario and round
FAILING = {
    "Rehearsal beats LwF at user share 1/4: average PPL": {("device-lwf-25", 1): (180, 240)},
    "Rehearsal beats LwF at user share 1/2: average PPL": {("device-lwf", 1): (180, 220)},
    "Rehearsal beats LwF at user share 3/4: average PPL": {("device-rehearsal-75", 1): (260, 250)},
    "Rehearsal at user share 1/2 is not worse than at 1/4: average PPL": {("device-rehearsal-25", 1): (170, 230)},
    "Rehearsal at user share 1/2 is not worse than at 3/4: average PPL": {("device-rehearsal-75", 1): (170, 230)},
    "Rehearsal at user share 1/2 is not worse than plain fine-tuning: average PPL": {("device-plain", 1): (170, 230)},
    "Averaging over many rounds beats one device: average PPL": {("device-rehearsal", 1): (150, 100)},
    "Averaging over many rounds beats one round: average PPL": {("averaging-rehearsal", 1): (150, 100)},
    "Averaging over many rounds beats distillation on real text: average PPL": {("server-distill-real", 1): (150, 100)},
    "Averaging over many rounds beats distillation on generated text: average PPL": {
        ("server-distill-generated", 1): (150, 100)
    },
    "Averaging over many rounds beats distillation on new generated text in each epoch: average PPL": {
        ("server-distill-generated-5", 1): (150, 100)
    },
    "Averaging over many rounds lowers user PPL by almost 70 %": {MANY: (176, 240)},
    "Averaging over many rounds hardly raises general PPL": {MANY: (230, 110)},
    "Averaging over many rounds raises user KSS": {MANY: (176, 250)},
}


def test_claims_hold_where_the_replicates_say_so(judged):
    claims = judged().loc[list(FAILING)]
    assert (claims["verdict"] == "holds").all() and (claims["n"] == 3).all()
    assert (claims["low"] <= claims["ours"]).all() and (claims["ours"] <= claims["high"]).all()


@pytest.mark.parametrize("claim", FAILING)
def test_a_claim_fails_where_the_replicates_say_so(judged, claim):
    assert judged({**GOOD, **FAILING[claim]}, only=claim).loc[claim, "verdict"] == "fails"


def test_unsteady_replicates_decide_nothing(judged):
    assert (judged(noise=1.0).loc[list(FAILING), "verdict"] == "undecided").all()


def test_one_replicate_is_shown_but_decides_nothing(judged):
    claims = judged(seeds=[0]).loc[list(FAILING)]
    assert (claims["verdict"] == "undecided").all() and (claims["n"] == 1).all()
    assert claims["low"].isna().all() and claims["ours"].notna().all()


def test_no_claim_is_left_untested():
    tested = {*FAILING, SECONDS, TAIL}
    rest = [
        claim.text
        for claim in claims({})
        if claim.text not in tested and not claim.text.startswith("Largest estimated epsilon")
    ]
    assert rest == [CONTROL]


def test_the_control_has_its_own_row_without_a_figure_of_the_paper(judged):
    claim = CONTROL
    alone = judged(dict(CONTROLLED), only=claim).loc[claim]
    assert alone["verdict"] == "undecided" and alone["n"] == 1 and alone["ours"] == pytest.approx(2.3, abs=0.8)
    row = judged(dict(CONTROLLED), control=True, only=claim).loc[claim]
    assert row["verdict"] == "holds" and row["n"] == 3 and math.isnan(row["paper"])
    assert (
        judged({**GOOD, ("averaging-control", 4): (130, 331)}, control=True, only=claim).loc[claim, "verdict"]
        == "fails"
    )


def test_the_papers_figures_are_computed_from_its_tables(judged):
    paper = judged()["paper"]
    assert paper["Averaging over many rounds lowers user PPL by almost 70 %"] == pytest.approx(-67.5, abs=0.05)
    assert paper["Averaging over many rounds raises user KSS"] == pytest.approx(8.7)
    assert paper["Rehearsal beats LwF at user share 1/4: average PPL"] == pytest.approx(100 * (124.8 / 146 - 1))
    assert paper[SECONDS] == 140 and paper[TAIL] == 95 and paper[EPSILON] == 0.83


def test_many_rounds_are_the_last_that_two_seeds_have_reached(judged):
    claim = "Averaging over many rounds lowers user PPL by almost 70 %"
    values = {("averaging-rehearsal", 1): (176, 300), MANY: (176, 200), ("averaging-rehearsal", 10): (176, 100)}
    for rounds, user, n in ((10, 100, 3), (4, 200, 3), (1, 100, 1)):
        row = judged(values, rounds=rounds, noise=0.0001, only=claim).loc[claim]
        assert (row["n"], row["ours"]) == (n, pytest.approx(100 * (user / 334 - 1), abs=0.1))
        assert f"many rounds are {10 if n == 1 else rounds} of 10 persons" in row["note"]


def test_replicates_are_of_one_model():
    rows = [("a", 0, 17), ("a", 1, 17), ("a", 0, 50), ("a", 1, 50), ("b", 0, 50), ("b", 1, 50), ("a", 0, 60)]
    models = pd.DataFrame(rows, columns=["scenario", "seed", "round"])
    models = models.assign(paper="averaging 300 rounds", clients_per_round=5, user_share=0.5)
    control = models[models["round"] == 50].assign(paper=None, user_share=0.0)
    tables = {"replicates": pd.concat([models, control], ignore_index=True)}
    for row in ("averaging 300 rounds", "control"):
        found = counterpart(tables, row)
        assert found[["scenario", "seed", "round"]].to_numpy().tolist() == [["a", 0, 50], ["a", 1, 50]]


@pytest.mark.parametrize("seconds", [(2, 3, 2.5), (150, 155, 160), (2,)])
def test_the_seconds_of_a_device_are_shown_and_never_judged(judged, seconds):
    row = judged(seconds=seconds, only=SECONDS).loc[SECONDS]
    assert (row["verdict"], row["n"]) == ("undecided", len(seconds)) and "not judged" in row["rule"]
    assert row["ours"] == pytest.approx(4 * sum(seconds) / len(seconds)), "as large a model as the paper's"


def pairs(kept=0, rejected=0, undecided=0, epsilon=0.5, both=True):
    """Two samples a pair, one for each direction; the second of a rejected pair may be not rejected."""
    fits = {NOT_REJECTED: [0.3, epsilon, 0.9], REJECTED: [None] * 3, UNDECIDED: [None] * 3}
    verdicts = [NOT_REJECTED] * kept + [REJECTED] * rejected + [UNDECIDED] * undecided
    rows = []
    for pair, said in enumerate(verdicts):
        second = said if both or said == UNDECIDED else NOT_REJECTED
        rows += [[pair, said, *fits[said]], [pair, second, *fits[second]]]
    return rows


@pytest.mark.parametrize(
    ("samples", "verdict", "n"),
    [
        (pairs(kept=13), "holds", 13),
        (pairs(kept=12), "undecided", 12),  # 24 samples
        (pairs(kept=19, rejected=1), "holds", 20),
        (pairs(kept=19, rejected=1, both=False), "holds", 20),
        (pairs(kept=14, undecided=3), "holds", 14),
        (pairs(rejected=4, both=False), "fails", 4),
        (pairs(kept=8, rejected=12), "fails", 20),
        (pairs(kept=3, rejected=1), "undecided", 4),
        (pairs(kept=1), "undecided", 1),
        (pairs(undecided=4), "undecided", 0),
        ([], "undecided", 0),
    ],
)
def test_the_tail_is_judged_by_the_pairs_that_are_decided(judged, samples, verdict, n):
    row = judged(tail=samples, models=False, only=TAIL).loc[TAIL]
    assert (row["verdict"], row["n"]) == (verdict, n)


def test_the_exact_interval_is_clopper_and_pearsons(judged):
    row = judged(tail=pairs(kept=19, rejected=1), models=False, only=TAIL).loc[TAIL]
    assert (row["low"], row["high"]) == (pytest.approx(75.13, abs=0.01), pytest.approx(99.87, abs=0.01))


@pytest.mark.parametrize(
    ("samples", "verdict", "ours", "n"),
    [
        (pairs(kept=13), "holds", 0.5, 13),
        (pairs(kept=12), "undecided", 0.5, 12),
        (pairs(kept=13, rejected=7), "holds", 0.5, 13),
        (pairs(kept=3, epsilon=1.2), "fails", 1.2, 3),
        (pairs(kept=1, rejected=1, both=False), "undecided", 0.5, 2),
        (pairs(rejected=2, undecided=2), "undecided", math.nan, 0),
        ([], "undecided", math.nan, 0),
    ],
)
def test_an_epsilon_is_the_largest_over_the_samples_not_rejected(judged, samples, verdict, ours, n):
    for place, row in enumerate(row for row in samples if row[1] == NOT_REJECTED):
        row[3] -= 0.001 * place
    claims = judged(tail=samples, models=False, only=EPSILON)
    assert (claims.loc[EPSILON, "verdict"], claims.loc[EPSILON, "n"]) == (verdict, n)
    assert claims.loc[EPSILON, "ours"] == pytest.approx(ours, nan_ok=True)
    kept = sum(row[1] == NOT_REJECTED for row in samples)
    assert f"not rejected in {kept} of {len(samples)} samples" in claims.loc[EPSILON, "note"]
    assert "not a proof" in claims.loc[EPSILON, "note"]


@pytest.mark.parametrize(("samples", "p"), [(pairs(kept=13), 2 * 0.75**13), (pairs(kept=3, epsilon=1.2), 2 * 0.25**3)])
def test_an_epsilon_is_counted_among_the_verdicts_that_chance_may_decide(judged, samples, p):
    """It had no p, so its verdict was kept whatever the number of claims."""
    for place, row in enumerate(samples):
        row[3] -= 0.001 * place
    row = judged(tail=samples).loc[EPSILON]
    assert (row["p"], row["sources"]) == (pytest.approx(p, rel=1e-4), "trials")
    assert row["p_holm"] >= row["p"]


@pytest.mark.parametrize(
    ("samples", "needed"),
    [
        (pairs(kept=2), 13),
        (pairs(kept=1, epsilon=1.2), 3),
        (pairs(kept=1, epsilon=1.2) + pairs(kept=2)[2:], math.nan),
        (pairs(rejected=2), math.nan),
    ],
)
def test_an_undecided_epsilon_says_how_many_pairs_it_would_take(judged, samples, needed):
    row = judged(tail=samples, models=False, only=EPSILON).loc[EPSILON]
    assert row["verdict"] == "undecided" and row["needed"] == pytest.approx(needed, nan_ok=True)


def test_an_epsilon_at_another_delta_decides_nothing(judged):
    claims = judged(tail=pairs(kept=13), models=False, renamed={"estimated_epsilon_1e-5": "estimated_epsilon_1e-7"})
    assert (claims.loc[EPSILON, "verdict"], claims.loc[EPSILON, "n"]) == ("undecided", 0)


def test_more_pairs_make_no_verdict_less_likely(judged):
    """At the same share of pairs, and of epsilons above the paper's, as the largest epsilon grows with the pairs."""
    said = []
    for times in (1, 2, 4):
        samples = pairs(kept=19 * times, rejected=times)
        for pair in range(19 * times):
            samples[2 * pair][3] = 0.9 + 0.1 * times if pair < times else 0.5 - 1e-4 * pair
        samples = [
            [row[0], row[1], row[2], row[3] - 1e-4 * at, row[4]] if row[3] else row for at, row in enumerate(samples)
        ]
        claims = judged(tail=samples, models=False)
        said.append((claims.loc[TAIL, "verdict"], claims.loc[EPSILON, "verdict"]))
    assert said == [("holds", "undecided"), ("holds", "holds"), ("holds", "holds")]


def test_nothing_is_decided_without_evidence(judged, tmp_path, without_evidence):
    judged(control=True, tail=pairs(kept=20))
    files = {"replicates": "replicates", "client_costs": "costs", "tail": "tail"}
    tables = {name: pd.read_csv(tmp_path / f"{file}.csv") for name, file in files.items()}
    tables |= {name: pd.read_csv(path) for name, path in PAPER.items()}
    without_evidence(popov_2018, tables)


def test_tables_without_the_rows_decide_nothing(tmp_path):
    for name, columns in TABLES.items():
        if not name.startswith("paper"):
            pd.DataFrame(columns=columns).to_csv(tmp_path / f"{name}.csv", index=False)
    made = table("popov", **{**{name: tmp_path / f"{name}.csv" for name in TABLES}, **PAPER})
    assert len(made.frame) == len(claims({})) and set(made.frame["verdict"]) == {"undecided"}
    assert made.frame["ours"].isna().all() and "no model corresponds to" in made.note
