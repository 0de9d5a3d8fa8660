from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

import privatune.corpora.split as module
from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json
from privatune.corpora.split import PrivateSettings, choose_persons, parts, split_persons
from privatune.corpora.tables import GENERAL, PRIVATE, in_batches, write_table

START = datetime(2018, 5, 1, tzinfo=UTC)
SMALL = PrivateSettings(min_words=10, max_words=40, heldout_share=0.25, later_share=0.1)
HALF = SMALL.model_copy(update={"heldout_share": 0.5})
PERSONS = st.text("abc", min_size=1)
ENOUGH = st.dictionaries(PERSONS, st.integers(0, 50), min_size=6, max_size=20)


@pytest.fixture
def table(tmp_path):
    """Persons a to h with 5, 10, ..., 40 messages of two words, mixed, newest first; z has one message only."""
    rows = [
        (chr(97 + k), START + timedelta(hours=i), f"{chr(97 + k)} {i}") for k in range(8) for i in range(5 * (k + 1))
    ]
    rows = [*sorted(rows, key=lambda row: row[1], reverse=True), ("z", START, "z 0")]
    columns = [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), PRIVATE, strict=True)]
    write_table(tmp_path / "chat.parquet", pa.table(columns, schema=PRIVATE).to_batches(), PRIVATE)
    return tmp_path / "chat.parquet"


def split(table, settings=SMALL, seed=0):
    out = table.with_name("private.parquet")
    split_persons(table, settings, seed, out, out.with_suffix(".json"))
    return pq.read_table(out).to_pylist(), read_json(out.with_suffix(".json"))


def test_parts_of_persons_and_time(table):
    rows, counts = split(table)
    assert list(rows[0]) == ["person", "part", "time", "text"]
    assert [row["person"] for row in rows] == sorted(row["person"] for row in rows)
    assert {row["person"] for row in rows} == {f"p{i:04d}" for i in range(8)}
    real = {row["person"]: row["text"][0] for row in rows}
    assert sorted(real.values()) == list("abcdefgh") and list(real.values()) != list("abcdefgh")
    heldout = {row["person"] for row in rows if row["part"] == "heldout"}
    assert len(heldout) == 3  # of eight, each held out with a chance of a quarter
    for person, name in real.items():
        own = [row for row in rows if row["person"] == person]
        used = min(5 * (ord(name) - 96), 20)
        newest = range(5 * (ord(name) - 96) - used, 5 * (ord(name) - 96))
        assert [row["text"] for row in own] == [f"{name} {i}" for i in newest]
        expected = (
            ["heldout"] * used if person in heldout else ["train"] * (used - used // 10) + ["later"] * (used // 10)
        )
        assert [row["part"] for row in own] == expected
    assert counts["persons"] == {"train": 5, "heldout": 3}
    for part in ("train", "later", "heldout"):
        assert counts["rows"][part] == counts["words"][part] / 2 == sum(row["part"] == part for row in rows)
    assert counts["left_out"] == {
        "persons_below_min_words": 1,
        "persons_over_max_persons": 0,
        "messages_longer_than_max_words": 0,
        "words_over_max_words": 2 * (180 - 5 - 10 - 15 - 5 * 20),
    }


def test_the_seed_decides_and_buckets_do_not(table, monkeypatch):
    once = split(table)
    assert split(table) == once
    assert split(table, seed=1) != once
    monkeypatch.setattr(module, "_BUCKET_WORDS", 50)
    assert split(table) == once


def test_order_of_rows_where_there_are_no_times(table):
    rows = [("a", None, f"a {i}") for i in range(20)] + [(p, None, f"{p} {i}") for i in range(20) for p in "bc"]
    columns = [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), PRIVATE, strict=True)]
    write_table(table, pa.table(columns, schema=PRIVATE).to_batches(), PRIVATE)
    texts = [row["text"] for row in split(table)[0]]
    assert sorted(texts) == sorted(text for *_, text in rows)
    assert [text for text in texts if text[0] == "a"] == [f"a {i}" for i in range(20)]


def test_messages_longer_than_max_words_are_left_out(table):
    rows = [(p, START, "w " * words) for p in "abc" for words in (30, 50)]
    columns = [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), PRIVATE, strict=True)]
    write_table(table, pa.table(columns, schema=PRIVATE).to_batches(), PRIVATE)
    _, counts = split(table)
    assert counts["left_out"]["messages_longer_than_max_words"] == 3
    assert sum(counts["words"].values()) == 90


@pytest.mark.parametrize("space", [" ", "\u00a0", "\u3000", "\u200b", "\u2028", " \ufeff "])
def test_words_are_separated_as_the_tokeniser_does(table, space):
    rows = [(person, START, space.join(["w"] * 30)) for person in "abcdefgh"]
    columns = [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), PRIVATE, strict=True)]
    write_table(table, pa.table(columns, schema=PRIVATE).to_batches(), PRIVATE)
    _, counts = split(table)
    assert sum(counts["words"].values()) == 8 * 30


