"""Secret seeds: stored once, for the owner alone, and never replaced."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.privacy.clipping import clipped_sum
from privatune.privacy.mechanism import Mechanism, noisy_mean
from privatune.privacy.seeds import secret_seed


def test_a_retry_repeats_the_same_noise(tmp_path):
    path = tmp_path / "deep/round-1.seed"
    m = Mechanism("poisson", 50, 4, 10, 0.8, 0.5, 1e-3)
    nobody = clipped_sum([], {"w": (9,)}, 0.5, m.spacing(0.5))
    first, again = (noisy_mean(m, [nobody], [], 0.5, (secret_seed(path), 1)).mean["w"] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert [file.name for file in path.parent.iterdir()] == ["round-1.seed"]


def test_pitfall_8_no_public_seed_determines_it(tmp_path):
    seeds = {secret_seed(tmp_path / f"{n}.seed") for n in range(20)}
    assert len(seeds) == 20
    assert all(0 <= seed < 1 << 128 for seed in seeds)
    assert max(seeds) > 1 << 120, "all 128 bits are drawn"
    assert stream(min(seeds), "noise").random() != stream(max(seeds), "noise").random()


def test_only_the_owner_reads_it(tmp_path):
    path = tmp_path / "round-1.seed"
    secret_seed(path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(PrivatuneError, match=r"others can read this secret seed \(mode 640\)"):
        secret_seed(path)


@given(data=st.data())
def test_a_damaged_seed_is_not_replaced(tmp_path_factory, damaged, data):
    path = tmp_path_factory.mktemp("secret") / "round-1.seed"
    secret_seed(path)
    whole = path.read_bytes()
    found = damaged(data, whole)
    if found != whole:
        path.write_bytes(found)
        with pytest.raises(PrivatuneError, match=r"round-1\.seed: .*damaged; restore the file"):
            secret_seed(path)
        assert path.read_bytes() == found


def test_jobs_that_race_get_the_same_seed(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        for n in range(10):
            path = tmp_path / f"{n}.seed"
            assert len(set(pool.map(secret_seed, [path] * 8))) == 1
    assert not list(tmp_path.glob(".*"))


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PrivatuneError, match="cannot be stored or read"):
        secret_seed(tmp_path / "file/round-1.seed")
