"""Posterior: the most probable token, given a unigram prior and a Gaussian model of the states, both of public text.

The model is y = e_v A + b + r: the state y of a token v is a linear function of its embedding e_v, and what context and
noise add is Gaussian with covariance S. The guess is the token that maximises

    ln p(v) - (y - e_v A - b)^T S^-1 (y - e_v A - b) / 2.

The map is fitted to states without noise, and S to those with noise. At the embedding this is close to the posterior of
the noise itself, ln p(v) - eta ||y - e_v||: in many dimensions the noise has nearly constant length and is nearly
Gaussian.
"""

from typing import NamedTuple

import numpy as np
import torch

from privatune.attacks.inversion.attack import TOP, Public, Sent, fitted, highest, log_prior, mapped
from privatune.attacks.inversion_settings import InversionSettings
from privatune.privacy.metric import distinct, of_text

_FLOOR = 1e-6  # least variance of the residuals, relative to that of the states; without noise they may be zero


class Model(NamedTuple):
    """What public text says about states; `(y - centre) whitening` has residuals of covariance 1."""

    centre: np.ndarray  # [hidden]
    whitening: np.ndarray  # [hidden, hidden]
    means: torch.Tensor  # [vocabulary, hidden], the whitened mean of each token
    bias: torch.Tensor  # [vocabulary], the part of a token's log posterior that does not depend on the state

    def whitened(self, states: np.ndarray) -> torch.Tensor:
        """[tokens, hidden]; their inner products with `means`, plus `bias`, are log posteriors up to a constant."""
        return torch.from_numpy((states - self.centre) @ self.whitening)


def guesses(sent: Sent, public: Public, settings: InversionSettings, seed: int) -> np.ndarray:
    """[tokens, 5] int64; see `attack.guess`."""
    learnt = model(public, settings)
    places, back = distinct(sent.states)
    return highest(learnt.whitened(sent.states[places]), learnt.means, learnt.bias, TOP)[back]


def model(public: Public, settings: InversionSettings) -> Model:
    """Fit A, b, S and the prior to public text."""
    text = of_text(public.offsets)
    states, embeddings = public.states[text], public.table[public.ids[text]]
    affine = fitted(embeddings, public.clean[text], settings.ridge)
    residuals = states - mapped(embeddings, affine)
    covariance = residuals.T.astype(np.float64) @ residuals / len(states)
    floor = _FLOOR * float(states.var(0, dtype=np.float64).mean()) or 1.0
    lower = np.linalg.cholesky(covariance + floor * np.eye(len(covariance)))
    whitening = np.linalg.inv(lower).T.astype(np.float32)
    centre = states.mean(0)
    means = torch.from_numpy((mapped(public.table, affine) - centre) @ whitening)
    return Model(centre, whitening, means, torch.from_numpy(log_prior(public)) - means.square().sum(1) / 2)
