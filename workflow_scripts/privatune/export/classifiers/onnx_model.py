"""Classifiers as ONNX, in float32 and with 8-bit weights, and how onnxruntime runs them."""

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch

from privatune.export import runtime
from privatune.export.eight_bits import matrices_quantised, tables_quantised
from privatune.export.runtime import OPSET, silent

_CHANGING = {0: "batch", 1: "length"}  # axes whose size a user chooses
REMEDY = "leave this model out of `export.run` or, if it is one of `dpcompress`, out of `dpcompress.exported` too"

Run = Callable[[torch.Tensor, torch.Tensor], np.ndarray]
"""From ids int64 [batch, length] and mask bool [batch, length] to logits [batch, classes]."""


def exported(network: torch.nn.Module, classes: Sequence[str], path: str | Path) -> bytes:
    """Return a network as an ONNX model with float32 weights.

    Its inputs are `ids` int64 [batch, length] and `mask` bool [batch, length], true at real tokens, with padding on the
    right; its output is `logits` float32 [batch, classes]. The entry `classes` of its metadata is a JSON list of the
    labels in the order of the logits.

    Args:
        network: from ids and mask to logits, in evaluation mode.
        classes: the labels.
        path: the file for which the model is made, for messages.

    Raises:
        PrivatuneError: the network cannot be expressed in ONNX.
    """
    ids = torch.zeros(2, 3, dtype=torch.int64)
    mask = torch.tensor([[True, True, True], [True, False, False]])
    out = io.BytesIO()
    with silent(path, "the model cannot be written as ONNX", REMEDY):
        torch.onnx.export(
            network,
            (ids, mask),
            out,  # type: ignore[arg-type]
            dynamo=False,  # the other exporter needs a further package
            input_names=["ids", "mask"],
            output_names=["logits"],
            dynamic_axes={"ids": _CHANGING, "mask": _CHANGING, "logits": {0: "batch"}},
            opset_version=OPSET,
        )
        return _labelled(onnx.load_from_string(out.getvalue()), classes)


def quantised(model: bytes, classes: Sequence[str], path: str | Path) -> bytes:
    """Return an ONNX model of `exported` whose matrices and embeddings are stored in 8 bits per weight.

    The matrix of the head keeps its floats. Raises PrivatuneError, which names `path`, if the model is damaged.
    """
    with silent(path, "the model cannot be quantised", REMEDY):
        return _labelled(matrices_quantised(tables_quantised(onnx.load_from_string(model))), classes)


def running(model: bytes, threads: int, path: str | Path) -> Run:
    """Return a function that runs an ONNX model in onnxruntime on the CPU; errors as in `runtime.running`."""
    call = runtime.running(model, threads, path, REMEDY)

    def run(ids: torch.Tensor, mask: torch.Tensor) -> np.ndarray:
        return call(["logits"], {"ids": ids.numpy(), "mask": mask.numpy()})[0]

    return run


def _labelled(model: onnx.ModelProto, classes: Sequence[str]) -> bytes:
    onnx.helper.set_model_props(model, {"classes": json.dumps(list(classes), ensure_ascii=False)})
    return model.SerializeToString(deterministic=True)
