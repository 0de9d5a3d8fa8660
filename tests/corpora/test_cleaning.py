import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privatune.corpora.cleaning import CleaningSettings, clean_general, clean_private
from privatune.corpora.rows import GeneralRow, PrivateRow


def clean(*texts, person="ann", **settings):
    dropped, changed = Counter(), Counter()
    rows = clean_private((PrivateRow(person, None, t) for t in texts), CleaningSettings(**settings), dropped, changed)
    return [row.text for row in rows], dict(dropped), dict(+changed)


def test_listed_persons_go():
    assert clean("hi", person="bot", drop_persons=("bot",)) == ([], {"drop_persons": 1}, {})


@pytest.mark.parametrize("text", ["ha ha ha", "Ha, ha... HA", "well no no no", "é é é"])
def test_repeated_words_go(text):
    assert clean(text) == ([], {"max_repeats": 1}, {})
    assert clean(text, max_repeats=3) == clean(text, max_repeats=None) == ([text], {}, {})


@pytest.mark.parametrize("text", ["no no", "the cat and the dog and the", "ha hah ha", "...", "no no yes no no"])
def test_words_that_come_again_stay(text):
    assert clean(text) == ([text], {}, {})


def test_long_lines_go():
    assert clean("12345", "123456", max_line_chars=5) == (["12345"], {"max_line_chars": 1}, {})


def test_addresses_are_masked_and_counted():
    texts, _, changed = clean("ann.b+c@mail.example.org or https://x.de/?a=b&c now", "see www.x.de, amazon.com/q.")
    assert texts == ["email or url now", "see url url"]
    assert changed == {"mask_emails": 1, "mask_urls": 3}


EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
URL = re.compile(r"\b(?:https?://|www\.)\S+|\b(?:[\w-]+\.)+(?:com|org|net|edu|gov|io|co)\b(?:/\S*)?", re.IGNORECASE)
PIECES = [*"a b é _ - -- . .. / @ + : www www. http:// https:// com co org x.com .com".split(), " "]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_masks_find_what_the_plain_patterns_find(text):
    plain, emails = EMAIL.subn("email", text)
    plain, urls = URL.subn("url", plain)
    texts, _, changed = clean(text, max_repeats=None)
    assert texts == [plain.strip()] * bool(plain.strip())
    assert (changed.get("mask_emails", 0), changed.get("mask_urls", 0)) == (emails, urls)


@pytest.mark.parametrize(
    "piece", ["a", "a.", "a-", "a@", "a@b", "a@b.", "-", ".", "@", "+", "www", "www.", "http://", "x.com", "a.a-"]
)
def test_time_of_the_masks_grows_with_the_length_alone(piece):
    """The plain patterns take 20 s for 80,000 characters and a hundred times that here, so that the test would hang."""
    text = f"{piece * (800_000 // len(piece))} @ ://."
    (cleaned,), _, _ = clean(text, max_line_chars=None, max_repeats=None)
    assert cleaned.endswith("@ ://.")


def test_a_zero_width_space_separates_words():
    assert clean("hello\u200bworld\u200b") == (["hello world"], {}, {"control_characters": 1})
    assert clean("\u200b") == ([], {"empty": 1}, {"control_characters": 1})


@pytest.mark.parametrize("text", ["wait...what", "at 5.30 pm", "@ann hi", "e.g. this", "welcome.to my company"])
def test_what_only_looks_like_an_address_stays(text):
    assert clean(text) == ([text], {}, {})


def test_masks_can_be_left_off():
    assert clean("a@b.de www.x.de", mask_emails=False, mask_urls=False) == (["a@b.de www.x.de"], {}, {})


@given(st.text(st.characters(), max_size=30))
def test_what_is_left_can_be_encoded_and_is_one_line(text):
    texts, dropped, _ = clean(text)
    assert len(texts) + sum(dropped.values()) == 1
    for left in texts:
        assert left.encode() and left.splitlines() == [left] and left == left.strip()


def test_general_text_loses_empty_lines_only():
    rows = [GeneralRow("d", "train", text) for text in ("no no no a@b.de", " ", "a\x0cb ")]
    dropped, changed = Counter(), Counter()
    assert [row.text for row in clean_general(iter(rows), dropped, changed)] == ["no no no a@b.de", "a b"]
    assert (dropped, changed) == ({"empty": 1}, {"control_characters": 1})
