"""Read text with an exported language model, as the measures of quality do."""

from collections.abc import Mapping

import numpy as np
import torch

from privatune.evaluation.measure import Read, Reader
from privatune.export.runtime import Call


def reader(call: Call, widths: Mapping[str, int], alone: bool) -> Reader:
    """Return how an exported model reads.

    Args:
        call: the model in onnxruntime.
        widths: the widths of the inputs that hold its state, by name.
        alone: whether it reads every chunk for itself and word by word, as in use. With 8-bit weights this makes a
            difference, because a word's logits then depend on what is read together with it.
    """
    outputs = ["logits", *(f"next_{name}" for name in widths)]

    def start(chunks: int) -> Read:
        rows = 1 if alone else chunks
        fresh = {name: np.zeros((rows, width), np.float32) for name, width in widths.items()}
        states = [fresh] * (chunks // rows)

        def step(place: int, words: np.ndarray) -> np.ndarray:
            logits, *after = call(outputs, {"words": words, **states[place]})
            states[place] = dict(zip(widths, after, strict=True))
            return logits.reshape(words.size, -1)

        def read(words: np.ndarray) -> torch.Tensor:
            if not alone:
                return torch.from_numpy(step(0, words))
            one_by_one = [step(chunk, words[t : t + 1, chunk : chunk + 1]) for t, chunk in np.ndindex(words.shape)]
            return torch.from_numpy(np.concatenate(one_by_one))

        return read

    return start
