import pytest

from privatune.core.errors import PrivatuneError
from privatune.demo.sentences import OURS, read_sentences
from privatune.demo.server import LONGEST


def test_ours_have_sources_and_fit_into_a_text():
    found = read_sentences(OURS)
    assert len(found) == 3 and all(found.values())
    assert max(len(sentence) for sentences in found.values() for sentence in sentences) < LONGEST / 2


def test_titles_and_sentences(tmp_path):
    (tmp_path / "mine.txt").write_text("# A \n\n one two\nthree #\n# B\n# A\nfour\n")
    assert read_sentences(tmp_path / "mine.txt") == {"A": ["one two", "three #", "four"]}


@pytest.mark.parametrize(("content", "said"), [(None, "no text"), (b"\xff", "UTF-8"), (b"one", "line 1 has no title")])
def test_what_is_wrong_is_one_line(tmp_path, content, said):
    path = tmp_path / "mine.txt"
    if content:
        path.write_bytes(content)
    with pytest.raises(PrivatuneError, match=f"mine.txt: .*{said}"):
        read_sentences(path)
