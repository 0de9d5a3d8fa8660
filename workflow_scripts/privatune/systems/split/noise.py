"""How much noise each token gets, and what is sent: the customer's side, which the attacker repeats on its own text."""

from typing import NamedTuple

import numpy as np

from privatune.models.checkpoint import PRECISIONS
from privatune.models.settings import NumericsSettings
from privatune.privacy.metric import eta_of, nearest, of_text, privatised
from privatune.systems.split.importance import counts, multipliers, utility
from privatune.systems.split.settings import NONE
from privatune.text.sentences import PARTS, Sentences


class Level(NamedTuple):
    """A level of noise, in both units; both are null without noise."""

    kappa: float | None
    eta: float | None


def level_of(noise: str, distance: float, hidden: int) -> Level:
    """Return the level that a folder names.

    Args:
        noise: none, kappa-0.2 or eta-30.
        distance: median distance from a token to the nearest other one.
        hidden: width of the states.

    >>> level_of("kappa-0.5", 2.0, 100)
    Level(kappa=0.5, eta=20.0)
    >>> level_of("eta-20", 2.0, 100), level_of("none", 2.0, 100)
    (Level(kappa=0.5, eta=20.0), Level(kappa=None, eta=None))
    """
    if noise == NONE:
        return Level(None, None)
    unit, value = noise.split("-", 1)
    other = eta_of(float(value), hidden, distance)  # each is the other's inverse, with the same factor
    return Level(float(value), other) if unit == "kappa" else Level(other, float(value))


def usefulness(read: Sentences, part: str | None, vocabulary: int) -> np.ndarray:
    """[classes, vocabulary]: how useful each token is for telling classes apart, counted on labelled sentences.

    Args:
        read: the sentences.
        part: the part that is counted, or None for all.
        vocabulary: how many tokens there are.
    """
    rows = np.ones(len(read.labels), bool) if part is None else read.part == PARTS.index(part)
    lengths = np.diff(read.offsets)
    ids = read.ids[np.repeat(rows, lengths)]
    offsets = np.concatenate([[0], np.cumsum(lengths[rows])])
    return utility(counts(ids, offsets, read.labels[rows], len(read.classes), vocabulary))


def etas(read: Sentences, eta: float | None, useful: np.ndarray | None, labelled: bool) -> np.ndarray:
    """[tokens] the eta of each token; infinite for marks, and for all tokens without noise.

    Args:
        read: the sentences.
        eta: the level of noise, null without noise.
        useful: the result of `usefulness`, or None if all tokens get the same noise.
        labelled: whether sentences of the training part use the multipliers of their own label. All others use the
            largest one over the classes, so that their labels do not show.
    """
    if eta is None:
        return np.full(len(read.ids), np.inf)
    found = np.full(len(read.ids), eta)
    if useful is not None:
        factors = multipliers(useful, read.ids, read.offsets, None)
        if labelled:
            own = multipliers(useful, read.ids, read.offsets, read.labels)
            training = np.repeat(read.part == PARTS.index("train"), np.diff(read.offsets))
            factors = np.where(training, own, factors)
        found *= factors
    found[~of_text(read.offsets)] = np.inf
    return found


def noised(states: np.ndarray, eta: np.ndarray, seed: int, *keys: int | str) -> np.ndarray:
    """[tokens, hidden] float32: states with noise, or the states themselves if no token gets any."""
    return privatised(states, eta, seed, *keys) if np.isfinite(eta).any() else states


def replaced(
    table: np.ndarray, ids: np.ndarray, noisy: np.ndarray, eta: np.ndarray, numerics: NumericsSettings
) -> np.ndarray:
    """[tokens] uint32: at an embedding split, the token whose embedding is nearest; marks stay."""
    found = ids.copy()
    moved = np.isfinite(eta)
    if moved.any():
        found[moved] = nearest(noisy[moved], table, precision=PRECISIONS[numerics.precision])[:, 0]
    return found
