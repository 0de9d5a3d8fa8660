"""A small language, whose tokens have embeddings and whose sentences have states."""

from typing import NamedTuple

import numpy as np
import pytest

from privatune.attacks.inversion.attack import Public, Sent
from privatune.privacy.metric import nearest, of_text, privatised

VOCABULARY, HIDDEN, MARK = 90, 12, 0


class Language(NamedTuple):
    table: np.ndarray
    mixing: np.ndarray

    def sentences(self, n, rng):
        """Ids [tokens] and offsets of sentences of 3 to 9 tokens and two marks; low tokens are common, and a token is
        often followed by the next one."""
        chances = 1 / np.arange(1, VOCABULARY)
        ids = []
        for length in rng.integers(3, 10, n):
            words = [int(rng.choice(VOCABULARY - 1, p=chances / chances.sum())) + 1]
            while len(words) < length:
                after = words[-1] % (VOCABULARY - 1) + 1
                fresh = int(rng.choice(VOCABULARY - 1, p=chances / chances.sum())) + 1
                words.append(after if rng.random() < 0.9 else fresh)
            ids.append([MARK, *words, MARK])
        return np.concatenate(ids), np.cumsum([0] + [len(words) for words in ids])

    def states(self, ids, offsets, eta=np.inf, deep=False, replace=False, seed=0):
        """Embeddings, or with `deep` a linear map of them plus a third of the neighbours; then noise of `eta`."""
        states = self.table[ids]
        if deep:
            around = np.roll(states, 1, axis=0) + np.roll(states, -1, axis=0)
            states = ((states + around / 6) @ self.mixing + 1).astype(np.float32)
        sent = privatised(states, np.where(of_text(offsets), eta, np.inf), seed)
        return self.table[nearest(sent, self.table)[:, 0]] if replace else sent

    def public(self, n=150, **options):
        ids, offsets = self.sentences(n, np.random.default_rng(1))
        clean = self.states(ids, offsets, deep=options.get("deep", False))
        return Public(self.states(ids, offsets, seed=1, **options), offsets, ids, self.table, clean)

    def private(self, n=80, **options):
        """What is sent, and the tokens that only the customer knows."""
        ids, offsets = self.sentences(n, np.random.default_rng(2))
        return Sent(self.states(ids, offsets, seed=2, **options), offsets), ids


@pytest.fixture(scope="session")
def language():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(VOCABULARY, HIDDEN)).astype(np.float32)
    return Language(table, np.linalg.qr(rng.normal(size=(HIDDEN, HIDDEN)))[0] * 3)


@pytest.fixture(scope="session")
def recovered():
    """A function that gives the shares of the tokens of text that are the first guess, and among the five."""

    def shares(guesses, ids, offsets):
        text = of_text(offsets)
        right = guesses[text] == ids[text, None]
        return right[:, 0].mean(), right.any(1).mean()

    return shares
