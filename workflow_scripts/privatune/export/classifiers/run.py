"""Export the model of one method, and measure its size, its accuracy and the seconds that a sentence takes."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from privatune.core.errors import PrivatuneError
from privatune.core.files import write_bytes, write_json
from privatune.core.streams import stream
from privatune.core.tensors import Arrays, pack
from privatune.evaluation.accuracy import accuracy
from privatune.export.classifiers.deployed import deployed
from privatune.export.classifiers.onnx_model import REMEDY, Run, exported, quantised, running
from privatune.export.classifiers.settings import ExportJobSettings
from privatune.export.classifiers.sparse_file import load_weights, save_weights
from privatune.export.latency import seconds
from privatune.text.tokenizer import load_tokenizer
from privatune.training.examples import Examples, Minibatch, minibatches, read_examples

MOST_DIFFERENT = 1e-4  # of a logit in onnxruntime from that in torch
_TOKENS = 1024  # the most tokens of a minibatch, with padding


class Files(NamedTuple):
    """The files that a job writes."""

    weights: str | Path  # float32 weights as safetensors; matrices with many zeros are stored sparse
    onnx: str | Path
    int8: str | Path
    tokenizer: str | Path  # tokenizer.json as the library tokenizers reads it
    measured: str | Path


def export(
    models: str | Path,
    folder: str | Path,
    tokens: str | Path,
    tokenizer: str | Path,
    settings: ExportJobSettings,
    files: Files,
) -> None:
    """Write a trained model as safetensors and as ONNX with float32 and 8-bit weights, and what was measured of each.

    Accuracies are percentages of the test part, on which the way of quantising does not depend.

    Args:
        models: trained weights, as `deployed` takes them.
        folder: the encoder, as the rule `encoder` writes it.
        tokens: the sentences, as the rule `encode_sentences` writes them.
        tokenizer: the encoder's tokenizer, as the rule `encoder` writes it.
        settings: which model, and how to measure.
        files: the files to write.

    Raises:
        PrivatuneError: an input is damaged or does not fit, or onnxruntime gives other logits than torch.
    """
    torch.set_num_threads(settings.export.threads)
    test = read_examples(tokens, "test")
    network, blocks, classes = deployed(folder, models, settings.seed)
    about = {"set": settings.set, "method": settings.method, "blocks": blocks, "classes": classes}
    sizes = _save(files.weights, network, about)
    model = exported(network, classes, files.onnx)
    small = quantised(model, classes, files.int8)
    runs = {
        "torch": _inference(network),
        "onnx": running(model, settings.export.threads, files.onnx),
        "int8": running(small, settings.export.threads, files.int8),
    }
    logits = {name: _logits(run, test, len(classes)) for name, run in runs.items()}
    difference = float(np.abs(logits["onnx"] - logits["torch"]).max())
    if not difference <= MOST_DIFFERENT:
        raise PrivatuneError(
            f"{files.onnx}: a logit in onnxruntime differs by {difference:.2g} from that in torch, more than"
            f" {MOST_DIFFERENT:g}; {REMEDY}"
        )
    drawn = list(minibatches(test, _drawn(len(test.labels), settings), 1))
    record = {
        **{key: getattr(settings, key) for key in ("set", "method", "target", "seed")},
        "blocks": " ".join(map(str, blocks)),
        **sizes,
        "bytes_onnx": len(model),
        "bytes_int8": len(small),
        "threads": settings.export.threads,
        "seconds": seconds({name: partial(_label, run) for name, run in runs.items()}, drawn, settings.export.repeats),
        "logit_difference": difference,
        **{f"accuracy_{name}": accuracy(found.argmax(1), test.labels) for name, found in logits.items()},
    }
    cutting = load_tokenizer(tokenizer)
    cutting.enable_truncation(settings.max_tokens)
    write_bytes(files.tokenizer, cutting.to_str(pretty=True).encode())
    write_bytes(files.onnx, model)
    write_bytes(files.int8, small)
    write_json(files.measured, record)


def _save(path: str | Path, network: torch.nn.Module, about: Mapping[str, Any]) -> dict[str, int | None]:
    """Write the weights, let the network use those that the file then holds, and return how many they are."""
    parameters = {name.removeprefix("body.network."): weight for name, weight in network.named_parameters()}
    arrays: Arrays = {name: weight.numpy() for name, weight in parameters.items()}
    sparse = save_weights(path, arrays, about)
    written = load_weights(path)
    for name, weight in parameters.items():
        weight.data = torch.from_numpy(written[name])
    size = Path(path).stat().st_size
    return {
        "parameters": sum(array.size for array in arrays.values()),
        "nonzero": sum(int(np.count_nonzero(array)) for array in arrays.values()),
        "bytes_safetensors": len(pack(arrays, about)) if sparse else size,
        "bytes_sparse": size if sparse else None,
    }


def _inference(network: torch.nn.Module) -> Run:
    def run(ids: torch.Tensor, mask: torch.Tensor) -> np.ndarray:
        with torch.inference_mode():
            return network(ids, mask).numpy()

    return run


def _logits(run: Run, examples: Examples, classes: int) -> np.ndarray:
    """Logits [n, classes] in the order of the examples."""
    n = len(examples.labels)
    found = np.empty((n, classes), np.float32)
    places = examples._replace(labels=np.arange(n))
    for ids, mask, rows in minibatches(places, np.arange(n), _TOKENS):
        found[rows.numpy()] = run(ids, mask)
    return found


def _drawn(n: int, settings: ExportJobSettings) -> np.ndarray:
    """Which sentences are timed: the same ones for every method."""
    rng = stream(settings.seed, "timed sentences", settings.set)
    return rng.choice(n, min(n, settings.export.sentences), replace=False)


def _label(run: Run, sentence: Minibatch) -> np.ndarray:
    ids, mask, _ = sentence
    return run(ids, mask)
