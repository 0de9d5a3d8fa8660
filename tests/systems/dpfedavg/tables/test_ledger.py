"""What all models of the same persons tell together: composed, in order, and infinite where one has no noise."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from privatune.core.files import write_json
from privatune.privacy.accounting import guarantee
from privatune.privacy.mechanism import Mechanism, mechanism_record
from privatune.report.frames import write_table
from privatune.systems.dpfedavg.tables.ledger import ALL, COLUMNS, table

PRIVATE = Mechanism("poisson", 200, 200, 7, 30.0, 0.8, 5e-4)  # of everyone, which is fast to account for


@pytest.fixture
def made(tmp_path):
    """The table of models by variant: one each of these mechanisms, null for n-grams of the persons' text."""

    def make(variants):
        paths = []
        for name, mechanisms in variants.items():
            for seed, mechanism in enumerate(mechanisms):
                model = {"variant": name, "seed": seed, "guarantee": None}
                model |= {"mechanism": mechanism_record(mechanism)} if mechanism else {"text": "private"}
                paths.append(tmp_path / f"{name}-{seed}.json")
                write_json(paths[-1], model)
        write_table(table(paths), tmp_path / "ledger.csv")
        return pd.read_csv(tmp_path / "ledger.csv").set_index("model"), (tmp_path / "ledger.md").read_text()

    return make


def test_epsilons_of_seeds_and_variants_add_up(made):
    weak = replace(PRIVATE, noise_multiplier=20.0)
    frame, page = made({"weak": [weak], "private": [PRIVATE] * 3})
    assert {frame.index.name, *frame.columns} == set(COLUMNS)
    assert frame.index.tolist() == ["private", "weak", ALL], "the most noise first"
    assert frame["models"].tolist() == [3, 1, 4]
    assert set(frame["unit"]) == {"user"} and frame["noised"].tolist()[:2] == ["vector"] * 2
    one, three = guarantee(PRIVATE).epsilon, guarantee(replace(PRIVATE, rounds=21)).epsilon
    assert frame.loc["private", ["epsilon_alone", "epsilon_so_far"]].tolist() == pytest.approx([one, three], rel=1e-4)
    assert frame.loc["weak", "epsilon_so_far"] == frame.loc[ALL, "epsilon_so_far"]
    alone = guarantee(weak).epsilon
    assert max(three, alone) < frame.loc[ALL, "epsilon_so_far"] < three + alone
    assert "all models of this table together" in page and "| user " in page


def test_a_model_without_noise_makes_the_rest_infinite(made):
    silent = replace(PRIVATE, noise_multiplier=0.0)
    frame, _ = made({"fedavg": [silent], "ngram-private": [None], "private": [PRIVATE]})
    assert frame.index.tolist() == ["private", "fedavg", "ngram-private", ALL]
    assert frame["epsilon_so_far"].tolist() == [pytest.approx(guarantee(PRIVATE).epsilon, rel=1e-4), *[math.inf] * 3]
    assert frame["epsilon_alone"].isna().tolist() == [False, False, False, True]
    assert frame.loc["ngram-private", "phase"] == "counts of words"
    assert set(frame["unit"]) == {"user"}, "beside every epsilon, also beside an infinite one"


def test_the_least_delta_is_that_of_every_row(made):
    frame, _ = made({"a": [PRIVATE], "b": [replace(PRIVATE, delta=1e-5)]})
    assert set(frame["delta"]) == {1e-5}
    assert frame.loc["a", "epsilon_alone"] == pytest.approx(guarantee(replace(PRIVATE, delta=1e-5)).epsilon, rel=1e-4)


def test_cohorts_of_either_kind_are_joined_under_zeroing_out(made):
    fixed = replace(PRIVATE, sampling="fixed", noise_multiplier=60.0)
    frame, _ = made({"fixed": [fixed], "private": [PRIVATE]})
    apart = guarantee(fixed).epsilon, guarantee(PRIVATE, "rdp").epsilon
    assert max(apart) < frame.loc[ALL, "epsilon_so_far"] < sum(apart) * 1.5
    assert frame["adjacency"].tolist()[:2] == ["replace one", "zero out one"]
