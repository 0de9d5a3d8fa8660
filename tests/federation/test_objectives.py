from importlib import import_module
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privatune.core.streams import stream
from privatune.federation.objectives import lwf, plain, rehearsal
from privatune.federation.settings import OBJECTIVES, ClientSettings
from privatune.text.settings import EOS
from privatune.training.batches import rows, windows


def test_every_objective_has_a_module_and_says_what_others_must_know():
    names = get_args(ClientSettings.model_fields["objective"].annotation)
    assert list(OBJECTIVES) == list(names)
    rng = stream(0, "test")
    for name in names:
        settings = ClientSettings(objective=name, user_share=0.25)
        task = import_module(f"privatune.federation.objectives.{name}").task(
            np.arange(10, 50), lines(500, 1000, rng), settings, rng
        )
        assert settings.facts.sends_text == (task.sent is not None)
        assert settings.facts.teaches == (task.hard_share < 1)
        assert settings.effective_share == (0.25 if settings.facts.has_share else 1)


def lines(count, first, rng):
    """Lines of words, each word of the text another number from `first` on; no word is EOS."""
    text, word = [], first
    while len(text) < count:
        for _ in range(rng.integers(1, 12)):
            text.append(word)
            word += 1
        text.append(EOS)
    return np.array(text[:count])


@given(share=st.floats(0.05, 1), words=st.integers(1, 300), seed=st.integers(0, 50))
def test_rehearsal_trains_on_both_in_the_share_and_in_their_order(share, words, seed):
    rng = stream(seed, "test")
    user, general = lines(words, 10, rng), lines(500, 10_000, rng)
    task = rehearsal.task(user, general, ClientSettings(user_share=share), rng)
    assert task.user_tokens == words
    assert len(task.text) - words == len(task.sent) == round(words * (1 - share) / share)
    np.testing.assert_array_equal(task.text, [*user, *task.sent])


def test_every_minibatch_of_rehearsal_has_both_kinds_in_the_share():
    rng = stream(0, "test")
    user, general = np.arange(10, 210), lines(500, 10_000, rng)
    task = rehearsal.task(user, general, ClientSettings(user_share=0.4), rng)
    shares = np.concatenate([np.isin(inputs, user).mean(1) for inputs, _ in windows(rows(task.text, 10, 20), 20)])
    assert (shares[1:] == 0.4).all(), "the first word of a row may be the last of the row before"


def test_the_control_trains_on_general_text_alone_and_as_much():
    rng = stream(0, "test")
    user, general = lines(100, 10, rng), lines(500, 10_000, rng)
    control = rehearsal.task(user, general, ClientSettings(user_share=0, control_share=0.5), rng)
    half = rehearsal.task(user, general, ClientSettings(user_share=0.5), rng)
    assert control.user_tokens == 0
    assert len(control.text) == len(half.text) == 200
    assert not set(control.text) & (set(user) - {EOS})


def test_drawn_lines_are_whole_but_the_last():
    rng = stream(1, "test")
    general = lines(500, 10_000, rng)
    general[-1] = EOS
    drawn = rehearsal.draw_lines(general, 60, rng)
    begins = {int(general[0]), *general[1:][general[:-1] == EOS].tolist()}
    assert all(int(line[0]) in begins for line in np.split(drawn, np.flatnonzero(drawn[:-1] == EOS) + 1))


def test_plain_and_lwf_train_on_the_persons_text():
    user = np.arange(2, 40)
    for module, hard in ((plain, 1.0), (lwf, 0.25)):
        task = module.task(user, np.arange(50), ClientSettings(user_share=0.25), stream(0, "test"))
        assert task.text is user
        assert task.sent is None
        assert task.hard_share == hard


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_is_between_nothing_and_all(share):
    with pytest.raises(ValueError, match="user_share"):
        ClientSettings(user_share=share)
