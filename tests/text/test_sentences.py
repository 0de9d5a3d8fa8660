import stat
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from privatune.core.errors import PrivatuneError
from privatune.core.files import write_json
from privatune.core.tensors import load_tensors, save_tensors
from privatune.corpora.tables import LABELLED, in_batches, write_table
from privatune.text.sentence_settings import SentencesSettings
from privatune.text.sentences import PARTS, choose, encode_sentences, parts_of, read_sentences
from privatune.text.tokenizer import save_tokenizer

WORDS = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "good", "bad", "film", *map(str, range(200))]
UNK, CLS, SEP = 0, 1, 2
SETTINGS = SentencesSettings(source="films", phrases={"plus": "good film", "minus": "bad film"})
ROWS = [(("plus", "minus")[i % 2], f"film {i} {'good ' * (i % 9)}".strip()) for i in range(120)]
TEXTS = [text for _, text in ROWS]
LABELS = np.array([label == "plus" for label, _ in ROWS]).astype(np.int64)
texts = st.lists(st.text(max_size=8), unique=True, min_size=1, max_size=40)


@pytest.fixture
def tokenizer(tmp_path):
    """A tokeniser of the form that encoders have, which asks for padding and for a cut of its own."""
    made = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    made.post_processor = TemplateProcessing("[CLS] $A [SEP]", special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)])
    made.enable_padding(length=128, pad_id=3, pad_token="[PAD]")
    made.enable_truncation(5)
    save_tokenizer(made, tmp_path / "tokenizer.json")
    return tmp_path / "tokenizer.json"


@pytest.fixture
def encode(tmp_path, tokenizer):
    """Encode rows of (label, text); give the sentences and the header."""

    def run(rows=ROWS, settings=SETTINGS, seed=0, **changed):
        table, manifest, path = (tmp_path / name for name in ("films.parquet", "films.json", "tokens.safetensors"))
        write_table(table, in_batches(rows, LABELLED), LABELLED)
        write_json(manifest, {"dropped": {"duplicates": 3, "empty": 1}})
        settings = SentencesSettings(**{**settings.model_dump(), **changed})
        encode_sentences("films", (table, manifest), tokenizer, settings, seed, "tiny", path)
        return read_sentences(path), load_tensors(path)[1]

    return run


def decoded(found):
    """Part, label and words of each sentence, without the marks."""
    ids = [found.ids[a:b] for a, b in zip(found.offsets, found.offsets[1:], strict=False)]
    assert all(row[0] == CLS and row[-1] == SEP for row in ids)
    words = [" ".join(WORDS[i] for i in row[1:-1]) for row in ids]
    named = ((PARTS[part], found.classes[label]) for part, label in zip(found.part, found.labels, strict=True))
    return [(part, label, text) for (part, label), text in zip(named, words, strict=True)]


def test_every_sentence_has_its_label_and_part(encode):
    found, about = encode()
    rows = decoded(found)
    assert {(label, text) for _, label, text in rows} == set(ROWS) and len(rows) == len(ROWS)
    assert found.classes == ("minus", "plus")
    place = {part: i for i, part in enumerate(PARTS)}
    expected = dict(zip(TEXTS, parts_of(TEXTS, SETTINGS, 0), strict=True))
    assert all(place[part] == expected[text] for part, _, text in rows)
    counts = Counter((part, label) for part, label, _ in rows)
    assert found.n == about["n"] == {part: [counts[part, label] for label in found.classes] for part in PARTS}
    about.pop("n")
    assert about == {
        "classes": ["minus", "plus"],
        "cut": 0,
        "left_out": 0,
        "duplicates": 3,
        "contradictions": 0,
        "encoder": "tiny",
    }


def test_types_and_who_may_read(encode, tmp_path):
    found, _ = encode()
    kinds = {"ids": "u4", "offsets": "i8", "labels": "i8", "part": "u1", "phrase_ids": "u4", "phrase_offsets": "i8"}
    assert {name: getattr(found, name).dtype.str[1:] for name in kinds} == kinds
    assert not found.ids.flags.writeable
    assert stat.S_IMODE((tmp_path / "tokens.safetensors").stat().st_mode) == 0o600


def test_phrases_in_the_order_of_the_labels(encode):
    found, _ = encode()
    assert found.phrase_offsets.tolist() == [0, 4, 8]
    assert [WORDS[i] for i in found.phrase_ids] == "[CLS] bad film [SEP] [CLS] good film [SEP]".split()
    found, _ = encode(phrases={})
    assert (found.phrase_offsets.tolist(), found.phrase_ids.tolist()) == ([0], [])


def test_a_cut_keeps_the_last_mark_and_is_counted(encode):
    whole, _ = encode()
    found, about = encode(max_tokens=8)
    lengths = np.diff(whole.offsets)
    assert about["cut"] == (lengths > 8).sum() > 0
    assert np.diff(found.offsets).tolist() == np.minimum(lengths, 8).tolist()
    for (_, _, text), (_, _, cut) in zip(decoded(whole), decoded(found), strict=True):
        assert cut == " ".join(text.split()[:6])


def test_rows_in_any_order_and_batches_of_any_size_give_the_same_bytes(encode, tmp_path, monkeypatch):
    encode()
    before = (tmp_path / "tokens.safetensors").read_bytes()
    monkeypatch.setattr("privatune.text.sentences._CHARACTERS", 30)
    encode(ROWS[::-1])
    assert (tmp_path / "tokens.safetensors").read_bytes() == before
    encode(seed=1)
    assert (tmp_path / "tokens.safetensors").read_bytes() != before


