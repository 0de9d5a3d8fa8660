import pytest
from hypothesis import given
from hypothesis import strategies as st

from privatune.core.errors import PrivatuneError
from privatune.text.rows import pieces, read_rows


def test_rows_of_a_part(general, private):
    assert list(read_rows(general, "test")) == [("d3", "The bird sat")]
    assert [unit for unit, _ in read_rows(private, "train", "person")] == ["p0000", "p0001", "p0001"]
    assert list(read_rows(general, "other")) == []


def test_column_that_is_not_there(private):
    with pytest.raises(PrivatuneError, match=r"private\.parquet: has no column `document`"):
        list(read_rows(private, "train"))


@given(st.text("ab \t", max_size=60), st.integers(1, 9))
def test_pieces(text, size):
    found = pieces(text, size)
    assert "".join(found) == text
    assert max(map(len, found)) <= size
    # no word is cut that fits
    if all(len(word) < size for word in text.split()):
        assert [word for piece in found for word in piece.split()] == text.split()
