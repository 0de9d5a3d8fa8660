"""Real trainings of a tiny random encoder on made-up sentences."""

import json
import math
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json, write_json
from privatune.core.tensors import load_tensors, save_tensors
from privatune.models.encoder import load_encoder
from privatune.models.settings import NumericsSettings
from privatune.privacy.budget import spent
from privatune.systems.dpcompress import run as run_module
from privatune.systems.dpcompress import terms
from privatune.systems.dpcompress.run import compress
from privatune.systems.dpcompress.settings import CompressJobSettings
from privatune.training.activations import save_states, save_vectors

N, LENGTH, CLASSES, BLOCKS = 300, 6, 3, 3
CONFIG = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": BLOCKS, "num_attention_heads": 2}
CONFIG |= {"intermediate_size": 24, "max_position_embeddings": 20, "pad_token_id": 0}
TRAIN = {"blocks": 1, "steps": 12, "batch": 64, "rate": 0.02, "plain_rate": 0.03}
HALF = [0, 2]
FULL = {"kind": "fine-tune"}
DPKD = {"kind": "distil", "blocks": HALF, "teacher_steps": 6}
PRUNE = {"kind": "prune", "prunings": 2, "pruning_steps": 4}
DROP = {"kind": "drop", "stages": [{"steps": 6}, {"blocks": HALF, "steps": 6}]}
PROBE = {"kind": "probe"}
METHODS = (FULL, DPKD, PRUNE, DROP, PROBE)


def enough(mechanisms, shares, target):
    """More noise than the target needs; to find the least takes seconds per phase (tests/privacy/test_budget.py)."""
    return [replace(mechanism, noise_multiplier=4 * math.sqrt(mechanism.rounds)) for mechanism in mechanisms]


