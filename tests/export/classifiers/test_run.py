"""Exported models of tiny encoders: what they compute, how large they are, and what the job says of them."""

import json
import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
import transformers
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json, write_json
from privatune.core.streams import stream
from privatune.core.tensors import load_tensors, save_tensors
from privatune.export.classifiers import run as job
from privatune.export.classifiers.deployed import deployed
from privatune.export.classifiers.onnx_model import exported, quantised, running
from privatune.export.classifiers.run import Files, export
from privatune.export.classifiers.settings import ExportJobSettings, ExportSettings
from privatune.export.classifiers.sparse_file import load_weights
from privatune.models.encoder import FAMILIES, last_states, load_encoder, sentence
from privatune.text.tokenizer import save_tokenizer
from privatune.training.examples import Examples

HIDDEN, CLASSES, WORDS = 16, ["left", "right", "größer"], 4000
SIZES = {"hidden_size": HIDDEN, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 24}
DISTIL = {"dim": HIDDEN, "n_layers": 4, "n_heads": 2, "hidden_dim": 24}
OPT = {"hidden_size": HIDDEN, "num_attention_heads": 2, "ffn_dim": 24, "word_embed_proj_dim": HIDDEN}
KEPT = {0: [0, 2, 3], 7: [1, 3]}  # blocks by seed; the last of them is trained
KINDS = ["bert", "roberta", "distilbert"]
FIRST = ["bert", *(pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS[1:])]
LENGTHS = np.arange(12) % 7 + 1
FILES = ("model.safetensors", "model.onnx", "model.int8.onnx", "tokenizer.json", "measured.json")


def configuration(kind, blocks):
    own = {"distilbert": DISTIL | {"n_layers": blocks}, "opt": OPT | {"num_hidden_layers": blocks}}
    sizes = own.get(kind, SIZES | {"num_hidden_layers": blocks})
    return transformers.AutoConfig.for_model(
        kind, vocab_size=WORDS, max_position_embeddings=20, pad_token_id=1, **sizes
    )


