"""Nearest embedding: a state is taken for the token whose embedding is nearest, whatever the depth of the state."""

import numpy as np

from privatune.attacks.inversion.attack import TOP, Public, Sent
from privatune.attacks.inversion_settings import InversionSettings
from privatune.privacy.metric import nearest


def guesses(sent: Sent, public: Public, settings: InversionSettings, seed: int) -> np.ndarray:
    """[tokens, 5] int64; see `attack.guess`. Of the public knowledge, only the embedding table is used."""
    return nearest(sent.states, public.table, TOP)