@pytest.fixture(autouse=True, scope="module")
def quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(terms, "solved", enough)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with an encoder, and private and public sentences of which a token tells the class."""
    folder = tmp_path_factory.mktemp("data")
    config = transformers.BertConfig(**CONFIG)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = transformers.BertModel(config, add_pooling_layer=False)
    (folder / "encoder").mkdir()
    write_json(folder / "encoder/config.json", json.loads(config.to_json_string(use_diff=False)))
    weights = {name: weight.detach().numpy() for name, weight in network.named_parameters()}
    save_tensors(folder / "encoder/model.safetensors", weights)
    encoder = load_encoder(folder / "encoder")
    for seed, name in enumerate(("private", "public")):
        draw = np.random.default_rng(seed)
        labels = draw.integers(0, CLASSES, N)
        ids = draw.integers(10, 40, (N, LENGTH))
        ids[:, 1:3] = 3 + labels[:, None]
        arrays = {
            "ids": ids.astype(np.uint32).ravel(),
            "offsets": np.arange(N + 1) * LENGTH,
            "labels": labels,
            "part": np.repeat([0, 1, 2], [200, 50, 50]).astype(np.uint8),
            "phrase_ids": np.empty(0, np.uint32),
            "phrase_offsets": np.zeros(1, np.int64),
        }
        about = {"classes": list("abc"), "n": {}, "cut": 0, "duplicates": 0, "encoder": "tiny"}
        save_tensors(folder / name / "tokens.safetensors", arrays, about)
        tokens = folder / name / "tokens.safetensors"
        save_vectors(tokens, encoder, NumericsSettings(), folder / name / "vectors.safetensors")
        for place in ("last-1", "after-1"):
            save_states(tokens, encoder, place, NumericsSettings(), folder / name / f"{place}.safetensors")
    return folder


def files(data, name):
    return {path.stem: str(path) for path in (data / name).glob("*.safetensors")}


def settings(method, epsilon=8.0, **changed):
    shared = {"set": "letters", "method": "tried", "privacy": {}, "teacher": None, "teaches": False, "secrets": None}
    shared |= {"train": TRAIN, "seeds": [0, 1], "seed": 0, "numerics": {"threads": 1}, "epsilon": epsilon}
    return CompressJobSettings(**{**shared, **changed, "settings": method})


@pytest.fixture(scope="module")
def made(data, tmp_path_factory):
    """A function that runs a job once, and returns its records, its ledger, its weights and its folder."""
    done = {}

    def make(method, epsilon=8.0, **changed):
        key = repr((method, epsilon, changed))
        if key not in done:
            folder = tmp_path_factory.mktemp("job")
            teachers = changed.pop("teachers", None)
            started(data, folder, settings(method, epsilon, **changed), teachers)
            models, about = load_tensors(folder / "models.safetensors")
            rows, ledger = (read_json(folder / f"{name}.json") for name in ("classifiers", "ledger"))
            done[key] = rows, ledger, models, about, folder
        return done[key]

    return make


def started(data, folder, chosen, teachers=None):
    out = [folder / name for name in ("classifiers.json", "ledger.json", "models.safetensors")]
    public = files(data, "public") if teachers else {}
    compress(files(data, "private"), public, teachers, data / "encoder", [], chosen, *out)


@pytest.mark.parametrize(
    ("method", "epsilon"),
    [
        *((method, None) for method in METHODS),
        *((method, 8.0) for method in (PRUNE, DROP, PROBE)),
        *(pytest.param(method, 8.0, marks=pytest.mark.slow) for method in (FULL, DPKD)),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else str(value),
)
def test_every_method_learns_and_states_what_it_spent(method, epsilon, made):
    rows, ledger, models, about, folder = made(method, epsilon)
    assert [row["seed"] for row in rows] == [0, 1] and about["classes"] == list("abc")
    assert all(row["largest_change"] > 0 for row in rows)
    if epsilon is None:
        assert min(row["accuracy"] for row in rows) > max(row["majority"] for row in rows)
        assert not ledger and all(row[key] is None for row in rows for key in ("epsilon", "delta", "clip", "target"))
    else:
        assert all(0 < row["epsilon"] <= epsilon and row["delta"] == 1 / 2000 for row in rows)
        assert ledger[-1]["epsilon_so_far"] == rows[0]["epsilon"] <= ledger[-1]["epsilon_sum"] * (1 + 1e-9)
        assert sum(entry["steps"] for entry in ledger) == rows[0]["steps"]
    assert not (folder / "unfinished").exists(), "what a stop would have needed is gone"
    assert {name.split("/")[0] for name in models} == {"0"}, "one model is kept"


def test_sizes_are_those_of_the_deployed_model(made, data):
    whole = sum(weight.size for weight in load_tensors(data / "encoder/model.safetensors")[0].values())
    block = sum(
        weight.size
        for name, weight in load_tensors(data / "encoder/model.safetensors")[0].items()
        if name.startswith("encoder.layer.1.")
    )
    head = CLASSES * 16 + CLASSES
    full, half, pruned = (made(method, None)[0][0] for method in (FULL, DPKD, PRUNE))
    assert (full["parameters"], half["parameters"]) == (whole + head, whole + head - block)
    assert (full["blocks"], half["blocks"], half["trained_blocks"]) == ("0 1 2", "0 2", 1)
    matrices = 4 * 16 * 16 + 2 * 16 * 24
    assert pruned["sparsity"] == 0.5 and pruned["nonzero"] == pruned["parameters"] - matrices // 2
    assert (full["mask"], pruned["mask"]) == ("none", "private")


def test_pruned_weights_are_zero_in_what_is_kept(made):
    _, _, models, _, _ = made(PRUNE)
    zeros = sum(int((weight == 0).sum()) for weight in models.values() if weight.ndim == 2)
    assert zeros == (4 * 16 * 16 + 2 * 16 * 24) // 2


def test_a_student_on_public_text_costs_what_its_teacher_did(made):
    teacher = made(FULL, teaches=True)
    assert {name.split("/")[0] for name in teacher[2]} == {"0", "1"}
    method = {"kind": "distil-public", "blocks": HALF, "teacher": "full", "steps": 30}
    rows, ledger, *_ = made(method, teacher=FULL, teachers=teacher[4] / "models.safetensors")
    assert rows[0]["epsilon"] == teacher[0][0]["epsilon"] and rows[0]["steps"] == 0
    assert [entry["phase"] for entry in ledger] == ["fine-tuning"]
    assert rows[0]["largest_change"] > 0 and rows[0]["blocks"] == "0 2"


def test_with_several_factors_the_best_on_validation_is_taken(made):
    rows, *_ = made(FULL, None, train=TRAIN | {"factors": [1e-6, 1.0], "tuning_seed": 7}, seeds=[0])
    assert rows[0]["rate"] == TRAIN["plain_rate"]


def test_a_job_that_was_stopped_goes_on_and_pays_nothing_twice(made, data, tmp_path, monkeypatch):
    """The second phase fails; afterwards the first is read, and everything is as if nothing had happened."""
    done, trained_phase = [], run_module.trained_phase

    def fails(task, number, *rest):
        if number == 1 and done.count("failed") < 2:
            done.append("failed")
            raise KeyboardInterrupt
        done.append(number)
        return trained_phase(task, number, *rest)

    monkeypatch.setattr(run_module, "trained_phase", fails)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            started(data, tmp_path, settings(DROP))
    (ledger,) = tmp_path.glob("unfinished/*/ledger.json")
    assert list(spent(ledger)) == ["stage 1", "stage 2"] and done == [0, "failed", "failed"]
    started(data, tmp_path, settings(DROP))
    assert done == [0, "failed", "failed", 1, 0, 1], "the first phase of the first seed was not trained again"
    _, _, models, _, _ = made(DROP)
    again = load_tensors(tmp_path / "models.safetensors")[0]
    assert all(np.array_equal(models[name], again[name]) for name in models)


KILLED = """
import os, signal, sys
sys.path[:0] = {paths!r}
from pathlib import Path
import test_run
from privatune.systems.dpcompress import run
test_run.terms.solved = test_run.enough
kept = run.save_tensors
def save(path, *rest):
    kept(path, *rest)
    if Path(path).name == "phase-0.safetensors":
        os.kill(os.getpid(), signal.SIGKILL)
