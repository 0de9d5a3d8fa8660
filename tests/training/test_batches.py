import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from privatune.training.batches import rows, windows


@given(length=st.integers(2, 400), batch=st.integers(1, 60), bptt=st.integers(1, 30))
def test_every_word_but_the_first_is_a_target_and_few_are_twice(length, batch, bptt):
    text = rows(np.arange(length), batch, bptt)
    read = list(windows(text, bptt))
    assert all(len(row) == len(text[0]) for row in text)
    assert len(text) <= batch and all(len(inputs) <= bptt for inputs, _ in read)
    assert all((targets == inputs + 1).all() for inputs, targets in read)
    targets = np.concatenate([targets.numpy().ravel() for _, targets in read])
    assert set(targets) == set(range(1, length))
    assert len(targets) - (length - 1) < len(text)


@given(length=st.integers(0, 400), batch=st.integers(1, 60), bptt=st.integers(1, 30))
def test_windows_read_each_row_in_order(length, batch, bptt):
    text = rows(np.arange(length), batch, bptt)
    read = [inputs.numpy() for inputs, _ in windows(text, bptt)]
    assert bool(read) == (length > 1)
    if read:
        np.testing.assert_array_equal(np.concatenate(read).T, [row[:-1] for row in text])


def test_short_text_has_full_windows_in_fewer_rows():
    assert [len(row) for row in rows(np.arange(48), 50, 10)] == [13] * 4
    assert [row.tolist() for row in rows(np.arange(2), 50, 10)] == [[0, 1]]
