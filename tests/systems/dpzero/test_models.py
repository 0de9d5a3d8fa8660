"""The trained weights that a job keeps, put back into a tiny encoder, give the logits of the trained classifier."""

from itertools import pairwise

import numpy as np
import pytest
import torch
import transformers

from privatune.core.files import read_json, write_json
from privatune.core.streams import stream
from privatune.core.tensors import load_tensors, save_tensors
from privatune.export.classifiers.deployed import deployed
from privatune.models.encoder import last_states, load_encoder, lower, sentence
from privatune.systems.dpzero import run as job
from privatune.systems.dpzero.run import train_classifiers
from privatune.systems.dpzero.settings import ClassifierJobSettings

N, HIDDEN, BLOCKS, CLASSES = 60, 16, 3, ["left", "right"]
SIZES = {"hidden_size": HIDDEN, "num_hidden_layers": BLOCKS, "num_attention_heads": 2, "intermediate_size": 24}
SHARED = {"set": "letters", "method": "tried", "head": {"name": "linear"}, "privacy": {}, "secrets": None, "seed": 0}
SHARED |= {"seeds": [3, 1], "numerics": {"threads": 1}, "tuning": {"factors": [1.0], "seed": 9}, "epsilon": None}
GRADIENT = {"step": {"name": "gradient", "optimiser": "sgd"}, "batch": None, "steps": 8, "rate": 2.0}
# scope: its settings, and the names of the weights that it keeps besides those of the head
SCOPES = {
    "head": ({"name": "head"}, set()),
    "blocks": ({"name": "blocks", "count": 1}, {"blocks.2.output.dense.weight"}),
    "lora": (
        {"name": "lora", "count": 2, "rank": 2},
        {f"blocks.{block}.attention.self.{name}.weight" for block in (1, 2) for name in ("query", "value")},
    ),
    "lora everywhere": (
        {"name": "lora", "rank": 2},
        {f"blocks.{block}.attention.self.{name}.weight" for block in range(3) for name in ("query", "value")},
    ),
    "biases": ({"name": "biases", "count": 1}, {"blocks.2.output.LayerNorm.bias"}),
    "all": ({"name": "all"}, {"embeddings.word_embeddings.weight", "blocks.0.output.dense.weight"}),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with a tiny encoder, sentences as its tokens, and what it computes of them."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("minute")
    config = transformers.BertConfig(vocab_size=40, max_position_embeddings=20, pad_token_id=1, **SIZES)
    names = transformers.BertModel(config, add_pooling_layer=False).named_parameters()
    arrays = {name: stream(1, name).normal(0, 0.3, w.shape).astype(np.float32) for name, w in names}
    save_tensors(folder / "model.safetensors", arrays)
    write_json(folder / "config.json", config.to_dict())
    lengths = np.arange(N) % 5 + 1
    offsets, ids = np.concatenate([[0], np.cumsum(lengths)]), stream(0, "ids").integers(2, 40, lengths.sum())
    about = {"labels": np.arange(N) % 2, "part": np.repeat([0, 1, 2], N // 3).astype(np.uint8)}
    save_tensors(folder / "tokens.safetensors", {"ids": ids.astype(np.uint32), "offsets": offsets, **about})
    encoder = load_encoder(folder)
    found = {name: [] for name in ("vectors", 1, 2)}
    for a, b in pairwise(offsets):
        one, mask = torch.from_numpy(ids[None, a:b]), torch.ones(1, b - a, dtype=torch.bool)
        found["vectors"].append(sentence(last_states(encoder.network, encoder.family, one, mask), mask, False).numpy())
        for count in (1, 2):
            states = lower(encoder, one, mask, BLOCKS - count)[0].to(torch.bfloat16)
            found[count].append(states.view(torch.uint16).numpy())
    vectors = {"vectors": np.concatenate(found["vectors"]), "phrases": np.zeros((2, HIDDEN), np.float32)}
    save_tensors(folder / "vectors.safetensors", {**vectors, **about}, {"classes": CLASSES})
    for count in (1, 2):
        states = {"states": np.concatenate(found[count]), "offsets": offsets}
        save_tensors(folder / f"last-{count}.safetensors", {**states, **about})
    return folder


@pytest.mark.parametrize("name", SCOPES)
def test_the_kept_weights_give_the_logits_of_the_first_model(files, tmp_path, monkeypatch, name):
    scope, kept = SCOPES[name]
    settings = ClassifierJobSettings(**SHARED, settings=GRADIENT | {"scope": scope})
    models, train = {}, job._trained

    def recorded(*arguments):
        models[arguments[-1]], change = train(*arguments)
        return models[arguments[-1]], change

    monkeypatch.setattr(job, "_trained", recorded)
    read = files / f"{settings.settings.scope.reads}.safetensors"
    outputs = [tmp_path / name for name in ("classifiers.json", "tuning.json", "models.safetensors")]
    train_classifiers(read, files / "vectors.safetensors", None if name == "head" else files, [], settings, *outputs)
    arrays, about = load_tensors(outputs[2])
    assert about["blocks"] == {"3": None} and {key.split("/")[0] for key in arrays} == {"3"}, "of the first seed alone"
    assert {f"3/{key}" for key in (*kept, "head.weight", "head.bias")} <= arrays.keys()
    assert not any("lora" in key for key in arrays)
    found = deployed(files, outputs[2], 3)
    assert found.blocks == list(range(BLOCKS)) and found.classes == CLASSES
    encoder = load_encoder(files)
    ids = torch.from_numpy(stream(2, "batch").integers(2, 40, (3, 6)))
    mask = torch.arange(6) < torch.tensor([6, 4, 1])[:, None]
    count = getattr(settings.settings.scope, "count", None)
    if name == "head":
        inputs = sentence(last_states(encoder.network, encoder.family, ids, mask), mask, False)
    else:
        inputs = lower(encoder, ids, mask, BLOCKS - count) if count else ids
    with torch.no_grad():
        expected, other = (models[seed](inputs, mask) for seed in (3, 1))
    torch.testing.assert_close(found.network(ids, mask), expected, rtol=0, atol=1e-5)
    assert (expected - other).abs().max() > 1e-3, "the test sees which model it is"
    assert [row["seed"] for row in read_json(outputs[0])] == [3, 1]
