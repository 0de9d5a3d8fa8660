"""Read the language models in a folder that `snakemake export` filled, for onnxruntime to run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tokenizers import Tokenizer

from privatune.core.errors import PrivatuneError
from privatune.demo.suggest import Keyboard, State, Step, keyboard
from privatune.export.folder import ABOUT, read_about, read_file
from privatune.export.runtime import running

FILES = {"float32": "model.onnx", "int8": "model.int8.onnx"}  # of a model, by the precision of its weights
_AGAIN = "delete its folder and run `snakemake export` again"


class Exported(NamedTuple):
    """A language model that can be typed with."""

    about: Mapping[str, Any]  # what its file `about.json` says
    precision: str  # of its weights: float32 or int8
    keyboard: Keyboard


def exported_models(folder: str | Path, precision: str) -> dict[str, Exported]:
    """Return the language models in a folder by name: the general model first, the others in order of their names.

    Args:
        folder: the folder `export`, which has a folder for each model.
        precision: of the weights, float32 or int8.

    Raises:
        PrivatuneError: there is no language model, or a file is missing, damaged or does not fit.
    """
    found = {}
    for place in sorted(path.parent for path in Path(folder).glob(f"*/{ABOUT}")):
        about = read_about(place)
        if about["kind"] == "language model":
            found[place.name] = Exported(about, precision, _keyboard(place, FILES[precision], about))
    if not found:
        raise PrivatuneError(f"{folder}: there is no exported language model; run `snakemake --cores all export` first")
    return dict(sorted(found.items(), key=lambda item: item[0] != "general"))


def _keyboard(folder: Path, file: str, about: Mapping[str, Any]) -> Keyboard:
    """Join a model and its tokenizer, and see that it gives a number for each word."""
    tokenizer = Tokenizer.from_str(read_file(folder / "tokenizer.json").decode())
    made = keyboard(tokenizer, *_step(folder / file, about["state"]))
    scores, _ = made.step(np.zeros(1, np.int64), made.fresh)
    if scores.shape != (1, len(made.words)):
        raise PrivatuneError(f"{folder / file}: it has scores for other words than its tokenizer; {_AGAIN}")
    if not np.isfinite(scores).all():
        raise PrivatuneError(f"{folder / file}: its scores are not numbers, so it has diverged; export another model")
    return made


def _step(path: Path, state: Mapping[str, list[int]]) -> tuple[Step, State]:
    """Return the function that reads words, and the state before the first word, whose shapes are given by name."""
    run = running(read_file(path), 1, path, _AGAIN)
    outputs = ["logits", *(f"next_{name}" for name in state)]

    def step(ids: np.ndarray, before: State) -> tuple[np.ndarray, State]:
        scores, *after = run(outputs, {"words": ids[:, None], **dict(zip(state, before, strict=True))})
        return scores[:, 0], tuple(after)

    return step, tuple(np.zeros(shape, np.float32) for shape in state.values())
