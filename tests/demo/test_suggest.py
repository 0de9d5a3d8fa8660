"""Suggestions and counts agree with the measure of the library, whatever is typed, and in whatever pieces."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tokenizers.models import WordLevel

from privatune.demo.exported import exported_models
from privatune.demo.suggest import keyboard, read, split, start, suggested, words_in
from privatune.evaluation.keystrokes import prefix_index, type_words
from privatune.text.settings import EOS, MARKS, UNK, TextSettings
from privatune.text.tokenizer import splitter

SENTENCE = "The cat don't sat zebras, they thank that dog on 3 mats then"


@pytest.fixture(scope="module")
def spelling():
    """A tokenizer that knows few words."""
    made = splitter(TextSettings())
    made.model = WordLevel(
        {word: n for n, word in enumerate([*MARKS, "hi", "i", "don't", "don", "'", ",", "fi"])}, MARKS[UNK]
    )
    return made


@given(st.data())
def test_typing_until_a_word_is_suggested_takes_what_the_measure_says(data):
    words = [*MARKS, *data.draw(st.lists(st.text("ab'\U0001f600", min_size=1, max_size=5), unique=True, min_size=1))]
    scores = data.draw(arrays(np.float32, len(words), elements=st.integers(0, 3) | st.just(-np.inf)))
    tokenizer = splitter(TextSettings())
    tokenizer.model = WordLevel({word: number for number, word in enumerate(words)}, MARKS[UNK])
    model = keyboard(tokenizer, lambda ids, state: (scores[None], state), ())
    targets = np.arange(2, len(words))
    typed, _ = type_words(np.tile(scores, (len(targets), 1)), targets, np.zeros(len(targets)), prefix_index(words))
    for target, expected in zip(targets, typed, strict=True):
        word = words[target]
        offered = [letters for letters in range(len(word)) if word in suggested(model, scores, word[:letters])]
        assert min([*offered, len(word)]) == expected
    assert suggested(model, scores, "c") == []


@pytest.mark.parametrize(
    ("text", "words", "prefix", "start"),
    [
        ("", [], "", 0),
        ("hi", [], "hi", 0),
        ("Hi ", [("hi", 2)], "", 3),
        ("hi Do", [("hi", 2)], "do", 3),
        ("hi don'", [("hi", 2)], "don'", 3),
        ("hi don\u2019", [("hi", 2)], "don'", 3),
        ("don' ", [("don", 3), ("'", 1)], "", 5),
        ("hi '", [("hi", 2)], "'", 3),
        ("3'", [("<unk>", 1)], "'", 1),
        ("hi,i", [("hi", 2), (",", 1)], "i", 3),
        ("\ufb01 ", [("fi", 2)], "", 2),
        ("strange ", [("<unk>", 7)], "", 8),
        ("hi\nDon't\n", [("hi", 2), ("<eos>", 0), ("don't", 5), ("<eos>", 0)], "", 9),
        ("\U0001f600 hi\ni", [("<unk>", 1), ("hi", 2), ("<eos>", 0)], "i", 5),
    ],
)
def test_a_text_is_split_where_somebody_types(spelling, text, words, prefix, start):
    made = split(spelling, text)
    assert [(spelling.id_to_token(number), letters) for number, letters in made.words] == words
    assert (made.prefix, made.start) == (prefix, start)


@given(st.text("ab' \n3.\u0301\u200d\U0001f600", max_size=30))
def test_what_is_not_finished_is_the_end_of_the_text(spelling, text):
    made = split(spelling, text)
    whole = split(spelling, text + " ").words
    assert whole[: len(made.words)] == made.words and (len(whole) > len(made.words)) == bool(made.prefix)
    assert made.prefix == spelling.normalizer.normalize_str(text[made.start :])
    assert sum(number == EOS for number, _ in made.words) == text.count("\n")


@pytest.mark.parametrize("name", ["averaging", "general", "private"])
def test_counts_are_those_of_the_library(name, export, weights, measured, tokenizer, tmp_path):
    export(tmp_path / name, weights[name])
    model = exported_models(tmp_path, "float32")[name].keyboard
    words = split(tokenizer, f"{SENTENCE} ").words
    found = read(model, words, start(model))
    assert (found.typed, found.characters) == measured(weights[name], SENTENCE)
    assert 0 < found.typed < found.characters and any(number == UNK for number, _ in words)
    piece = start(model)
    for end in range(1, len(SENTENCE) + 2):  # a word at a time, and some words twice
        piece = read(model, split(tokenizer, f"{SENTENCE} "[:end]).words, piece)
    assert (piece.typed, piece.characters) == (found.typed, found.characters)
    np.testing.assert_allclose(piece.scores, found.scores, atol=1e-4)
    back = read(model, words[:2], piece)
    assert back.words == words[:2] and read(model, words, back).typed == found.typed
    assert read(model, (), piece).typed == 0


def test_words_of_another_length_outside_the_vocabulary_are_read_again(export, weights, tokenizer, tmp_path):
    export(tmp_path / "general", weights["general"])
    model = exported_models(tmp_path, "float32")["general"].keyboard
    made = start(model)
    for text, letters in (("zzz ", 3), ("zzzz ", 4), ("zz ", 2)):
        made = read(model, split(tokenizer, text).words, made)
        assert (made.typed, made.characters) == (letters, letters)


def test_a_sentence_is_given_in_words_of_the_vocabulary(tokenizer):
    assert words_in(tokenizer, "Don\u2019t say 3rd\u200d!") == ["don't", "say", "3", "rd", "!"]
