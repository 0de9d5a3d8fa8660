"""What a step costs: the peak is that of the step, and every row is measured on a small network."""

import gc
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import torch
import transformers

from privatune.core.errors import PrivatuneError
from privatune.core.files import write_json
from privatune.core.streams import stream
from privatune.core.tensors import save_tensors
from privatune.models.settings import NumericsSettings
from privatune.systems.dpzero import peak
from privatune.systems.dpzero.cost_settings import ROWS, CostSettings
from privatune.systems.dpzero.costs import step_cost

CPU = torch.device("cpu")
MEGABYTE = 10**6
WORDS, HIDDEN, N = 40_000, 64, 12
EMBEDDING = 4 * WORDS * HIDDEN / MEGABYTE  # 10 MB, nearly all of the network
SETTINGS = CostSettings(batch=6, tokens=5, directions=3, repeats=1, threads=1)
measures = pytest.mark.skipif(peak.restart(CPU) is None, reason="this system does not let a process reset its peak")


def filled(megabytes):
    return np.ones(megabytes * MEGABYTE, np.uint8)


@measures
@pytest.mark.slow
def test_a_peak_sees_what_was_allocated_since_and_nothing_before():
    with peak.returned_at_once():
        kept, gone = filled(20), filled(80)
        del gone
        before = peak.restart(CPU)
        first = filled(30)
        del first
        second = filled(10)
        highest = (peak.highest(CPU) - before) / MEGABYTE
        assert 29 < highest < 33, "the larger of two blocks of which only one existed at a time"
        del second
        after = peak.restart(CPU)
        assert (peak.highest(CPU) - after) / MEGABYTE < 2, "freed memory has been returned"
        assert len(kept) == 20 * MEGABYTE


@measures
@pytest.mark.slow
def test_blocks_that_others_freed_do_not_hide_what_is_allocated():
    blocks = [np.ones(100_000, np.uint8) for _ in range(200)]  # too small for glibc to map them by itself
    del blocks
    gc.collect()
    with peak.returned_at_once():
        before = peak.restart(CPU)
        again = [np.ones(100_000, np.uint8) for _ in range(200)]
        assert 19 < (peak.highest(CPU) - before) / MEGABYTE < 23
        assert len(again) == 200


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The folder of an encoder and a file of sentences, as their rules write them."""
    folder = tmp_path_factory.mktemp("encoder")
    sizes = {"hidden_size": HIDDEN, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    config = transformers.BertConfig(vocab_size=WORDS, max_position_embeddings=16, **sizes)
    network = transformers.BertModel(config, add_pooling_layer=False)
    arrays = {name: weight.numpy() for name, weight in network.state_dict().items() if weight.dtype == torch.float32}
    save_tensors(folder / "model.safetensors", arrays)
    write_json(folder / "config.json", config.to_dict())
    lengths = np.arange(N) % 7 + 2
    tokens = {
        "ids": stream(0, "ids").integers(0, WORDS, lengths.sum()).astype(np.uint32),
        "offsets": np.concatenate([[0], np.cumsum(lengths)]),
        "labels": np.arange(N) % 3,
        "part": np.repeat([0, 1, 2], [8, 2, 2]).astype(np.uint8),
    }
    save_tensors(folder / "tokens.safetensors", tokens, private=True)
    return folder, folder / "tokens.safetensors"


@pytest.fixture(scope="module")
def records(files):
    """The records of all rows, measured in a process of its own: what other tests leave behind moves a peak."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
        found = {name: alone.submit(step_cost, name, *files, SETTINGS, NumericsSettings(), 0) for name in ROWS}
        return {name: record.result() for name, record in found.items()}


@pytest.mark.slow
def test_every_row_has_the_same_columns(records):
    keys = "row method pass path directions batch tokens threads parameters bytes_per_step repeats".split()
    for name, record in records.items():
        assert list(record) == keys and record["row"] == name
        assert (record["batch"], record["tokens"], record["threads"]) == (6, 5, 1)
        for repeat in record["repeats"]:
            assert list(repeat) == ["seconds", "inference_seconds", "peak_memory_mb", "inference_memory_mb"]
            assert repeat["seconds"] > 0 and repeat["inference_seconds"] > 0
    assert records["dp-aggzo"]["method"] == "DP-AggZO, K = 3"


@pytest.mark.slow
def test_a_step_sends_a_seed_and_a_number_per_direction_or_every_trained_weight(records):
    sent = {name: record["bytes_per_step"] for name, record in records.items()}
    assert (sent["inference"], sent["mezo"], sent["dpzero"], sent["dp-aggzo"]) == (0, 12, 12, 20)
    for name in ("lora", "dp-lora", "adamw", "dp-adamw", "dp-adamw-opacus"):
        assert sent[name] == 4 * records[name]["parameters"]
    lora = 2 * 8 * (HIDDEN + HIDDEN) + 3 * HIDDEN + 3
    assert records["dp-lora"]["parameters"] == lora and records["adamw"]["parameters"] > WORDS * HIDDEN


@measures
@pytest.mark.slow
def test_memory_is_that_of_the_weights_and_of_what_the_method_keeps_beside_them(records):
    memory = {
        name: [(each["peak_memory_mb"], each["inference_memory_mb"]) for each in record["repeats"]]
        for name, record in records.items()
    }
    for name, pairs in memory.items():
        for step, inference in pairs:
            assert EMBEDDING < inference < EMBEDDING + 4, f"{name}: the weights, and little else"
            assert step > EMBEDDING
    for step, _ in memory["adamw"]:
        assert 4 * EMBEDDING < step < 7 * EMBEDDING, "weights, gradients, two moments, and what AdamW computes with"
    for name in ("mezo", "dpzero", "dp-aggzo"):
        assert memory[name][0][0] < EMBEDDING + 14, "pieces of a direction, of 4 MB each"


@pytest.mark.slow
def test_without_a_way_to_reset_the_peak_only_memory_is_missing(files, monkeypatch, tmp_path, caplog):
    monkeypatch.setattr(peak, "CLEAR", tmp_path / "proc" / "clear_refs")
    record = step_cost("mezo", *files, SETTINGS.model_copy(update={"repeats": 3}), NumericsSettings(), 0)
    assert len(record["repeats"]) == 3
    for repeat in record["repeats"]:
        assert repeat["seconds"] > 0 and repeat["peak_memory_mb"] is repeat["inference_memory_mb"] is None
    assert [line.message for line in caplog.records] == [
        "memory is not measured, because this system does not let a process reset its peak"
    ]


def test_what_cannot_be_measured_is_refused_in_one_line(files):
    with pytest.raises(PrivatuneError, match=r"dpzero.costs.rows: sgd is not known; choose from inference, mezo"):
        step_cost("sgd", *files, SETTINGS, NumericsSettings(), 0)
    more = SETTINGS.model_copy(update={"batch": 9})
    with pytest.raises(PrivatuneError, match=r"tokens.safetensors: it has 8 sentences .* is 9; lower it"):
        step_cost("mezo", *files, more, NumericsSettings(), 0)
    with pytest.raises(ValueError, match="rows: sgd is not defined"):
        CostSettings(rows=["mezo", "sgd"])
