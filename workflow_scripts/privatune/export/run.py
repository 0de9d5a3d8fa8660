"""Export a language model: ONNX in float32 and with 8-bit weights, its tokeniser, and what was measured of each."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json
from privatune.evaluation.keystrokes import PrefixIndex, prefix_index
from privatune.evaluation.measure import WINDOW, Reader, evaluate, sample
from privatune.evaluation.measure import reader as reader_of
from privatune.export.card import card
from privatune.export.folder import write_folder
from privatune.export.graph import exported, widths
from privatune.export.latency import seconds
from privatune.export.provenance import planted, texts_of
from privatune.export.reading import reader
from privatune.export.runtime import running
from privatune.export.settings import ExportJobSettings
from privatune.export.small import quantised
from privatune.export.words import shortened
from privatune.models.checkpoint import load_weights
from privatune.text.streams import Stream, read_stream
from privatune.text.tokenizer import load_tokenizer, words_of

MOST_DIFFERENT = 1e-4  # of a logit in onnxruntime from ours
COMPARED = 10  # chunks of text on whose words logits are compared
MEASURES = "ppl_general ppl_user kss_general kss_user recall1_user recall3_user".split()


class Files(NamedTuple):
    """The files that a job reads."""

    model: str | Path
    tokenizer: str | Path
    general: str | Path  # the stream of general test text
    user: str | Path  # the stream of the persons who never took part
    corpora: Sequence[str | Path]  # the manifests of the general corpora
    private: str | Path | None  # the manifest of the private corpus, if the model was trained on it
    persons: str | Path | None  # the counts of its persons
    terms: str | Path | None  # mechanism and guarantee of the training, if it has any


def export(files: Files, settings: ExportJobSettings, folder: str | Path) -> None:
    """Write the folder of an exported language model.

    The measures are those of the same samples for float32 and for 8-bit weights. With 8-bit weights every chunk is read
    for itself and word by word, as in use, since a word's logits depend on what is read together with it.

    Args:
        files: what is read.
        settings: which model it is, and how it is measured.
        folder: where `model.onnx`, `model.int8.onnx`, `tokenizer.json`, `about.json`, `README.md` and `SHA256SUMS` go.

    Raises:
        PrivatuneError: an input is damaged, onnxruntime refuses the model, or it gives other logits than torch.
    """
    torch.set_num_threads(settings.threads)
    folder, remedy = Path(folder), f"leave {settings.name} out of `export.run`"
    weights = load_weights(files.model)
    tokenizer = shortened(load_tokenizer(files.tokenizer), len(weights["embedding"]))
    words = words_of(tokenizer)
    terms = read_json(files.terms) if files.terms else {}
    texts = [read_stream(path, len(words)) for path in (files.general, files.user)]
    state = widths(weights)
    model = exported(weights)
    call = running(model, settings.threads, folder / "model.onnx", remedy)
    readers = {"torch": reader_of(weights), "float32": reader(call, state, alone=False)}
    samples = settings.evaluation
    drawn = sample(texts[0], samples.general_tokens, samples.chunk_tokens, settings.seed, "general")
    difference = _difference(readers["torch"], readers["float32"], drawn.ids[:COMPARED])
    if not difference <= MOST_DIFFERENT:
        raise PrivatuneError(
            f"{folder}/model.onnx: a logit in onnxruntime differs by {difference:.2g} from that in torch, more than "
            f"{MOST_DIFFERENT:g}; {remedy}"
        )
    small = quantised(model, folder / "model.int8.onnx", remedy)
    call = running(small, settings.threads, folder / "model.int8.onnx", remedy)
    readers["int8"] = reader(call, state, alone=True)
    timed = {name: _one_by_one(read) for name, read in readers.items()}
    index = prefix_index(words)
    about = {
        "name": settings.name,
        "kind": "language model",
        "training": settings.training,
        "texts": [*texts_of(files.corpora, files.private, files.persons, settings.visits), *planted(terms)],
        "state": {name: [1, width] for name, width in state.items()},
        "vocabulary": len(words),
        "parameters": sum(weight.numel() for weight in weights.values()),
        **_guarantee(terms, settings.secure),
        "measures": {name: _measured(readers[name], texts, index, settings) for name in ("float32", "int8")},
        "logit_difference": difference,
        "bytes": {"float32": len(model), "int8": len(small)},
        "seconds": seconds(timed, drawn.ids.ravel()[: settings.words].tolist(), settings.repeats),
        "threads": settings.threads,
    }
    files_of = {"model.onnx": model, "model.int8.onnx": small, "tokenizer.json": tokenizer.to_str(pretty=True).encode()}
    write_folder(folder, about, {**files_of, "README.md": card(about).encode()})


def _difference(ours: Reader, theirs: Reader, ids: np.ndarray) -> float:
    """Return the largest difference of a logit over chunks of text [chunks, words]."""
    reads, found = [model(len(ids)) for model in (ours, theirs)], 0.0
    for start in range(0, ids.shape[1], WINDOW):
        words = np.ascontiguousarray(ids[:, start : start + WINDOW].T)
        first, second = (read(words) for read in reads)
        found = np.maximum(found, (first - second).abs().max().item())  # NaN stays NaN
    return float(found)


def _one_by_one(model: Reader) -> Callable[[int], object]:
    """Return a function that reads one word of a text after the other."""
    read = model(1)
    return lambda word: read(np.array([[word]]))


def _measured(
    model: Reader, texts: Sequence[Stream], index: PrefixIndex, settings: ExportJobSettings
) -> dict[str, float]:
    found = evaluate(model, texts[0], texts[1], index, settings.evaluation, settings.seed)
    return {name: found[name] for name in MEASURES}


def _guarantee(terms: Mapping[str, Any], secure: bool) -> dict[str, Any]:
    """Return epsilon with its delta, and whose text it protects; all of them are null without a guarantee."""
    if not (stated := terms.get("guarantee")):
        return {"epsilon": None, "delta": None, "guarantee": None}
    protected = {"unit": stated["unit"], "adjacency": stated["adjacency"], "secure": secure}
    return {"epsilon": stated["epsilon"], "delta": stated["delta"], "guarantee": protected}
