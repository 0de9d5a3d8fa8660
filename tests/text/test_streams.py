import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privatune.core.errors import PrivatuneError
from privatune.core.tensors import load_tensors, save_tensors
from privatune.text.settings import UNK
from privatune.text.streams import read_counts, read_stream, write_stream


def blocks(*runs):
    return [(unit, np.array(ids), np.full(len(ids), 3)) for unit, ids in runs]


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "ü\n", ""]), st.lists(st.integers(0, 9), max_size=5))))
def test_as_written(tmp_path_factory, runs):
    path = tmp_path_factory.mktemp("streams") / "s"
    write_stream(path, blocks(*runs), 10, {"a": 1})
    stream = read_stream(path)
    joined = []
    for unit, ids in runs:
        if not joined or joined[-1][0] != unit:
            joined.append((unit, []))
        joined[-1][1].extend(ids)
    assert [(name, stream.unit(i).tolist()) for i, name in enumerate(stream.units)] == joined
    assert stream.lengths.tolist() == [3] * len(stream.ids)
    assert stream.offsets.tolist()[-1] == len(stream.ids)
    # the same file as from arrays in memory, which proves the checksum too
    whole, about = load_tensors(path)
    save_tensors(path.with_suffix(".whole"), whole, about)
    assert path.read_bytes() == path.with_suffix(".whole").read_bytes()
    assert about == {"a": 1}


@pytest.mark.parametrize(("vocabulary", "dtype"), [(65536, np.uint16), (65537, np.uint32)])
def test_smallest_type(tmp_path, vocabulary, dtype):
    write_stream(tmp_path / "s", blocks(("a", [vocabulary - 1])), vocabulary)
    stream = read_stream(tmp_path / "s")
    assert stream.ids.dtype == dtype
    assert stream.ids.tolist() == [vocabulary - 1]
    assert stream.lengths.dtype == np.uint8
    assert stream.offsets.dtype == np.int64


def test_names(tmp_path):
    write_stream(tmp_path / "s", blocks(("p1", [1]), ("p2", [2]), ("p10", [3])), 4)
    units = read_stream(tmp_path / "s").units
    assert len(units) == 3
    assert (units[-1], units[0], units[1:], units.index("p2")) == ("p10", "p1", ["p2", "p10"], 1)
    with pytest.raises(IndexError):
        units[3]


def test_mapped_and_read_only(tmp_path):
    write_stream(tmp_path / "s", blocks(("a", [1, 2])), 3)
    with pytest.raises(ValueError, match="read-only"):
        read_stream(tmp_path / "s").ids[0] = 2


def test_larger_than_memory(tmp_path):
    many = ((f"unit {i}", np.full(1_000_000, i), np.full(1_000_000, 7)) for i in range(40))
    tracemalloc.start()
    try:
        write_stream(tmp_path / "s", many, 50)
        stream = read_stream(tmp_path / "s")
        assert stream.unit(39)[-1] == 39
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # one block is 16 MB, the file 120 MB
    assert peak < 40e6
    assert (tmp_path / "s").stat().st_size > 120e6


def test_damage_is_found(tmp_path):
    path = tmp_path / "s"
    write_stream(path, blocks(("a", [1, 2, 3]), ("b", [2])), 4, {"corpora": []})
    whole = path.read_bytes()
    for cut in range(0, len(whole), 7):
        path.write_bytes(whole[:cut])
        with pytest.raises(PrivatuneError, match="delete it and run again"):
            read_stream(path)
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(PrivatuneError):
            read_stream(path)
    path.unlink()
    with pytest.raises(PrivatuneError, match="cannot be read"):
        read_stream(path)


def test_another_kind_of_file(tmp_path):
    save_tensors(tmp_path / "model", {"weight": np.ones(3, np.float32)})
    with pytest.raises(PrivatuneError, match="model: not a stream of text"):
        read_stream(tmp_path / "model")


def test_failure_leaves_nothing(tmp_path):
    def broken():
        yield from blocks(("a", [1]))
        raise PrivatuneError("no more")

    with pytest.raises(PrivatuneError):
        write_stream(tmp_path / "s", broken(), 4)
    assert list(tmp_path.iterdir()) == []


def test_counts(tmp_path):
    write_stream(tmp_path / "s", blocks(("a", [1])), 4, {"corpora": [{"corpus": "x"}]})
    assert read_counts(tmp_path / "s") == [{"corpus": "x"}]


def test_a_smaller_vocabulary_makes_rarer_words_unknown(tmp_path):
    write_stream(tmp_path / "s", blocks(("a", [0, 1, 4, 7]), ("b", [9, 2])), 10)
    whole = read_stream(tmp_path / "s")
    small = read_stream(tmp_path / "s", 5)
    assert small.ids.tolist() == [0, 1, 4, UNK, UNK, 2]
    assert small.ids.dtype == whole.ids.dtype
    assert small.unit(1).tolist() == [UNK, 2]
    assert not read_stream(tmp_path / "s", 10).ids.flags.writeable, "the mapped text itself, not a copy"
