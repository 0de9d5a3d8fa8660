import json
import os
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privatune.core.errors import PrivatuneError
from privatune.corpora.tables import GENERAL, in_batches, write_table
from privatune.text.settings import MARKS, TextSettings
from privatune.text.tokenizer import build_tokenizer, load_tokenizer, read_words, splitter, train_tokenizer


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a tokenizer.json."""
    path = tmp_path_factory.mktemp("whole") / "tokenizer.json"
    write_table(path.with_name("text"), in_batches([("d", "train", "a b a")], GENERAL), GENERAL)
    build_tokenizer([path.with_name("text")], TextSettings(vocabulary=4), path)
    return path.read_bytes()


def split(text, **settings):
    found = splitter(TextSettings(**settings))
    return [word for word, _ in found.pre_tokenizer.pre_tokenize_str(found.normalizer.normalize_str(text))]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It’s, it‘s, it´s, it`s, itʼs", ["it's", ",", "it's", ",", "it's", ",", "it's", ",", "it's"]),
        ("'tis rock'n'roll, dogs' “x”", ["'", "tis", "rock'n'roll", ",", "dogs", "'", '"', "x", '"']),
        ("3rd 1,000.5 ½ x²", ["3", "rd", "1", ",", "000", ".", "5", "1", "⁄", "2", "x", "2"]),
        ("a_b a-b a…\t\r\n\u00a0b", ["a", "_", "b", "a", "-", "b", "a", ".", ".", ".", "b"]),
        ("ﬁne Ｆｕｌｌ e\u0301te\u0301 Straße", ["fine", "full", "été", "straße"]),
        ("zero\u200bwidth soft\u00adhyphen nul\0 \ufeffbom", ["zero", "width", "softhyphen", "nul", "bom"]),
        ("❤️:) привет 你好 हिन्दी", ["❤", ":", ")", "привет", "你好", "हिन्दी"]),
        (" \n\0", []),
        ("", []),
    ],
)
def test_words(text, words):
    assert split(text) == words


def test_case_is_kept_where_asked_for():
    assert split("The CAT", lowercase=False) == ["The", "CAT"]


@given(st.text())
def test_nothing_visible_is_lost(text):
    found = splitter(TextSettings())
    normal = found.normalizer.normalize_str(text)
    words = split(text)
    assert "".join(words) == "".join(normal.split())
    # words stand for themselves: splitting them again changes nothing
    assert [again for word in words for again in split(word)] == words


@given(st.lists(st.text("ab '1.A", max_size=20), max_size=20))
def test_most_frequent_words_first_and_ties_by_code_point(texts):
    counts = Counter(word for text in texts for word in split(text))
    order = sorted(counts, key=lambda word: (-counts[word], word))
    for size in {min(3, len(order) + 2), len(order) + 2} - {2}:
        vocabulary = train_tokenizer(texts, TextSettings.model_construct(lowercase=True, vocabulary=size)).get_vocab()
        assert sorted(vocabulary, key=vocabulary.get) == [*MARKS, *order][:size]


def test_marks_in_a_text_are_characters(general, tmp_path):
    build_tokenizer([general], TextSettings(vocabulary=5), tmp_path / "tokenizer.json")
    ids = load_tokenizer(tmp_path / "tokenizer.json").encode("<eos> <unk>").ids
    assert ids == [0] * 6


def test_general_training_part_alone(general, tmp_path):
    build_tokenizer([general], TextSettings(vocabulary=13), tmp_path / "tokenizer.json")
    words = read_words(tmp_path / "tokenizer.json")
    # three times, twice, once
    assert words == [*MARKS, "dog", "the", "a", "cat", "sat", "!", ",", ".", "cat's", "isn't", "too"]


def test_vocabulary_larger_than_the_types(general, tmp_path):
    with pytest.raises(
        PrivatuneError, match=r"text\.vocabulary: 14 is set.* has 11 different words; set it to at most 13"
    ):
        build_tokenizer([general], TextSettings(vocabulary=14), tmp_path / "tokenizer.json")
    assert not (tmp_path / "tokenizer.json").exists()


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff\xfe", b'{"model": {"type": "WordLevel"}}'])
def test_damaged_tokenizer(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PrivatuneError, match=r"tokenizer\.json: (cannot be read|damaged).* run again"):
        load_tokenizer(path)


@given(data=st.data())
def test_any_damage_is_named(tmp_path_factory, damaged, whole, data):
    path = tmp_path_factory.mktemp("words") / "tokenizer.json"
    path.write_bytes(damaged(data, whole))
    if path.read_bytes() != whole:
        with pytest.raises(PrivatuneError, match=r"tokenizer\.json: damaged"):
            read_words(path)


@pytest.mark.slow
def test_same_bytes_in_any_process_with_any_threads(tmp_path, general, private):
    program = (
        "import sys; from privatune.text.encoding import encode_parts;"
        "from privatune.text.settings import TextSettings;"
        "from privatune.text.tokenizer import build_tokenizer; general, private, out = sys.argv[1:];"
        "build_tokenizer([general], TextSettings(vocabulary=8), f'{out}/tokenizer.json');"
        "encode_parts([general], 'document', f'{out}/tokenizer.json', {'train': f'{out}/general'});"
        "encode_parts([private], 'person', f'{out}/tokenizer.json', {'train': f'{out}/private'})"
    )
    results = []
    for parallel, threads, hashes in (("false", "1", "1"), ("true", "1", "2"), ("true", "4", "3")):
        out = tmp_path / (parallel + threads)
        out.mkdir()
        extra = {"TOKENIZERS_PARALLELISM": parallel, "RAYON_NUM_THREADS": threads, "PYTHONHASHSEED": hashes}
        path = {"PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run(
            [sys.executable, "-c", program, general, private, out], env=os.environ | extra | path, check=True
        )
        results.append({file.name: file.read_bytes() for file in out.iterdir()})
    assert results[0] == results[1] == results[2]
    assert json.loads(results[0]["tokenizer.json"])["model"]["vocab"]["<eos>"] == 1
