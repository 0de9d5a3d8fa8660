from pathlib import Path

import pytest
from scipy.stats import binom

import privatune
from privatune.core.proportions import share_interval


@pytest.mark.parametrize(("found", "n"), [(0, 1), (0, 9), (1, 9), (9, 9), (5, 100), (0, 2_000_000)])
@pytest.mark.parametrize("confidence", [0.95, 0.9])
def test_at_a_limit_what_was_found_is_just_improbable(found, n, confidence):
    low, high = share_interval(found, n, confidence)
    tail = (1 - confidence) / 2
    assert low == 0 if found == 0 else binom.sf(found - 1, n, low) == pytest.approx(tail)
    assert high == 1 if found == n else binom.cdf(found, n, high) == pytest.approx(tail)


def test_what_cannot_be_counted_is_refused():
    for found, n in ((-1, 3), (4, 3)):
        with pytest.raises(ValueError, match="found"):
            share_interval(found, n)


def test_no_module_has_a_formula_of_its_own():
    library = Path(privatune.__path__[0])
    ours = {path.relative_to(library).as_posix() for path in library.rglob("*.py") if "betainc" in path.read_text()}
    others = {path for path in library.rglob("*.py") if "beta.ppf" in path.read_text()}
    assert (ours, others) == ({"core/proportions.py"}, set())
