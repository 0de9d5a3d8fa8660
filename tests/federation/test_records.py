import pytest
from hypothesis import given
from hypothesis import strategies as st

from privatune.compression import wire
from privatune.core.errors import PrivatuneError
from privatune.federation.records import read_payloads, read_records, visits, write_visit

PAYLOADS = [wire.write("dense", {"a": (2,)}, [bytes([place] * 8)]) for place in range(3)]


@pytest.fixture
def folders(tmp_path):
    """Folders of two jobs of a round, with two clients and one."""
    for place, payload in enumerate(PAYLOADS):
        write_visit(tmp_path / f"batch-{place // 2}", place, payload, {"client": f"p{place}"})
    return [tmp_path / "batch-1", tmp_path / "batch-0"]


def test_visits_come_in_the_order_of_the_cohort(folders):
    paths = visits(folders, 3)
    assert list(read_payloads(paths)) == PAYLOADS
    assert read_records(paths) == [{"client": f"p{place}"} for place in range(3)]


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_mean_of_too_few_is_refused(folders, lost):
    visits(folders, 3)[lost].unlink()
    with pytest.raises(PrivatuneError, match="batch-0: these are not the payloads of 3 clients; delete the folders"):
        visits(folders, 3)


@given(data=st.data())
def test_a_damaged_payload_is_named(tmp_path_factory, damaged, data):
    folder = tmp_path_factory.mktemp("round") / "batch-0"
    write_visit(folder, 0, damaged(data, PAYLOADS[0]), {})
    (path,) = visits([folder], 1)
    if path.read_bytes() != PAYLOADS[0]:
        with pytest.raises(PrivatuneError, match=r"000000\.payload: .*; delete the folder .*batch-0 and run again"):
            list(read_payloads([path]))
