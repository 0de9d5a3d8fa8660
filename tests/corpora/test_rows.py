import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from privatune.corpora.rows import Shares, part_of

SHARE = st.integers(0, 99).map(lambda percent: percent / 100)


@given(SHARE, SHARE, st.integers(1, 500))
def test_shares_are_kept_at_every_length(valid, test, documents):
    assume(valid + test < 1)
    shares = Shares(valid_share=valid, test_share=test)
    parts = [part_of(i, shares) for i in range(documents)]
    assert abs(parts.count("valid") + parts.count("test") - documents * (valid + test)) < 1
    assert abs(parts.count("valid") - documents * valid) < 2


def test_shares_leave_something_to_train():
    with pytest.raises(ValidationError, match="their sum must be below 1"):
        Shares(valid_share=0.5, test_share=0.5)
