import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privatune.core.errors import PrivatuneError
from privatune.corpora import tables
from privatune.corpora.tables import GENERAL, in_batches, read_batches, write_table

ROWS = [("d", "train", "0" * 200), ("e", "test", "my PIN is 4711")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a table."""
    path = tmp_path_factory.mktemp("whole") / "table"
    write_table(path, in_batches(ROWS, GENERAL), GENERAL)
    return path.read_bytes()


def read(path, columns=("document", "part", "text")):
    return [tuple(row.values()) for batch in read_batches(path, list(columns)) for row in batch.to_pylist()]


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_the_checksum_is_of_the_whole_file_and_parquet_stays_parquet(tmp_path, monkeypatch, whole, block):
    monkeypatch.setattr(tables, "_BLOCK", block)
    path = tmp_path / "table"
    write_table(path, in_batches(ROWS, GENERAL), GENERAL)
    assert path.read_bytes() == whole
    assert read(path) == ROWS
    assert [tuple(row.values()) for row in pq.read_table(path).to_pylist()] == ROWS
    assert pq.read_schema(path).equals(GENERAL)


@given(data=st.data())
def test_any_damage_is_found_before_a_row_is_read(tmp_path_factory, damaged, whole, data):
    path = tmp_path_factory.mktemp("damaged") / "table"
    path.write_bytes(damaged(data, whole))
    if path.read_bytes() != whole:
        with pytest.raises(PrivatuneError, match=r"table: .*damaged.* delete it and run again") as caught:
            next(read_batches(path, ["part"]))  # also where the damage is in another column
        assert "4711" not in str(caught.value)


def test_a_table_of_another_writer_is_not_read(tmp_path):
    pq.write_table(pa.table({"text": ["t"]}), tmp_path / "table")
    with pytest.raises(PrivatuneError, match="damaged"):
        read(tmp_path / "table", ["text"])