def test_max_persons_takes_some(table):
    _, counts = split(table, SMALL.model_copy(update={"max_persons": 3}))
    assert counts["persons"] == {"train": 2, "heldout": 1}
    assert counts["left_out"]["persons_over_max_persons"] == 5


def test_no_person_with_enough_text(table, tmp_path):
    settings = PrivateSettings(min_words=80, max_words=100)
    with pytest.raises(PrivatuneError, match=r"private\.min_words: 1 of 9 persons of `chitchat` have 80 words"):
        split(table, settings)
    assert not list(tmp_path.glob("private*"))


def test_general_corpus_and_damaged_table(table):
    write_table(table, in_batches([("d", "train", "t")], GENERAL), GENERAL)
    with pytest.raises(PrivatuneError, match="has no column `person`; choose a corpus with another role"):
        split(table)
    table.write_bytes(table.read_bytes()[:-9])
    with pytest.raises(PrivatuneError, match=r"chat\.parquet: .*damaged.* delete it and run again"):
        split(table)


def test_settings_refuse_a_cap_below_the_minimum():
    with pytest.raises(ValidationError, match="max_words: it must be at least min_words"):
        PrivateSettings(min_words=100, max_words=99)


def choice(words, settings=HALF, seed=0):
    """Chosen persons in their order, each with whether they are held out; rejects what leaves a part empty."""
    try:
        numbers, held = choose_persons(words, settings, seed)
    except PrivatuneError:
        assume(False)
    return {person: bool(held[number]) for person, number in numbers.items()}


@given(ENOUGH, st.integers(0, 9))
def test_choice_is_of_persons_with_enough_text_in_any_order(words, seed):
    chosen = choice(words, seed=seed)
    assert list(chosen.items()) == list(choice(dict(reversed(words.items())), seed=seed).items())
    assert set(chosen) == {person for person, count in words.items() if count >= 10}
    assert 0 < sum(chosen.values()) < len(chosen)


@given(ENOUGH, st.dictionaries(PERSONS, st.integers(0, 50), min_size=1, max_size=5), st.integers(0, 9))
def test_persons_who_come_or_go_move_nobody_else(words, others, seed):
    """Whoever is in both corpora has the same part and the same place among those who are in both."""
    few, many = choice(words, seed=seed), choice(others | words, seed=seed)
    assert [item for item in many.items() if item[0] in few] == list(few.items())


@given(ENOUGH, PERSONS, st.integers(0, 9), st.integers(2, 9))
def test_a_person_more_takes_the_last_place_of_max_persons_and_no_other(words, person, seed, most):
    settings = HALF.model_copy(update={"max_persons": most})
    assume(person not in words)
    few, many = choice(words, settings, seed), choice(words | {person: 50}, settings, seed)
    assert [item for item in many.items() if item[0] != person] == list(few.items())[: len(many) - (person in many)]
    assert len(many) == min(len(few) + 1, most)


def test_held_out_persons_are_about_the_share():
    chosen = choice({f"person {i}": 50 for i in range(4000)}, SMALL)
    assert sum(chosen.values()) == pytest.approx(1000, abs=4 * (4000 * 0.25 * 0.75) ** 0.5)


@pytest.mark.parametrize(("share", "what"), [(0.01, "none of the 3"), (0.99, "all of the 3")])
def test_a_part_without_a_person_is_refused(share, what):
    settings = SMALL.model_copy(update={"heldout_share": share})
    with pytest.raises(PrivatuneError, match=rf"private\.heldout_share: {what} persons of `chitchat` are held out"):
        choose_persons({"ann": 20, "bob": 20, "eve": 20}, settings, 0)


@given(st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=20), min_size=1, max_size=5))
def test_parts_against_a_plain_loop(persons):
    number = np.repeat(np.arange(len(persons)), [len(words) for words in persons])
    held = np.arange(len(persons)) % 2 == 1
    expected = []
    for person, words in enumerate(persons):
        used = words
        while sum(used) > SMALL.max_words:
            used = used[1:]
        own = ["over"] * (len(words) - len(used))
        for i in range(len(used)):
            later = sum(used[i:]) <= SMALL.later_share * sum(used)
            own.append("heldout" if held[person] else "later" if later else "train")
        expected += own
    assert parts(number, np.array([w for words in persons for w in words]), held, SMALL).tolist() == expected


def test_only_the_owner_can_read_who_was_chosen(table):
    split(table)
    modes = [path.stat().st_mode & 0o777 for path in (table, table.with_name("private.parquet"))]
    assert modes == [0o600, 0o600]


def test_only_the_owner_can_read_the_buckets(table, monkeypatch):
    seen = []
    real = module._fill_buckets

    def looked_at(corpus, numbers, max_words, paths):
        seen.append(paths[0].parent.stat().st_mode & 0o777)
        return real(corpus, numbers, max_words, paths)

    monkeypatch.setattr(module, "_fill_buckets", looked_at)
    split(table)
    assert seen == [0o700]