def drawn(purpose, shape):
    return stream(1, purpose).normal(0, 0.3, shape).astype(np.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A function that writes an encoder of a type, trained models and sentences; it returns encoder and models."""
    torch.set_num_threads(1)
    done = {}

    def write(kind="bert", sparse=False):
        if (kind, sparse) not in done:
            folder = tmp_path_factory.mktemp(kind)
            config = configuration(kind, 4)
            network = getattr(transformers, FAMILIES[kind].network)(config)
            arrays = {name: drawn(name, weight.shape) for name, weight in network.named_parameters()}
            save_tensors(folder / "model.safetensors", {k: v for k, v in arrays.items() if "pooler" not in k})
            write_json(folder / "config.json", config.to_dict())
            words = Tokenizer(WordLevel({"?": 0, "who": 1, "was": 2}, unk_token="?"))
            words.pre_tokenizer = Whitespace()
            save_tokenizer(words, folder / "tokenizer.json")
            block = f"{FAMILIES[kind].blocks}.3."
            trained = {}
            for seed in KEPT:
                for name, value in arrays.items():
                    if name.startswith(block):
                        trained[f"{seed}/blocks.3.{name.removeprefix(block)}"] = drawn(f"{seed}{name}", value.shape)
                trained[f"{seed}/head.weight"] = 3 * drawn(f"{seed} head", (3, HIDDEN))
                trained[f"{seed}/head.bias"] = drawn(f"{seed} bias", 3)
            if sparse:
                for value in trained.values():
                    if value.shape in [(16, 24), (24, 16), (16, 16)]:
                        value[:, ::2] = 0
            about = {"blocks": {str(seed): kept for seed, kept in KEPT.items()}, "classes": CLASSES}
            save_tensors(folder / "models.safetensors", trained, about)
            tokens = {
                "ids": stream(0, "ids").integers(2, WORDS, LENGTHS.sum()).astype(np.uint32),
                "offsets": np.concatenate([[0], np.cumsum(LENGTHS)]),
                "labels": np.arange(len(LENGTHS)) % 3,
                "part": np.array([0, 1] + [2] * 10, np.uint8),
            }
            save_tensors(folder / "tokens.safetensors", tokens, private=True)
            done[kind, sparse] = folder
        return done[kind, sparse], done[kind, sparse] / "models.safetensors"

    return write


def minibatch(lengths=(7, 5, 2, 1)):
    """Ids and mask of sentences of some lengths; padding has an id that is no padding to the encoder."""
    ids = torch.from_numpy(stream(2, "batch").integers(2, WORDS, (len(lengths), max(lengths))))
    return ids, torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


def manual(kind, folder, models, seed, ids, mask):
    """Logits of transformers' own network that never had the blocks which the model dropped."""
    arrays = load_tensors(folder / "model.safetensors")[0]
    trained = {k.removeprefix(f"{seed}/"): v for k, v in load_tensors(models)[0].items() if k.startswith(f"{seed}/")}
    place = FAMILIES[kind].blocks
    state = {name: array for name, array in arrays.items() if place not in name}
    for new, old in enumerate(KEPT[seed]):
        for name, array in arrays.items():
            if name.startswith(f"{place}.{old}."):
                rest = name.removeprefix(f"{place}.{old}.")
                state[f"{place}.{new}.{rest}"] = trained.get(f"blocks.{old}.{rest}", array)
    more = {"add_pooling_layer": False} if FAMILIES[kind].pooled else {}
    network = getattr(transformers, FAMILIES[kind].network)(configuration(kind, len(KEPT[seed])), **more).eval()
    left = network.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()}, strict=False)
    assert not left.unexpected_keys and not {"weight", "bias"} & {key.split(".")[-1] for key in left.missing_keys}
    with torch.inference_mode():
        for row, length in enumerate(mask.sum(1)):  # one by one, without padding
            states = network(input_ids=ids[row : row + 1, :length]).last_hidden_state[0]
            yield trained["head.weight"] @ states.mean(0).numpy() + trained["head.bias"]


@pytest.mark.parametrize("seed", KEPT)
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_without_some_blocks_is_the_network_that_never_had_them(files, kind, seed):
    folder, models = files(kind)
    found = deployed(folder, models, seed)
    ids, mask = minibatch()
    expected = np.array(list(manual(kind, folder, models, seed, ids, mask)))
    np.testing.assert_allclose(found.network(ids, mask).numpy(), expected, rtol=0, atol=1e-5)
    assert found.blocks == KEPT[seed] and found.classes == CLASSES
    assert np.abs(expected).max() > 0.5, "the test sees something"
    assert not found.network.training and not any(p.requires_grad for p in found.network.parameters())


@pytest.mark.parametrize("kind", FIRST)
def test_onnxruntime_gives_the_logits_of_torch_for_batches_of_any_size(files, kind, capfd, caplog, recwarn):
    network = deployed(*files(kind), 0).network
    model = exported(network, CLASSES, "m.onnx")
    run = running(model, 1, "m.onnx")
    for lengths in [(7, 5, 2, 1), (1,), (4, 4), (18, 1, 9)]:
        ids, mask = minibatch(lengths)
        found = run(ids, mask)
        np.testing.assert_allclose(found, network(ids, mask).numpy(), rtol=0, atol=1e-4)
        ids[~mask] = 5
        assert np.array_equal(run(ids, mask), found), "what stands in the padding does not matter"
    (names,) = onnx.load_from_string(model).metadata_props
    assert names.key == "classes" and json.loads(names.value) == CLASSES
    assert model == exported(network, CLASSES, "m.onnx"), "the same bytes"
    assert b"/" + os.getcwd().encode().strip(b"/") not in model, "no paths of this machine"
    assert capfd.readouterr() == ("", "") and not caplog.records and not recwarn


