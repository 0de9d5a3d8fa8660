"""Digests of files: right whatever the times of a file say, and computed no more often than needed."""

import hashlib
import os

import pytest

from privatune.core import digests
from privatune.core.digests import digest, read_digests, write_digests


@pytest.fixture
def read(monkeypatch):
    """The files that were read."""
    found = []
    right = digests.sha256
    monkeypatch.setattr(digests, "sha256", lambda path: found.append(path) or right(path))
    return found


def test_a_file_is_read_once(tmp_path, read):
    path, known = tmp_path / "a", {}
    path.write_bytes(b"one")
    for _ in range(3):
        assert digest(path, "a", known) == hashlib.sha256(b"one").hexdigest()
    assert read == [path]


@pytest.mark.parametrize("time", [1_000_000_000, None, 4_000_000_000], ids=["older", "the same", "newer"])
def test_another_content_has_another_digest_whatever_its_time(tmp_path, time):
    path, known = tmp_path / "a", {}
    path.write_bytes(b"one")
    before, times = digest(path, "a", known), path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns) if time is None else (time * 10**9, time * 10**9))
    assert digest(path, "a", known) == hashlib.sha256(b"two").hexdigest() != before


def test_a_link_has_the_digest_of_what_it_points_to(tmp_path):
    known = {}
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (1, 1))
        (tmp_path / "link").unlink(missing_ok=True)
        (tmp_path / "link").symlink_to(name)
        assert digest(tmp_path / "link", "link", known) == hashlib.sha256(name.encode()).hexdigest()


def test_what_is_no_file_has_none(tmp_path):
    assert digest(tmp_path, "a", {}) is None
    assert digest(tmp_path / "missing", "a", {}) is None


def test_digests_are_kept_for_their_owner(tmp_path, read):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    known = {}
    digest(path, "a", known)
    write_digests(tmp_path / "digests.json", known)
    assert (tmp_path / "digests.json").stat().st_mode & 0o777 == 0o600
    digest(path, "a", read_digests(tmp_path / "digests.json"))
    assert len(read) == 1
    (tmp_path / "digests.json").write_text("{}")
    assert read_digests(tmp_path / "digests.json") == {}
