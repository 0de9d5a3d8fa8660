"""Importance of tokens: how much less noise a token gets because it tells the classes apart (Shen et al. 2023).

This is the contributing-token identification of the authors' product, with the mean over the other classes instead of
the sum, which would grow with the number of classes. With n_c(t), how often token t occurs in the training texts of
class c, and N_c, the sum over all tokens,

    f_c(t) = n_c(t) / N_c, xi = 1 / max_c N_c,
    UI(t, c) = mean over c' != c of ln[ f_c(t) / (f_c'(t) + 3 xi) ] if n_c(t) > 0, and 0 otherwise.

The eta of a token is multiplied by max(UI, 0.6). With `cti` the texts are private, so this is a release of their
counts; with `public` they are public sentences that also have classes.
"""

import numpy as np

from privatune.core.errors import PrivatuneError
from privatune.privacy.metric import of_text

LEAST = 0.6  # the multiplier of a token that tells nothing
_SMOOTHING = 3  # of a token's count in another class


def counts(ids: np.ndarray, offsets: np.ndarray, labels: np.ndarray, classes: int, vocabulary: int) -> np.ndarray:
    """[classes, vocabulary] int64: how often each token occurs in the texts of each class; marks do not count.

    Args:
        ids: [tokens] the tokens of all texts, one after the other.
        offsets: [n + 1] int64, text i is the tokens `offsets[i]` to `offsets[i + 1]`.
        labels: [n] the class of each text.
        classes, vocabulary: how many there are.
    """
    places = np.repeat(labels.astype(np.int64), np.diff(offsets)) * vocabulary + ids.astype(np.int64)
    counted = np.bincount(places[of_text(offsets)], minlength=classes * vocabulary)
    return counted.reshape(classes, vocabulary)


def utility(counted: np.ndarray) -> np.ndarray:
    """[classes, vocabulary] float64: UI of each token for each class, from the result of `counts`.

    Raises:
        PrivatuneError: there is only one class, or a class has no token.
    """
    totals = counted.sum(1, keepdims=True)
    if len(counted) < 2 or not totals.all():
        raise PrivatuneError("importance: it needs texts of at least two classes; choose `none`, or another source")
    shares = counted / totals
    smoothed = np.log(shares + _SMOOTHING / totals.max())
    others = (smoothed.sum(0) - smoothed) / (len(counted) - 1)
    with np.errstate(divide="ignore"):
        return np.where(counted > 0, np.log(shares) - others, 0.0)


def multipliers(useful: np.ndarray, ids: np.ndarray, offsets: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
    """[tokens] float64, at least 0.6: by how much the eta of each token is multiplied.

    Args:
        useful: the result of `utility`.
        ids, offsets: the texts, as for `counts`.
        labels: [n] the class of each text, for training texts alone. None takes the class for which the token is most
            useful: at inference the class is not known and must not show in the noise.
    """
    places = ids.astype(np.int64)
    if labels is None:
        return np.maximum(useful.max(0), LEAST)[places]
    return np.maximum(useful[np.repeat(labels.astype(np.int64), np.diff(offsets)), places], LEAST)
