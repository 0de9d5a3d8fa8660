"""The trained inverter: it starts as the posterior, learns from context, and stops where public text says."""

import numpy as np
import pytest
import torch

from privatune.attacks.inversion import inverter
from privatune.attacks.inversion.attack import guess
from privatune.attacks.inversion.posterior import model
from privatune.attacks.inversion_settings import InversionSettings
from privatune.privacy.metric import of_text

SETTINGS = InversionSettings(width=32, epochs=6, rate=2e-2, sampled=60)


@pytest.mark.slow
def test_context_tells_what_noise_hides(language, recovered):
    """In this language the next token mostly follows from the one before."""
    sent, ids = language.private(300, eta=2.5)
    public = language.public(400, eta=2.5)
    alone = recovered(guess("posterior", sent, public, SETTINGS, 0), ids, sent.offsets)[0]
    assert recovered(guess("inverter", sent, public, SETTINGS, 0), ids, sent.offsets)[0] > alone + 0.04


def test_an_epoch_that_harms_is_not_used(language):
    sent, _ = language.private(eta=3.0)
    public = language.public(40, eta=3.0)
    harmful = SETTINGS.model_copy(update={"rate": 1.0, "epochs": 1})
    assert np.array_equal(guess("inverter", sent, public, harmful, 0), guess("posterior", sent, public, harmful, 0))


def test_padding_changes_nothing(language):
    """A sentence is moved alike alone and beside longer ones."""
    sent, _ = language.private(20, eta=3.0)
    states = torch.from_numpy(sent.states)
    moving = inverter._Inverter(states.shape[1], 16, states.std(0), np.random.default_rng(0))
    whole = inverter._moved(moving, states, sent.offsets)
    assert torch.equal(whole, states)  # as it is untrained
    with torch.no_grad():
        moving.outward.weight.copy_(torch.from_numpy(np.random.default_rng(1).normal(size=moving.outward.weight.shape)))
    whole = inverter._moved(moving, states, sent.offsets)
    assert not torch.isclose(whole, states).all(1).any()
    for start, stop in zip(sent.offsets[:-1], sent.offsets[1:], strict=True):
        alone = inverter._moved(moving, states[start:stop], np.array([0, stop - start]))
        torch.testing.assert_close(whole[start:stop], alone, rtol=0, atol=2e-5)


def test_the_sampled_softmax_is_the_whole_one_where_every_token_is_drawn(language):
    public = language.public(50, eta=3.0)
    learnt = model(public, SETTINGS)
    text = of_text(public.offsets)
    moved, right = learnt.whitened(public.states[text]), torch.from_numpy(public.ids[text])
    every = torch.arange(len(public.table))
    sampled = inverter._loss(moved, right, every, learnt, torch.zeros(len(every)))
    whole = torch.nn.functional.cross_entropy(moved @ learnt.means.T + learnt.bias, right)
    torch.testing.assert_close(sampled, whole)
