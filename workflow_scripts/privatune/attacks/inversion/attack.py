"""Attacks that guess tokens from states. Each is a module of this folder with the function `guesses`.

They take what an attacker has: the states that were sent, and public text with its tokens and with states of the same
bottom, once as they are and once noised in the same way. The private tokens are not among the arguments, so no attack
can read them.
"""

from importlib import import_module
from typing import NamedTuple

import numpy as np
import torch

from privatune.attacks.inversion_settings import Attack, InversionSettings
from privatune.core.errors import PrivatuneError
from privatune.privacy.metric import blocks, of_text

TOP = 5  # guesses per token


class Sent(NamedTuple):
    """What a customer sends: the states of the tokens of all sentences, one after the other, without padding."""

    states: np.ndarray  # [tokens, hidden] float32, with those of the marks around each sentence
    offsets: np.ndarray  # [n + 1] int64, sentence i is the rows `offsets[i]` to `offsets[i + 1]`


class Public(NamedTuple):
    """What an attacker knows besides: public sentences, how the customer makes states of them, and the embeddings."""

    states: np.ndarray  # [tokens, hidden] float32, as in `Sent`, with noise
    offsets: np.ndarray  # [n + 1] int64
    ids: np.ndarray  # [tokens] their tokens
    table: np.ndarray  # [vocabulary, hidden] float32, the embedding of each token
    clean: np.ndarray  # as `states`, without noise


def guess(name: Attack, sent: Sent, public: Public, settings: InversionSettings, seed: int) -> np.ndarray:
    """Return [tokens, 5] int64: what the attack `name` takes each sent token for, the best guess first.

    The marks around a sentence get guesses, too; `privacy.metric.of_text` says which rows are of text.

    Args:
        name: a module of this folder.
        sent: the states to attack.
        public: what the attacker knows.
        settings: the choices of the attacks.
        seed: of the draws of the inverter; the other attacks draw nothing.

    Raises:
        PrivatuneError: the public text is empty, or its states have another width than those that were sent.
    """
    if not of_text(public.offsets).any():
        raise PrivatuneError(f"attack {name}: there is no public text; name a source with sentences")
    if sent.states.shape[1] != public.states.shape[1]:
        raise PrivatuneError(f"attack {name}: public and sent states differ in width; make both with the same encoder")
    return import_module(f"privatune.attacks.inversion.{name}").guesses(sent, public, settings, seed)


def log_prior(public: Public) -> np.ndarray:
    """[vocabulary] float32: log probability of each token, from its count in public text.

    Tokens that do not occur share as much as those that occur once have together (Good 1953).
    """
    counts = np.bincount(public.ids[of_text(public.offsets)].astype(np.int64), minlength=len(public.table))
    unseen = max(1, int((counts == 0).sum()))
    shares = np.where(counts > 0, counts, max(1, int((counts == 1).sum())) / unseen)
    return np.log(shares / shares.sum()).astype(np.float32)


def fitted(inputs: np.ndarray, targets: np.ndarray, ridge: float) -> np.ndarray:
    """[values + 1, outputs] float64: the affine map from `inputs` [n, values] to `targets` [n, outputs] by a ridge.

    It minimises sum ||[x, 1] B - y||^2 + n r ||B||^2 over B without the last row, the offset, where r is `ridge` times
    the mean square of the centred inputs.
    """
    centre, level = inputs.mean(0, dtype=np.float64), targets.mean(0, dtype=np.float64)
    moved = inputs - centre
    square = moved.T @ moved
    strength = ridge * np.trace(square) / len(square)
    slope = np.linalg.solve(square + (strength or 1.0) * np.eye(len(square)), moved.T @ (targets - level))
    return np.vstack([slope, level - centre @ slope])


def mapped(inputs: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """[n, outputs] float32: `inputs` [n, values] through a map of `fitted`."""
    return inputs @ affine[:-1].astype(np.float32) + affine[-1].astype(np.float32)


def highest(states: torch.Tensor, table: torch.Tensor, bias: torch.Tensor, count: int) -> np.ndarray:
    """[tokens, count] int64: the rows of `table` with the highest inner product plus bias, the highest first."""
    count = min(count, len(table))
    found = np.empty((len(states), count), np.int64)
    for block in blocks(len(states), len(table)):
        found[block] = torch.addmm(bias, states[block], table.T).topk(count).indices.numpy()
    return found
