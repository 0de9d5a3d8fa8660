import math
from dataclasses import replace

import pandas as pd
import pytest

from privatune.core.files import write_json
from privatune.privacy.accounting import guarantee
from privatune.privacy.mechanism import Mechanism, mechanism_record
from privatune.report.frames import write_table
from privatune.report.measured import COLUMNS
from privatune.systems.dpfedavg.tables import accounting, audit, comparison_dpfedavg, ledger

MEASURES = [name for name in COLUMNS if name.split("_")[0] in {"ppl", "oov", "kss", "recall1", "recall3"}]
PRIVATE = Mechanism("poisson", 1500, 4, 10, 2.0, 1.0, 5e-5, None, 6, 0.5)


@pytest.fixture
def files(tmp_path):
    paths = []
    for variant, z in (("fedavg", 0.0), ("private", 2.0)):
        mechanism = replace(PRIVATE, noise_multiplier=z)
        stated = guarantee(mechanism).record() if z else None
        model = {"variant": variant, "seed": 0, "guarantee": stated, "carriers": True}
        model |= {"carriers_epsilon": stated and 9.0}
        model |= {"mechanism": mechanism_record(mechanism), "model_bits": 800} | dict.fromkeys(MEASURES, 9.0)
        paths.append(tmp_path / f"{variant}.json")
        write_json(paths[-1], model)
    return paths


def test_an_epsilon_stands_only_beside_noise_and_with_its_terms(files):
    baseline = files[0].with_name("ngram.json")
    write_json(
        baseline, {"variant": "ngram", "seed": 0, "text": "general", "guarantee": None} | dict.fromkeys(MEASURES, 9.0)
    )
    made = comparison_dpfedavg.table([baseline, *files])
    frame = made.frame.set_index("scenario")
    measured = [name for name in COLUMNS[1:] if name != "ppl_later"]
    assert frame.columns.tolist() == [
        *measured,
        "covered",
        *comparison_dpfedavg.STATED,
        *comparison_dpfedavg.CARRIED,
    ]
    assert frame["covered"].tolist() == made.shown["covered by an epsilon"].tolist()[:3] == ["public text", "no", "yes"]
    assert frame["epsilon"].isna().tolist() == frame["delta"].isna().tolist() == [True, True, False]
    assert frame.loc["private", comparison_dpfedavg.STATED].notna().all()
    assert frame["bits_up"].fillna(0).tolist() == frame["bits_down"].fillna(0).tolist() == [0, 56_000, 56_000]
    assert frame["noise_multiplier"].tolist()[1:] == [0.0, 2.0]
    assert frame["carriers_epsilon"].isna().tolist() == [True, True, False]
    assert made.shown["epsilon of carriers"].tolist()[:3] == ["–", "–", "9"]
    assert "With 1,500 persons" in made.note
    by_rdp = guarantee(PRIVATE, "rdp").epsilon
    assert frame.loc["private", "epsilon"] < frame.loc["private", "epsilon_rdp"] == by_rdp
    assert made.shown.loc[2, ["delta", "accountant", "epsilon by RDP"]].tolist() == ["5e-05", "PLD", f"{by_rdp:.3g}"]


@pytest.mark.parametrize(
    "columns",
    [accounting.COLUMNS, audit.COLUMNS, ledger.COLUMNS, [*comparison_dpfedavg.STATED, *comparison_dpfedavg.MEASURED]],
)
def test_the_unit_and_delta_are_beside_every_epsilon(columns):
    assert any(name.startswith("epsilon") for name in columns)
    assert {"unit", "delta", "adjacency"} <= set(columns)


def test_the_last_row_is_about_all_models_together(files):
    """Two seeds of a variant tell more than one; a model without noise makes epsilon infinite, but not public text."""
    baseline = files[0].with_name("ngram.json")
    write_json(
        baseline, {"variant": "ngram", "seed": 0, "text": "general", "guarantee": None} | dict.fromkeys(MEASURES, 9.0)
    )
    fedavg, private = files
    for paths, expected in (
        ([baseline, private], guarantee(PRIVATE).epsilon),
        ([baseline, private, private], guarantee(replace(PRIVATE, rounds=20)).epsilon),
        ([baseline, fedavg, private], math.inf),
    ):
        made = comparison_dpfedavg.table(paths)
        assert len(made.shown) == len(made.frame) + 1
        last = made.shown.iloc[-1]
        assert last["variant"] == "all models of this table together"
        assert (last["epsilon"], last["delta"]) == (f"{expected:,.3g}", "5e-05")


def test_an_audit_stands_beside_what_is_proved_and_says_whether_it_contradicts(tmp_path):
    stated = {"epsilon": 2.0, "accountant": "rdp", "adjacency": "zero out one", "sampling": "poisson"}
    stated |= {"unit": "user", "sensitivity": 0.8, "population": 1000, "cohort": 42, "q": 0.042, "rounds": 10}
    stated |= {"noise_multiplier": 0.8, "clip": 0.8, "delta": 1e-5}
    paths = []
    for variant, lower in (("sound", 0.3), ("broken", 2.2)):
        found = {"variant": variant, "seed": 0, "guarantee": stated, "canaries": 1000, "guesses": 100, "right": 60}
        found |= {"confidence": 0.95, "epsilon_lower": lower, "epsilon_largest": 3.47, "epsilon_estimate": 0.6}
        paths.append(tmp_path / f"{variant}.json")
        write_json(paths[-1], found)
    made = audit.table(paths)
    assert made.frame.columns.tolist() == audit.COLUMNS and made.frame.notna().all(axis=None)
    assert made.frame["epsilon_upper"].tolist() == [2.0, 2.0]
    assert made.shown["contradicted"].tolist() == ["no", "yes"]
    assert made.shown["estimated epsilon"].tolist() == ["0.6", "0.6"]
    write_table(audit.table([]), tmp_path / "nothing-noisy.csv")
    assert pd.read_csv(tmp_path / "nothing-noisy.csv").columns.tolist() == audit.COLUMNS