@given(texts, st.text(max_size=8), st.integers(0, 5))
def test_a_text_more_moves_no_other(some, another, seed):
    more = [another, *(text for text in some if text != another)]
    before = dict(zip(some, parts_of(some, SETTINGS, seed), strict=True))
    after = dict(zip(more, parts_of(more, SETTINGS, seed), strict=True))
    assert all(after[text] == part for text, part in before.items())
    order = [some[i] for i in choose(some, np.zeros(len(some), np.int64), np.zeros(len(some)), None, seed)]
    wider = [more[i] for i in choose(more, np.zeros(len(more), np.int64), np.zeros(len(more)), None, seed)]
    assert [text for text in wider if text in before] == order


@pytest.mark.parametrize(("validation", "test"), [(0.1, 0.2), (0.3, 0.05), (0.01, 0.6)])
def test_shares_are_about_right(validation, test):
    many = [str(i) for i in range(20_000)]
    settings = SentencesSettings(source="x", validation_share=validation, test_share=test)
    found = np.bincount(parts_of(many, settings, 3), minlength=3) / len(many)
    expected = np.array([1 - validation - test, validation, test])
    assert (np.abs(found - expected) < 4 * np.sqrt(expected * (1 - expected) / len(many))).all()


def test_a_larger_test_part_contains_the_smaller_one():
    smaller, larger = (parts_of(TEXTS, SentencesSettings(source="x", test_share=share), 0) for share in (0.2, 0.5))
    assert set(np.flatnonzero(smaller == 2)) < set(np.flatnonzero(larger == 2))


@given(st.integers(0, 3), st.integers(1, 20), st.integers(1, 20))
def test_shots_are_nested_and_touch_training_only(seed, shots, more):
    part = parts_of(TEXTS, SETTINGS, seed)
    every, few, many = (choose(TEXTS, LABELS, part, k, seed).tolist() for k in (None, shots, shots + more))
    assert set(few) <= set(many) <= set(every) == set(range(len(TEXTS)))
    assert [i for i in every if i in set(few)] == few, "all in one order"
    assert {i for i in every if part[i]} == {i for i in few if part[i]}
    for label in (0, 1):
        training = [i for i in every if part[i] == 0 and LABELS[i] == label]
        assert [i for i in few if part[i] == 0 and LABELS[i] == label] == training[:shots]


def test_numbers_that_are_kept_are_counted(encode):
    whole, _ = encode()
    found, about = encode(shots=5)
    assert found.n["train"] == [5, 5]
    assert {part: found.n[part] for part in PARTS[1:]} == {part: whole.n[part] for part in PARTS[1:]}
    assert about["left_out"] == sum(whole.n["train"]) - 10
    most = sum(whole.n["train"])
    assert encode(shots=most)[0].n == whole.n, "a label with fewer sentences keeps all of them"


@pytest.mark.parametrize(
    ("rows", "changed", "message"),
    [
        (
            [*ROWS, ("secret", "a"), ("secret", "b")],
            {"phrases": {}},
            r"films\.source: 1 of the 3 labels of films have few",
        ),
        (ROWS[:8], {}, r"sentences\.films: . of the 2 labels of films have no sentence in the \w+ part with `seed: 0`"),
        (ROWS, {"phrases": {"plus": "x", "minus": "y", "zero": "z"}}, r"films\.phrases: zero is no label of films"),
        (ROWS, {"phrases": {"plus": "x"}}, r"films\.phrases: 1 of the 2 labels of films have no phrase"),
    ],
)
def test_what_cannot_be_split(encode, tmp_path, rows, changed, message):
    with pytest.raises(PrivatuneError, match=message) as caught:
        encode(rows, **changed)
    assert "films.json" in str(caught.value) and "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "tokens.safetensors").exists()


def test_each_part_names_its_remedy(encode):
    found, _ = encode()
    by_part = {part: [(label, text) for where, label, text in decoded(found) if where == part] for part in PARTS}
    for part, remedy in zip(
        PARTS, ["lower the other shares", "raise `validation_share`", "raise `test_share`"], strict=True
    ):
        rows = [row for other in PARTS if other != part for row in by_part[other]]
        with pytest.raises(
            PrivatuneError, match=rf"2 of the 2 labels .* in the {part} part .*; {remedy}, change `seed`"
        ):
            encode(rows)


def test_a_text_without_any_token(encode, tokenizer):
    loaded = Tokenizer.from_str(Tokenizer(WordLevel({"good": 0, "bad": 1, "film": 2}, unk_token="good")).to_str())
    loaded.pre_tokenizer = Whitespace()
    save_tokenizer(loaded, tokenizer)
    with pytest.raises(
        PrivatuneError, match=r"sentences\.films: the encoder finds no token in 2 texts; leave them out"
    ):
        encode([*ROWS, ("plus", "\u2003"), ("minus", " ")])


def test_another_file_is_refused(tokenizer, tmp_path):
    with pytest.raises(PrivatuneError, match=r"not a complete tensor file; delete it"):
        read_sentences(tokenizer)
    save_tensors(tmp_path / "s", {"ids": np.zeros(1, np.uint32)}, {"classes": []})
    with pytest.raises(PrivatuneError, match=r"not a file of sentences; delete it"):
        read_sentences(tmp_path / "s")