@pytest.mark.parametrize("kind", ["bert", "opt", pytest.param("llama", marks=pytest.mark.slow)])
def test_a_head_alone_is_exported_with_the_whole_encoder(files, tmp_path, kind):
    """Also with one that has no blocks to leave out, because a token sees only those before it."""
    folder, _ = files(kind)
    head = {"4/head.weight": drawn("head", (3, HIDDEN)), "4/head.bias": drawn("bias", 3)}
    save_tensors(tmp_path / "models.safetensors", head, {"blocks": {"4": None}, "classes": CLASSES})
    found, encoder = deployed(folder, tmp_path / "models.safetensors", 4), load_encoder(folder)
    assert found.blocks == [0, 1, 2, 3]
    run = running(exported(found.network, CLASSES, "m.onnx"), 1, "m.onnx")
    for lengths in [(7, 5, 2, 1), (1,), (4, 4)]:
        ids, mask = minibatch(lengths)
        vectors = sentence(last_states(encoder.network, encoder.family, ids, mask), mask, encoder.family.causal)
        expected = vectors.numpy() @ head["4/head.weight"].T + head["4/head.bias"]
        np.testing.assert_allclose(run(ids, mask), expected, rtol=0, atol=1e-4)


def test_with_8_bits_a_model_is_smaller_and_scores_are_nearly_the_same(files, tmp_path, capfd, caplog, recwarn):
    network = deployed(*files(), 0).network
    model = exported(network, CLASSES, "m.onnx")
    small = quantised(model, CLASSES, "m.onnx")
    assert small == quantised(model, CLASSES, "m.onnx"), "the same bytes"
    graph = onnx.load_from_string(small)
    held = graph.graph.initializer
    floats = [weight for weight in held if weight.data_type == onnx.TensorProto.FLOAT]
    assert not [weight for weight in floats if len(weight.dims) == 2 and min(weight.dims) >= HIDDEN]
    small_weights = [weight for weight in held if weight.data_type in (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)]
    assert len(small_weights) == 3 + 3 * 6, "embeddings of words, places and types, and six matrices of three blocks"
    assert len(small) < 0.6 * len(model)
    assert json.loads(graph.metadata_props[0].value) == CLASSES
    ids, mask = minibatch()
    logits, expected = running(small, 1, "m.onnx")(ids, mask), network(ids, mask).numpy()
    assert 0 < np.abs(logits - expected).max() < 0.03 * expected.std()
    alone = [running(small, 1, "m.onnx")(ids[[n]], mask[[n]])[0] for n in range(len(ids))]
    np.testing.assert_allclose(alone, logits, rtol=0, atol=1e-5, err_msg="the others of a minibatch do not matter")
    assert capfd.readouterr() == ("", "") and not caplog.records and not recwarn


def settings(**changed):
    few = ExportSettings(sentences=4, repeats=2)
    return ExportJobSettings(
        **{"set": "trec", "method": "half", "target": 4.25, "seed": 7, "export": few, "max_tokens": 4} | changed
    )


def outputs(folder):
    return Files(*(folder / name for name in FILES))


