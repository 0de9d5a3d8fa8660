"""The posterior, against Bayes' rule with the density of the noise itself."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from privatune.attacks.inversion.attack import guess, log_prior
from privatune.attacks.inversion.posterior import model
from privatune.attacks.inversion_settings import InversionSettings

SETTINGS = InversionSettings()


@pytest.mark.parametrize("eta", [2.0, 4.0])
def test_at_the_embedding_it_recovers_as_much_as_the_posterior_of_the_noise(eta, language, recovered):
    sent, ids = language.private(400, eta=eta)
    public = language.public(400, eta=eta)
    exact = np.argsort(-(log_prior(public) - eta * cdist(sent.states, public.table)), axis=1)[:, :5]
    best = recovered(exact, ids, sent.offsets)[0]
    assert recovered(guess("posterior", sent, public, SETTINGS, 0), ids, sent.offsets)[0] > best - 0.03
    assert best > recovered(guess("nearest", sent, public, SETTINGS, 0), ids, sent.offsets)[0] + 0.02


def test_at_depth_it_undoes_the_map_that_nearest_ignores(language, recovered):
    options = {"eta": 4.0, "deep": True}
    sent, ids = language.private(**options)
    shares = {
        name: recovered(guess(name, sent, language.public(**options), SETTINGS, 0), ids, sent.offsets)[0]
        for name in ("nearest", "ridge", "posterior")
    }
    assert shares["posterior"] > shares["nearest"] + 0.2
    assert shares["posterior"] > shares["ridge"] - 0.02


def test_states_without_noise_sharpen_the_map(language, recovered):
    """Otherwise the noise blurs it, and with it the mean of every token that is rare in public text."""
    options = {"eta": 2.0, "deep": True}
    sent, ids = language.private(400, **options)
    public = language.public(25, **options)
    blurred, sharp = (
        recovered(guess("posterior", sent, known, SETTINGS, 0), ids, sent.offsets)[0]
        for known in (public._replace(clean=public.states), public)
    )
    assert sharp > blurred + 0.02


def test_whitened_residuals_have_covariance_one(language):
    public = language.public(400, eta=3.0, deep=True)
    learnt = model(public, SETTINGS)
    inner = public.ids > 0
    residuals = learnt.whitened(public.states[inner]) - learnt.means[public.ids[inner]]
    covariance = (residuals.T @ residuals / len(residuals)).numpy()
    np.testing.assert_allclose(covariance, np.eye(len(covariance)), atol=0.05)
