import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from privatune.training.batches import rows, windows


@given(length=st.integers(0, 200), batch=st.integers(1, 12), bptt=st.integers(1, 30))
def test_windows_read_every_row_once_and_predict_the_next_word(length, batch, bptt):
    text = rows(np.arange(length), batch)
    read = list(windows(text, bptt))
    assert sum(inputs.numel() for inputs, _ in read) == batch * max(0, length // batch - 1)
    for inputs, targets in read:
        assert len(inputs) <= bptt
        assert (targets == inputs + 1).all()
    if read:
        columns = np.concatenate([inputs.numpy() for inputs, _ in read])
        np.testing.assert_array_equal(columns.T, text[:, :-1])
