"""Ridge: a linear map from noised states to embeddings, fitted to public text, and then the nearest embedding."""

import numpy as np

from privatune.attacks.inversion.attack import TOP, Public, Sent, fitted, mapped
from privatune.attacks.inversion_settings import InversionSettings
from privatune.privacy.metric import nearest, of_text


def guesses(sent: Sent, public: Public, settings: InversionSettings, seed: int) -> np.ndarray:
    """[tokens, 5] int64; see `attack.guess`."""
    text = of_text(public.offsets)
    affine = fitted(public.states[text], public.table[public.ids[text]], settings.ridge)
    return nearest(mapped(sent.states, affine), public.table, TOP)
