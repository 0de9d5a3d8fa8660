import math

import pandas as pd
import pytest

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json, write_json
from privatune.report.frames import write_table
from privatune.systems.popov.tables import clients, replicates
from privatune.systems.popov.tables.comparison import table


@pytest.fixture
def build(tmp_path):
    """build(run, order of scenarios): the table `comparison` of a run."""

    def table_of(run, scenarios=None):
        write_table(clients.table(run.clients, run.scenarios), tmp_path / "clients.csv")
        order = sorted(run.about, key=lambda scenario: (scenarios or run.scenarios).index(scenario["name"]))
        return table(run.evaluations, [tmp_path / "clients.csv"], run.paper, order)

    return table_of


def test_columns_of_the_interface_come_first_and_in_order(make_run, build):
    frame = build(make_run()).frame
    assert list(frame.columns[:21]) == [
        "scenario", "seed", "round", "clients_per_round", "user_share", "ppl_general", "ppl_user", "ppl_average",
        "ppl_general_with_ends", "ppl_user_with_ends", "ppl_average_with_ends", "oov_general", "oov_user",
        "kss_general", "kss_user", "recall1_user", "recall3_user", "bits_up", "bits_down", "epsilon", "delta",
    ]  # fmt: skip
    assert {"ppl_later", "targets_user", "paper_kss_user"} <= set(frame.columns)


def test_rows_follow_the_configured_scenarios_then_seed_then_round(make_run, build):
    run = make_run(seeds=[10, 2], scenarios=["averaging-rehearsal", "initial"])
    rows = build(run, ["initial", "averaging-rehearsal"]).frame[["scenario", "seed", "round"]]
    assert rows.to_numpy().tolist() == [
        *(["initial", seed, 0] for seed in (2, 10)),
        *(["averaging-rehearsal", seed, number] for seed in (2, 10) for number in (1, 3, 10)),
    ]


def test_the_order_of_the_files_does_not_matter(make_run, build):
    run = make_run(seeds=[0, 1])
    first = build(run)
    run.evaluations.reverse(), run.clients.reverse()
    pd.testing.assert_frame_equal(first.frame, build(run).frame)


def test_the_papers_figures_stand_beside_their_counterparts(make_run, build):
    made = build(make_run())
    frame = made.frame.set_index(["scenario", "round"])
    assert frame.loc[("averaging-rehearsal", 10), "paper_ppl_user"] == 109.3
    assert frame.loc[("averaging-rehearsal", 1), "paper_kss_general"] == 67.7
    assert math.isnan(frame.loc[("averaging-control", 10), "paper_ppl_user"])
    last = made.shown[(made.shown["scenario"] == "averaging-rehearsal") & (made.shown["round"] == "10")].iloc[0]
    place = list(made.shown.columns).index("user PPL, words")
    assert (
        list(last)[place : place + 2] == ["118.0", "109.3"]
        and made.shown.columns[place + 1] == "user PPL, words: paper"
    )


def test_what_does_not_apply_is_null(make_run, build):
    frame = build(make_run()).frame
    assert frame[["epsilon", "delta"]].isna().all().all()
    assert frame.loc[frame["scenario"] == "initial", "user_share"].isna().all()
    assert frame.loc[frame["scenario"] != "initial", "user_share"].notna().all()


def test_bits_are_those_of_all_clients_in_all_rounds_so_far(make_run, build):
    frame = build(make_run(seeds=[0, 1])).frame.set_index(["scenario", "seed", "round"])
    for number in (1, 3, 10):
        assert frame.loc[("averaging-plain", 1, number), "bits_up"] == number * 10 * 245_123_456
    assert frame.loc[("device-lwf", 0, 1), "bits_down"] == 245_723_456
    assert frame.loc[("initial", 0, 0), ["bits_up", "bits_down"]].tolist() == [0, 0]


def test_an_unknown_row_of_the_paper_is_named_with_those_there_are(make_run, build):
    run = make_run(scenarios=["initial"])
    run.about[0]["paper"] = {0: "table 3"}
    with pytest.raises(PrivatuneError, match=r"'table 3' is not a row of .*paper\.csv.*averaging 300 rounds"):
        build(run)


def test_typed_figures_of_the_paper_agree_with_each_other(make_run):
    paper = pd.read_csv(make_run().paper)
    pooled = (170e3 * paper["ppl_general"].map(math.log) + 200e3 * paper["ppl_user"].map(math.log)) / 370e3
    assert len(paper) == 13 and paper["row"].is_unique
    assert (pooled.map(math.exp) - paper["ppl_average"]).abs().max() < 0.15
    # the lower the perplexity, the more keystrokes are saved: a slip of a digit would break the order
    assert paper.sort_values("ppl_general")["kss_general"].is_monotonic_decreasing


def test_a_sweep_has_a_column_for_each_swept_key(make_run, build):
    run = make_run(scenarios=["initial", "averaging-rehearsal", "averaging-plain"])
    next(about for about in run.about if about["name"] == "averaging-plain")["swept"] = {"client.minibatch": 5}
    made = build(run)
    batch = made.frame.set_index("scenario")["client.minibatch"]
    assert set(batch["averaging-plain"]) == {5} and batch[["initial", "averaging-rehearsal"]].isna().all()
    assert made.shown["client.minibatch"].tolist()[-1] == "5"


def test_the_error_of_the_text_stands_beside_a_measure_and_its_resamples_in_replicates_alone(make_run, build, tmp_path):
    run = make_run(scenarios=["initial"])
    resampled = {"ppl_user_resampled": "400 402 404", "clusters_user": 3}
    write_json(run.evaluations[0], read_json(run.evaluations[0]) | resampled)
    made = build(run)
    assert made.frame["ppl_user_se"].tolist() == [2.0]
    assert made.shown["user PPL, words"].tolist() == ["401.0 ± 2.0"]
    assert made.shown["general PPL, words"].tolist() == ["251.0"]
    assert not any("resampled" in column for column in made.frame)
    again = replicates.table(run.evaluations, [tmp_path / "clients.csv"], run.paper, run.about).frame
    assert again["ppl_user_resampled"].tolist() == ["400 402 404"] and again["clusters_user"].tolist() == [3]