@pytest.mark.parametrize("sparse", [False, True])
def test_the_job_says_what_it_wrote(files, tmp_path, sparse):
    folder, models = files("bert", sparse)
    out = outputs(tmp_path)
    export(models, folder, folder / "tokens.safetensors", folder / "tokenizer.json", settings(), out)
    found = read_json(out.measured)
    assert found | {"seconds": 0, "logit_difference": 0} == {
        "set": "trec",
        "method": "half",
        "target": 4.25,
        "seed": 7,
        "blocks": "1 3",
        "parameters": sum(parameter.numel() for parameter in deployed(folder, models, 7).network.parameters()),
        "nonzero": sum(int((p != 0).sum()) for p in deployed(folder, models, 7).network.parameters()),
        "bytes_safetensors": found["bytes_safetensors"],
        "bytes_sparse": out.weights.stat().st_size if sparse else None,
        "bytes_onnx": out.onnx.stat().st_size,
        "bytes_int8": out.int8.stat().st_size,
        "threads": 1,
        "seconds": 0,
        "logit_difference": 0,
        **{f"accuracy_{name}": found[f"accuracy_{name}"] for name in ("torch", "onnx", "int8")},
    }
    assert {name: len(values) for name, values in found["seconds"].items()} == {"torch": 2, "onnx": 2, "int8": 2}
    assert 0 < found["logit_difference"] < 1e-5 and min(map(min, found["seconds"].values())) > 0
    assert Tokenizer.from_file(str(out.tokenizer)).encode("who was who was who").ids == [1, 2, 1, 2]
    read = load_weights(out.weights)
    if sparse:
        zeros = 16 * 16 * 4 // 2 + 16 * 24  # of the one trained block
        assert found["parameters"] - found["nonzero"] == zeros
        masks = (16 * 16 * 4 + 2 * 16 * 24) // 8
        saved = found["bytes_safetensors"] - found["bytes_sparse"]
        assert 4 * zeros - masks - 1200 < saved < 4 * zeros - masks, "but for the names"
    else:
        assert found["bytes_safetensors"] == out.weights.stat().st_size and found["nonzero"] == found["parameters"]
    assert read["encoder.layer.1.output.dense.weight"].shape == (16, 24) and "encoder.layer.2.output" not in read
    assert sum(array.size for array in read.values()) == found["parameters"]


def test_accuracies_are_those_of_single_sentences_of_the_test_part(files, tmp_path):
    folder, models = files()
    out = outputs(tmp_path)
    export(models, folder, folder / "tokens.safetensors", folder / "tokenizer.json", settings(), out)
    found, arrays = read_json(out.measured), load_tensors(folder / "tokens.safetensors")[0]
    for name, path in (("onnx", out.onnx), ("int8", out.int8)):
        run, right = running(path.read_bytes(), 1, path), []
        for i in np.flatnonzero(arrays["part"] == 2):
            ids = torch.from_numpy(arrays["ids"][arrays["offsets"][i] : arrays["offsets"][i + 1]].astype(np.int64))[
                None
            ]
            right.append(run(ids, torch.ones_like(ids, dtype=torch.bool)).argmax() == arrays["labels"][i])
        assert found[f"accuracy_{name}"] == 100 * np.mean(right)
    assert found["accuracy_torch"] == found["accuracy_onnx"]


def test_logits_are_in_the_order_of_the_sentences(monkeypatch):
    lengths = np.array([2, 5, 1, 3, 5])
    starts = np.cumsum(lengths) - lengths
    sentences = Examples(np.arange(lengths.sum(), dtype=np.uint32), starts, lengths, np.zeros(5, np.int64))
    for most_tokens in (1, 7, 100):
        monkeypatch.setattr(job, "_TOKENS", most_tokens)
        found = job._logits(lambda ids, mask: np.add(ids[:, :1].numpy(), [[0, 0.5]]), sentences, 2)
        assert np.array_equal(found, np.add(starts[:, None], [[0, 0.5]]))


def test_the_same_sentences_are_timed_for_every_method():
    first = job._drawn(50, settings())
    assert len(set(first)) == 4 and max(first) < 50
    assert np.array_equal(first, job._drawn(50, settings(method="other")))
    assert len(job._drawn(3, settings())) == 3


def test_other_logits_in_onnxruntime_end_the_job(files, tmp_path, monkeypatch):
    monkeypatch.setattr(job, "MOST_DIFFERENT", 1e-12)
    folder, models = files()
    with pytest.raises(
        PrivatuneError, match=r"model.onnx: a logit .* from that in torch, more than 1e-12; leave this model"
    ):
        export(models, folder, folder / "tokens.safetensors", folder / "tokenizer.json", settings(), outputs(tmp_path))
    assert not (tmp_path / "model.onnx").exists()


