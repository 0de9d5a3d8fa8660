"""The job that exports a language model: what it writes, and what it says of it."""

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from privatune.core.errors import PrivatuneError
from privatune.core.files import write_json
from privatune.core.streams import stream
from privatune.evaluation.keystrokes import prefix_index
from privatune.evaluation.measure import evaluate
from privatune.evaluation.settings import SampleSettings
from privatune.export import run
from privatune.export.folder import read_about, read_file
from privatune.export.run import Files, export
from privatune.export.settings import ExportJobSettings
from privatune.models.checkpoint import save_weights
from privatune.text.settings import TextSettings
from privatune.text.streams import read_stream, write_stream
from privatune.text.tokenizer import save_tokenizer, train_tokenizer, words_of

SAMPLES = SampleSettings(chunk_tokens=20, general_tokens=200, user_tokens=100)
TERMS = {
    "mechanism": {"adjacency": None, "carriers": 8},
    "guarantee": {"epsilon": 2.5, "delta": 1e-3, "unit": "user", "adjacency": "zero out one"},
}


@pytest.fixture
def files(weights, tmp_path):
    """A function that writes what a job reads; the tokeniser knows 20 words more than the model."""
    known = [f"w{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(78)]
    tokenizer = train_tokenizer([" ".join(known)], TextSettings(vocabulary=80))
    save_tokenizer(tokenizer, tmp_path / "tokenizer.json")
    for name in ("general", "user"):
        ids = stream(4, name).integers(0, 80, 300)
        blocks = [
            (f"{name}{unit}", part, np.where(part > 1, 3, 2 * (part == 0)))
            for unit, part in enumerate(np.split(ids, 3))
        ]
        write_stream(tmp_path / f"{name}.safetensors", blocks, 80)
    source = {"source": "talks", "licence": "CC0", "note": None}
    write_json(tmp_path / "talks.json", source | {"words": {"train": 1234, "test": 5}})
    write_json(
        tmp_path / "chat.json", {"source": "chat", "licence": None, "note": "secret names", "words": 9, "persons": 7}
    )
    write_json(tmp_path / "persons.json", {"persons": {"train": 5, "heldout": 2}, "words": {"train": 4321}})
    write_json(tmp_path / "terms.json", TERMS)

    def written(kind="lstm", private=True, terms=False):
        save_weights(tmp_path / "model.safetensors", weights(kind))
        own = ("chat.json", "persons.json", "terms.json")
        read = [tmp_path / name if used else None for name, used in zip(own, (private, private, terms), strict=True)]
        names = ("model.safetensors", "tokenizer.json", "general.safetensors", "user.safetensors")
        return Files(*(tmp_path / name for name in names), [tmp_path / "talks.json"], *read)

    return written


def settings(**changed):
    training = {"scenario": "s", "seed": 0, "round": 3}
    return ExportJobSettings(
        **{"name": "mine", "training": training, "visits": 4, "secure": False, "evaluation": SAMPLES, "seed": 0}
        | {"threads": 1, "words": 6, "repeats": 2}
        | changed
    )


@pytest.mark.parametrize("kind", ["lstm", "cifg"])
def test_a_folder_holds_models_that_were_measured(files, weights, tmp_path, kind):
    inputs = files(kind)
    export(inputs, settings(), tmp_path / "out")
    about = read_about(tmp_path / "out")
    names = "README.md SHA256SUMS about.json model.int8.onnx model.onnx tokenizer.json".split()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert about["kind"] == "language model" and about["vocabulary"] == 60
    assert about["bytes"] == {
        "float32": len(read_file(tmp_path / "out/model.onnx")),
        "int8": len(read_file(tmp_path / "out/model.int8.onnx")),
    }
    assert about["bytes"]["int8"] < 0.7 * about["bytes"]["float32"]
    assert {form: len(times) for form, times in about["seconds"].items()} == {"torch": 2, "float32": 2, "int8": 2}
    assert 0 < about["logit_difference"] < 1e-4
    texts = [read_stream(path, 60) for path in (inputs.general, inputs.user)]
    index = prefix_index(words_of(Tokenizer.from_file(str(tmp_path / "out/tokenizer.json"))))
    expected = evaluate(weights(kind), *texts, index, SAMPLES, 0)
    for name, value in about["measures"]["float32"].items():
        assert value == pytest.approx(expected[name], rel=1e-4)
    assert about["measures"]["int8"]["ppl_user"] == pytest.approx(expected["ppl_user"], rel=0.2)
    assert about["measures"]["int8"] != about["measures"]["float32"]


def test_the_tokeniser_is_one_that_others_read_and_knows_the_words_of_the_model(files, tmp_path):
    export(files(), settings(), tmp_path / "out")
    tokenizer = Tokenizer.from_file(str(tmp_path / "out/tokenizer.json"))
    words = words_of(tokenizer)
    assert words[:2] == ["<unk>", "<eos>"] and len(words) == 60
    assert tokenizer.encode(f"{words[59].upper()} wcz {words[2]}").ids == [59, 0, 2], "the last words are unknown to it"


def test_the_card_runs_as_it_stands(files, tmp_path, monkeypatch, capsys):
    export(files("cifg"), settings(), tmp_path / "out")
    card = (tmp_path / "out/README.md").read_text()
    code = "\n".join(line[4:] for line in card.splitlines() if line.startswith("    "))
    monkeypatch.chdir(tmp_path / "out")
    exec(code.replace("how are", "waa zzz"), {})
    assert len(eval(capsys.readouterr().out)) == 3


@pytest.mark.parametrize(
    ("given", "secure", "said", "epsilon"),
    [
        ({"private": False}, False, "It saw no private text.", None),
        ({}, False, "There is no guarantee: ", None),
        ({"terms": True}, False, "Epsilon 2.5 at delta 0.001, for one user (zero out one).", 2.5),
        ({"terms": True}, True, "Epsilon 2.5 at delta 0.001, for one user (zero out one).", 2.5),
    ],
)
def test_a_guarantee_is_stated_only_where_there_is_one(files, tmp_path, given, secure, said, epsilon):
    export(files(**given), settings(secure=secure), tmp_path / "out")
    about, card = read_about(tmp_path / "out"), (tmp_path / "out/README.md").read_text()
    assert said in card and (about["epsilon"], about["delta"]) == (epsilon, epsilon and 1e-3)
    assert ("| canaries | planted | 8 persons |" in card) == ("terms" in given)
    assert ("protects nobody" in card) == (epsilon is not None and not secure)


def test_texts_are_named_with_their_licences(files, tmp_path):
    export(files(), settings(), tmp_path / "out")
    assert read_about(tmp_path / "out")["texts"] == [
        {"use": "general", "corpus": "talks", "licence": "CC0", "note": None, "words": 1234},
        {
            "use": "private",
            "corpus": "chat",
            "licence": "not stated",
            "note": "secret names",
            "words": 4321,
            "persons": 5,
            "took_part": 4,
        },
    ]
    card = (tmp_path / "out/README.md").read_text()
    assert "| talks | general | 1,234 words | CC0 | – |" in card
    assert "| chat | private | 4,321 words of 5 persons, of whom 4 took part | not stated | secret names |" in card


def test_other_logits_in_onnxruntime_end_the_job(files, tmp_path, monkeypatch):
    original = run.exported
    monkeypatch.setattr(
        run, "exported", lambda weights: original(weights | {"output.bias": weights["output.bias"] + 0.001})
    )
    with pytest.raises(
        PrivatuneError, match=r"out/model.onnx: a logit .* by 0.001 .* more than 0.0001; leave mine out"
    ):
        export(files(), settings(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_model_that_has_diverged_is_refused(files, weights, tmp_path):
    inputs = files()
    save_weights(inputs.model, {name: torch.full_like(weight, np.nan) for name, weight in weights("lstm").items()})
    with pytest.raises(PrivatuneError, match="a logit in onnxruntime differs by nan"):
        export(inputs, settings(), tmp_path / "out")


def test_with_8_bits_one_word_is_read_at_a_time(files, tmp_path, monkeypatch):
    sizes, original = {}, run.running

    def recorded(model, threads, path, remedy):
        call, seen = original(model, threads, path, remedy), sizes.setdefault(path.name, [])
        return lambda outputs, inputs: seen.append(inputs["words"].size) or call(outputs, inputs)

    monkeypatch.setattr(run, "running", recorded)
    export(files(), settings(), tmp_path / "out")
    assert set(sizes["model.int8.onnx"]) == {1} and max(sizes["model.onnx"]) > 1


def test_of_persons_whom_noise_protects_only_their_number_is_told(files, tmp_path):
    export(files(terms=True), settings(visits=None), tmp_path / "out")
    assert read_about(tmp_path / "out")["texts"][1] == {
        "use": "private",
        "corpus": "chat",
        "licence": "not stated",
        "note": "secret names",
        "persons": 5,
    }
    assert all("4,321" not in path.read_text() for path in (tmp_path / "out").glob("*.md"))
