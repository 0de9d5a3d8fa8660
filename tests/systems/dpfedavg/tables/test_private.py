import pandas as pd
import pytest

from privatune.core.files import write_json
from privatune.report.frames import write_table
from privatune.report.measured import COLUMNS
from privatune.systems.dpfedavg.tables import audit, comparison_dpfedavg

MEASURES = [name for name in COLUMNS if name.split("_")[0] in {"ppl", "oov", "kss", "recall1", "recall3"}]
TERMS = [name for name in comparison_dpfedavg.STATED if name not in ("accountant", "epsilon_rdp")]
MECHANISM = dict.fromkeys(TERMS, 1.0) | {"cohort": 4, "rounds": 10, "population": 1500}
MECHANISM |= {"carriers": 6, "participation": 0.5}
GUARANTEE = {"epsilon": 2.5, "sampling": "poisson", "adjacency": "zero out one", "delta": 1e-3, "noise_multiplier": 0.5}
GUARANTEE |= {"accountant": "pld", "epsilon_rdp": 3.1}


@pytest.fixture
def files(tmp_path):
    paths = []
    for variant, guarantee in (("fedavg", None), ("private", GUARANTEE)):
        model = {"variant": variant, "seed": 0, "guarantee": guarantee, "carriers": True}
        model |= {"carriers_epsilon": guarantee and 9.0}
        model |= {"mechanism": MECHANISM, "model_bits": 800} | dict.fromkeys(MEASURES, 9.0)
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
    assert frame["covered"].tolist() == made.shown["covered by epsilon"].tolist() == ["public text", "no", "yes"]
    assert frame["epsilon"].isna().tolist() == frame["delta"].isna().tolist() == [True, True, False]
    assert frame.loc["private", comparison_dpfedavg.STATED].notna().all()
    assert frame["bits_up"].fillna(0).tolist() == frame["bits_down"].fillna(0).tolist() == [0, 56_000, 56_000]
    assert frame["noise_multiplier"].tolist()[1:] == [1.0, 0.5]
    assert frame["carriers_epsilon"].isna().tolist() == [True, True, False]
    assert made.shown["epsilon of carriers"].tolist() == ["–", "–", "9"]
    assert "With 1,500 persons" in made.note
    assert made.shown["epsilon"].tolist() == ["–", "–", "2.5"]
    assert made.shown.loc[2, ["delta", "by", "epsilon by RDP"]].tolist() == ["0.001", "PLD", "3.1"]


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
    assert made.shown["estimate, no bound"].tolist() == ["0.6", "0.6"]
    write_table(audit.table([]), tmp_path / "nothing-noisy.csv")
    assert pd.read_csv(tmp_path / "nothing-noisy.csv").columns.tolist() == audit.COLUMNS
