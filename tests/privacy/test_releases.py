"""A release is made once: it keeps its seed and its model, and goes on only where it was begun."""

import numpy as np
import pytest

from privatune.core.errors import PrivatuneError
from privatune.privacy.releases import keep, release_name, release_seed, released

MADE_FROM = {"private text": "1a", "general text": "2b", "client": {"learning_rate": 0.5}, "seed": 0}
MADE_WITH = {"torch": "2.13.0", "processor": "one kind", "systems/dpfedavg/rounds.py": "3c"}


def test_every_input_is_named_by_its_role():
    swapped = MADE_FROM | {"private text": "2b", "general text": "1a"}
    names = {release_name(values) for values in (MADE_FROM, swapped, MADE_FROM | {"seed": 1})}
    assert len(names) == 3
    assert release_name(dict(reversed(MADE_FROM.items()))) == release_name(MADE_FROM), "a retry finds its seed again"


def test_a_retry_gets_the_seed_of_the_first_try(tmp_path):
    folder = tmp_path / "secrets/name"
    first = release_seed(folder, MADE_FROM, MADE_WITH)
    assert release_seed(folder, MADE_FROM, MADE_WITH) == first
    fewer = {name: value for name, value in MADE_WITH.items() if name != "processor"}
    assert release_seed(folder, MADE_FROM, fewer) == first, "a job that does not compute on the accelerator names none"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "seed": 0o600,
        "release.json": 0o600,
    }


@pytest.mark.parametrize("name", [*MADE_WITH, "numpy"])
def test_it_does_not_go_on_where_the_last_bits_would_differ(tmp_path, name):
    folder = tmp_path / "name"
    first = release_seed(folder, MADE_FROM, MADE_WITH)
    with pytest.raises(PrivatuneError, match=rf"begun with {name} .*, and here it is another\. .*epsilon adds"):
        release_seed(folder, MADE_FROM, MADE_WITH | {name: "another"})
    assert release_seed(folder, MADE_FROM, MADE_WITH) == first, "what was refused changed nothing"


def test_a_release_whose_seed_is_gone_is_refused(tmp_path):
    folder = tmp_path / "name"
    release_seed(folder, MADE_FROM, MADE_WITH)
    (folder / "seed").unlink()
    with pytest.raises(
        PrivatuneError, match=r"name/seed: the secret seed .* is missing; restore it from a copy, or move"
    ):
        release_seed(folder, MADE_FROM, MADE_WITH)
    assert not (folder / "seed").exists()


def test_the_first_model_is_the_one_that_is_kept(tmp_path):
    assert released(tmp_path / "name", MADE_WITH) is None
    release_seed(tmp_path / "name", MADE_FROM, MADE_WITH)
    first, second = ({"w": np.full(3, value, np.float32)} for value in (1, 2))
    for weights in (first, second):
        np.testing.assert_array_equal(keep(tmp_path / "name", weights, {})["w"], first["w"])
    np.testing.assert_array_equal(released(tmp_path / "name", {})["w"], first["w"])


def test_a_finished_release_is_handed_on_whatever_code_but_not_for_another_start(tmp_path):
    folder, start = tmp_path / "name", {"the general model": "4d"}
    release_seed(folder, MADE_FROM, MADE_WITH | start)
    keep(folder, {"w": np.zeros(3, np.float32)}, {})
    (folder / "seed").unlink()
    assert released(folder, start)["w"].tolist() == [0, 0, 0], "no seed is needed any more"
    with pytest.raises(PrivatuneError, match="begun with the general model 4d, and here it is 5e"):
        released(folder, {"the general model": "5e"})


@pytest.mark.parametrize("name", ["release.json", "model.safetensors"])
def test_a_damaged_file_is_not_made_again(tmp_path, name):
    folder = tmp_path / "name"
    release_seed(folder, MADE_FROM, MADE_WITH)
    keep(folder, {"w": np.zeros(3, np.float32)}, {})
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(PrivatuneError, match=rf"{name}: the file is damaged; restore it from a copy"):
        released(folder, MADE_WITH) and release_seed(folder, MADE_FROM, MADE_WITH)
