"""From the customer's tokens to what attackers recover, on a tiny encoder."""

from types import SimpleNamespace

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tops import train_top

from privatune.attacks.inversion_settings import ATTACKS, InversionSettings
from privatune.core.files import read_json
from privatune.core.tensors import load_tensors, save_tensors
from privatune.models.encoder import load_encoder
from privatune.models.settings import NumericsSettings
from privatune.systems.split.embeddings import decoded, read_embeddings
from privatune.systems.split.fine_tune import fine_tune_tops
from privatune.systems.split.guesses import Attacker, guess_sent
from privatune.systems.split.score import score_attacks
from privatune.systems.split.send import Customer, send_states
from privatune.systems.split.settings import AttackerSettings, SendSettings, VendorSettings
from privatune.systems.split.states import as_float, save_cut_states, save_distance
from privatune.systems.split.top_settings import SplitTopSettings
from privatune.text.tokenizer import save_tokenizer
from privatune.training.examples import read_examples

NUMERICS = NumericsSettings()
SEEDS = [0, 1]
FROM_SETTINGS = InversionSettings(width=8, epochs=1, batch=8, sampled=20)


def written(path, n, seed, labels=2):
    """A file of sentences, whose label shifts their tokens; marks are 0 and 1."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(5, 12, n)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    label = np.arange(n) % labels
    ids = rng.integers(2, 26, offsets[-1]) + 22 * (np.repeat(label, lengths) % 2)
    ids[offsets[:-1]], ids[offsets[1:] - 1] = 0, 1
    arrays = {
        "ids": ids.astype(np.uint32), "offsets": offsets, "labels": label,
        "part": np.repeat(np.array([0, 1, 2], np.uint8), -(-n // 3))[:n],
        "phrase_ids": np.empty(0, np.uint32), "phrase_offsets": np.zeros(1, np.int64),
    }  # fmt: skip
    save_tensors(path, arrays, {"classes": [str(i) for i in range(labels)], "n": {}}, private=True)
    return path


@pytest.fixture(scope="module")
def files(folder, tmp_path_factory):
    root = tmp_path_factory.mktemp("split")
    made = SimpleNamespace(root=root, folder=folder, tokenizer=root / "tokenizer.json")
    for name, n, seed, labels in (("own", 90, 1, 2), ("messages", 40, 2, 4), ("public", 80, 3, 2), ("known", 40, 4, 4)):
        setattr(made, name, written(root / f"{name}.safetensors", n, seed, labels))
    save_tokenizer(Tokenizer(WordLevel({f"w{i}": i for i in range(50)}, unk_token="w0")), made.tokenizer)
    return made


@pytest.fixture(scope="module")
def sent(files):
    """A function that sends, fine-tunes and attacks in one way; it returns the files that were written."""
    encoder, made = load_encoder(files.folder), {}
    embeddings = read_embeddings(files.folder / "model.safetensors")

    def send(cut, noise, importance="none"):
        if (key := (cut, noise, importance)) in made:
            return made[key]
        root = files.root / str(cut) / noise / importance
        root.mkdir(parents=True)
        states = {name: root / f"{name}.safetensors" for name in ("own", "messages", "public", "known")}
        for name, path in states.items():
            save_cut_states(getattr(files, name), encoder, cut, NUMERICS, path)
        save_distance(files.public, states["public"], encoder, cut, root / "distance.json")
        out = SimpleNamespace(
            sent=[root / f"sent-{seed}.safetensors" for seed in SEEDS],
            messages=[root / f"messages-{seed}.safetensors" for seed in SEEDS],
            terms=root / "terms.json", guesses=root / "guesses.safetensors", examples=root / "examples.json",
            scores=root / "scores.json", embeddings=embeddings, states=states,
        )  # fmt: skip
        settings = SendSettings(cut=cut, noise=noise, importance=importance, seeds=SEEDS, numerics=NUMERICS)
        customer = Customer(files.own, states["own"], files.messages, states["messages"])
        distance = root / "distance.json"
        send_states(customer, files.public, distance, embeddings, settings, out.sent, out.messages, out.terms)
        attacker = Attacker(
            files.public, states["public"], files.known, states["known"], root / "distance.json", files.tokenizer
        )
        about = AttackerSettings(
            sending=settings, attacked=20, attacks=list(ATTACKS), inversion=FROM_SETTINGS, examples=2
        )
        guess_sent(out.sent, out.messages, attacker, embeddings, about, out.guesses, out.examples)
        score_attacks([out.guesses], files.own, files.messages, files.public, out.scores)
        made[key] = out
        return out

    return send


def test_what_is_sent_has_neither_tokens_nor_text_and_keeps_marks(files, sent):
    out = sent(1, "kappa-0.5")
    arrays, about = load_tensors(out.sent[0])
    assert arrays.keys() == {"states", "offsets", "labels", "part"}
    assert load_tensors(out.messages[0])[0].keys() == {"states", "offsets"}, "nor who wrote a message"
    assert about.keys() == {"cut", "eta", "importance", "classes", "n"}
    clean, offsets = load_tensors(out.states["own"])[0]["states"], arrays["offsets"]
    same = (arrays["states"] == clean).all(1)
    assert same[offsets[:-1]].all() and same[offsets[1:] - 1].all(), "marks are not noised"
    assert same.sum() == 2 * (len(offsets) - 1), "all other tokens are"
    assert not np.array_equal(arrays["states"], load_tensors(out.sent[1])[0]["states"]), "each seed draws its own noise"


def test_at_an_embedding_split_tokens_are_replaced_by_tokens(files, sent):
    out = sent(0, "kappa-1")
    arrays, own = load_tensors(out.sent[0])[0], load_tensors(files.own)[0]["ids"]
    found = decoded(out.embeddings, as_float(arrays["states"]), arrays["offsets"])
    marks = np.isin(own, (0, 1))
    assert np.array_equal(found[marks], own[marks])
    assert 0.02 < (found == own)[~marks].mean() < 0.98


def test_without_noise_at_the_embedding_every_token_is_recovered(sent):
    for record in read_json(sent(0, "none").scores):
        for attack in ("nearest", "posterior", "ridge"):
            assert record[f"ep_{attack}"] == record[f"validation_ep_{attack}"] == 0, attack
            assert record[f"top5_{attack}"] == record[f"function_{attack}"] == 1, attack


@pytest.mark.slow
def test_with_much_noise_attacks_are_as_good_as_chance(sent):
    for cut in (0, 1):
        for record in read_json(sent(cut, "eta-0.001").scores):
            assert min(record[f"ep_{attack}"] for attack in ATTACKS) > 0.8
            assert 0.4 < record["ep_attribute"] <= 1


def test_terms_say_what_is_proved(sent):
    for key, kind in (((0, "kappa-1"), "per token"), ((0, "none"), "none"), ((1, "kappa-0.5"), "none")):
        terms = read_json(sent(*key).terms)
        assert terms["guarantee"] == kind and (terms["eta"] is None) == (key[1] == "none")
    terms = read_json(sent(0, "kappa-1", "cti").terms)
    assert (terms["guarantee"], terms["cti"]) == ("within one level", True) and "release" in terms["reason"]


def test_examples_are_public_text(files, sent):
    rows = read_json(sent(0, "none").examples)
    assert len(rows) == 2 * len(ATTACKS)
    public = load_tensors(files.public)[0]
    last = public["ids"][public["offsets"][-2] + 1 : -1]
    assert rows[1]["text"].split() == [f"w{token}" for token in last]
    assert rows[0]["recovered"] == rows[0]["text"] and rows[0]["share"] == 1


def test_labels_of_test_sentences_do_not_show_in_what_is_sent(files, sent, tmp_path):
    """With contributing tokens, only sentences of the training part get the noise of their own label."""
    out = sent(0, "kappa-1", "cti")
    arrays, about = load_tensors(files.own)
    turned = arrays | {"labels": np.where(arrays["part"] == 0, arrays["labels"], 1 - arrays["labels"])}
    save_tensors(tmp_path / "own.safetensors", turned, about)
    settings = SendSettings(cut=0, noise="kappa-1", importance="cti", seeds=[0], numerics=NUMERICS)
    customer = Customer(tmp_path / "own.safetensors", out.states["own"], files.messages, out.states["messages"])
    paths = [[tmp_path / "sent.safetensors"], [tmp_path / "messages.safetensors"], tmp_path / "terms.json"]
    distance = out.terms.parent / "distance.json"
    send_states(customer, files.public, distance, out.embeddings, settings, *paths)
    before, after = (load_tensors(path)[0]["states"] for path in (out.sent[0], paths[0][0]))
    assert np.array_equal(before, after)


@pytest.mark.slow
def test_accuracies_are_those_of_tops_that_are_trained_on_what_was_sent(files, sent, tmp_path):
    ways = {noise: sent(1, noise).sent for noise in ("none", "kappa-0.5")}
    encoder, phrases = load_encoder(files.folder), np.zeros((2, 16), np.float32)
    sendings = [SendSettings(cut=1, noise=noise, importance="none", seeds=SEEDS, numerics=NUMERICS) for noise in ways]
    settings = VendorSettings(sendings=sendings, top=SplitTopSettings(steps=3, batch=10), seed=0, set="own")
    fine_tune_tops([path for paths in ways.values() for path in paths], encoder, settings, tmp_path / "tops.json")
    order = [(noise, seed) for noise in ways for seed in SEEDS]
    for (noise, seed), record in zip(order, read_json(tmp_path / "tops.json"), strict=True):
        parts = [read_examples(ways[noise][seed], part) for part in ("train", "test")]
        _, accuracy = train_top(encoder, 1, *parts, phrases, settings.top, seed, NUMERICS)
        found = (record["noise"], record["seed"], record["accuracy"], record["majority"])
        assert found == (noise, seed, accuracy, 50)
        assert len(record["accuracy_resampled"]) == 200 and record["clusters"] == 30