def changed(models, path, change):
    """Trained models with something changed, in another file."""
    arrays, about = load_tensors(models)
    change(arrays, about)
    save_tensors(path, arrays, about)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays, about: about["blocks"].pop("7"), r"no model of seed 7 \('7' is missing\)"),
        (lambda arrays, about: about.pop("classes"), r"no model of seed 7 \('classes' is missing\)"),
        (lambda arrays, about: arrays.pop("7/head.bias"), r"no model of seed 7 \('head.bias' is missing\)"),
        (lambda arrays, about: about["blocks"].update({"7": [1, 4]}), "its blocks or its head do not fit"),
        (lambda arrays, about: arrays.update({"7/head.weight": drawn("", (3, 8))}), "its blocks or its head do not"),
        (lambda arrays, about: arrays.update({"7/blocks.9.x": drawn("", 3)}), r"no weight encoder.layer.9.x of its"),
        (lambda arrays, about: arrays.update({"7/embeddings.LayerNorm.bias": drawn("", 3)}), "no weight embeddings.L"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(files, tmp_path, change, message):
    folder, models = files()
    path = changed(models, tmp_path / "changed.safetensors", change)
    with pytest.raises(PrivatuneError, match=rf"changed.safetensors: .*{message}.*; delete it and run again$"):
        deployed(folder, path, 7)


def test_damaged_files_are_refused_in_one_line(files, tmp_path):
    folder, models = files()
    path = tmp_path / "models.safetensors"
    path.write_bytes(models.read_bytes()[:-1])
    with pytest.raises(PrivatuneError, match=r"models.safetensors: not a complete tensor file; delete it and run"):
        export(path, folder, folder / "tokens.safetensors", folder / "tokenizer.json", settings(), outputs(tmp_path))
    with pytest.raises(PrivatuneError, match=r"absent.safetensors: cannot be read"):
        export(
            models, folder, tmp_path / "absent.safetensors", folder / "tokenizer.json", settings(), outputs(tmp_path)
        )


def test_errors_of_onnxruntime_are_one_line_that_quotes_no_text(files, tmp_path, capfd):
    model = exported(deployed(*files(), 0).network, CLASSES, "m.onnx")
    remedy = "leave this model out of `export.run` or, if it is one of `dpcompress`, out of `dpcompress.exported` too$"
    with pytest.raises(PrivatuneError, match=rf"^m.onnx: onnxruntime cannot read the model \(\w+\); {remedy}"):
        running(model[:-100], 1, "m.onnx")
    with pytest.raises(PrivatuneError, match=rf"m.onnx: the model cannot be quantised \(\w+\); {remedy}"):
        quantised(model[:-100], CLASSES, tmp_path / "m.onnx")
    ids, mask = minibatch()
    ids[1, 2] = 31415
    with pytest.raises(PrivatuneError, match=rf"^m.onnx: onnxruntime cannot run the model \(\w+\); {remedy}") as found:
        running(model, 1, "m.onnx")(ids, mask)
    assert "31415" not in str(found.value) and capfd.readouterr() == ("", "")


def test_onnxruntime_is_told_to_report_nothing_before_it_loads(monkeypatch):
    seen = []

    class Finder:
        def find_spec(self, name, *_):
            if name == "onnxruntime":
                seen.append(os.environ["ORT_DISABLE_TELEMETRY"])
                raise ImportError

    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(PrivatuneError, match="ImportError"):
        running(b"", 1, "m.onnx")
    assert seen == ["1"]


@pytest.mark.slow
def test_onnxruntime_keeps_no_record_of_its_use(files, tmp_path):
    """Where it may report to its maker, it writes an identifier of the machine and a queue into the cache folder."""
    path = tmp_path / "m.onnx"
    path.write_bytes(exported(deployed(*files(), 0).network, CLASSES, path))
    home = tmp_path / "home"
    home.mkdir()
    code = (
        "import sys, torch; from privatune.export.classifiers.onnx_model import running;"
        "run = running(open(sys.argv[1], 'rb').read(), 1, sys.argv[1]); ids = torch.ones(1, 2, dtype=torch.int64);"
        "print(run(ids, ids == 1).shape)"
    )
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    environment = kept | {"HOME": str(home), "XDG_CACHE_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code, path], env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("(1, 3)\n", "") and not list(home.iterdir())
