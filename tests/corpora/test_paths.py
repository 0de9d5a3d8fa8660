import pytest

from privatune.core.errors import PrivatuneError
from privatune.corpora.paths import existing, files_of
from privatune.corpora.sources.files import FilesSource
from privatune.corpora.sources.huggingface import HuggingFaceSource


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with files, which is the current one and the home folder."""
    for name in ["chat[1].csv", "chat1.csv", "a [b]/x1.csv", *(f"parts/part-{i}.csv" for i in (10, 9, 1))]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "latest.csv").symlink_to("chat1.csv")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("paths", "files"),
    [
        (["chat[1].csv"], ["chat[1].csv"]),
        (["chat[0-9].csv"], ["chat1.csv"]),
        (["a [b]/*.csv"], ["a [b]/x1.csv"]),
        (["a [b]/x[0-9].csv"], ["a [b]/x1.csv"]),
        (["parts/*.csv"], ["parts/part-1.csv", "parts/part-9.csv", "parts/part-10.csv"]),
        (["parts/*-9*", "parts/*.csv"], ["parts/part-9.csv", "parts/part-1.csv", "parts/part-10.csv"]),
        (["chat1.csv", "./chat1.csv", "latest.csv", "chat*.csv"], ["chat1.csv", "chat[1].csv"]),
        (["parts/**"], ["parts/part-1.csv", "parts/part-9.csv", "parts/part-10.csv"]),
    ],
)
def test_paths_and_patterns(here, paths, files):
    assert files_of(paths) == existing(paths) == FilesSource(role="private", paths=tuple(paths)).inputs() == files
    assert files_of([f"{here}/{path}" for path in paths]) == [f"{here}/{name}" for name in files]


def test_the_home_folder(here):
    assert files_of(["~/chat[1].csv", "~/parts/*1.csv"]) == [f"{here}/chat[1].csv", f"{here}/parts/part-1.csv"]
    assert len(HuggingFaceSource(role="private", dataset="~/parts").inputs()) == 3


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("parts", "parts: a folder; name its files in `paths`, such as parts/*.jsonl"),
        ("~/parts/", "/parts: a folder"),
        ("par*", "parts: a folder"),
        ("gone.csv", "gone.csv: no such file; correct `paths`"),
        ("gone/*.csv", "gone/*.csv: no file matches this pattern"),
    ],
)
def test_paths_that_name_no_file(here, path, message):
    with pytest.raises(PrivatuneError) as caught:
        files_of(["chat1.csv", path])
    assert message in str(caught.value)
    assert existing([path]) == []
