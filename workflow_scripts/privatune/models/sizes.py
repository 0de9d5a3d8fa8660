"""Sizes of a language model, computed without making one, so that planning does not import torch."""

from math import prod

from privatune.models.settings import CifgSettings, ModelSettings


def shapes(settings: ModelSettings, vocabulary: int) -> dict[str, tuple[int, ...]]:
    """The shapes of the weights that `network.initial_weights` draws, by name."""
    hidden, cifg = settings.hidden, isinstance(settings, CifgSettings)
    width = settings.projection if isinstance(settings, CifgSettings) else hidden
    gates = 3 if cifg else 4
    found: dict[str, tuple[int, ...]] = {"embedding": (vocabulary, width)}
    for layer in range(settings.layers):
        name = f"{settings.kind}.{layer}"
        found |= {f"{name}.{part}": (gates * hidden, width) for part in ("input", "recurrent")}
        found[f"{name}.bias"] = (gates * hidden,)
        if cifg:
            found[f"{name}.projection"] = (width, hidden)
    found["output.bias"] = (vocabulary,)
    if not settings.tied:
        found["output.weight"] = (vocabulary, width)
    return found


def parameters(settings: ModelSettings, vocabulary: int) -> int:
    """The number of weights of a model.

    >>> parameters(CifgSettings(kind="cifg"), 10_000)  # Ramaswamy et al. (2020), from memory: 1.3 to 1.4 million
    1422250
    """
    return sum(map(prod, shapes(settings, vocabulary).values()))


def products(settings: ModelSettings, vocabulary: int) -> int:
    """Number of multiplications to predict one word: one for each value of a matrix, except an untied embedding."""
    matrices = {name: shape for name, shape in shapes(settings, vocabulary).items() if len(shape) == 2}
    if "output.weight" in matrices:
        del matrices["embedding"]
    return sum(map(prod, matrices.values()))