run.save_tensors = save
chosen = test_run.settings(test_run.DROP, secrets={secrets!r}, seeds=[0])
test_run.started(Path({data!r}), Path({out!r}), chosen)
"""


@pytest.mark.slow
def test_a_killed_secret_release_goes_on_with_its_own_noise(data, tmp_path):
    secrets = tmp_path / "secrets"
    chosen = settings(DROP, secrets=str(secrets), seeds=[0])
    places = {"data": str(data), "out": str(tmp_path), "secrets": str(secrets)}
    script = KILLED.format(paths=[str(Path(__file__).parent), *sys.path], **places)
    process = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()
    (ledger,) = secrets.glob("*/ledger.json")
    first = ledger.with_name("phase-0.safetensors").read_bytes()
    assert list(spent(ledger)) == ["stage 1"] and ledger.stat().st_mode & 0o77 == 0
    started(data, tmp_path, chosen)
    assert ledger.with_name("phase-0.safetensors").read_bytes() == first
    assert list(spent(ledger)) == ["stage 1", "stage 2"] and len(list(secrets.iterdir())) == 1
    kept = load_tensors(tmp_path / "models.safetensors")[0]
    started(data, tmp_path, chosen)
    again = load_tensors(tmp_path / "models.safetensors")[0]
    assert all(np.array_equal(kept[name], again[name]) for name in kept), "a release is made once"
    other = tmp_path / "other"
    started(data, other, settings(DROP, secrets=str(other / "secrets"), seeds=[0]))
    drawn = load_tensors(other / "models.safetensors")[0]
    assert not np.array_equal(kept["0/head.weight"], drawn["0/head.weight"]), "other secrets are other noise"


def test_a_batch_above_the_number_of_sentences_is_refused(data, tmp_path):
    with pytest.raises(PrivatuneError, match="batch: 500 examples per step are more than the 200 that train"):
        started(data, tmp_path, settings(FULL, train=TRAIN | {"batch": 500}))
