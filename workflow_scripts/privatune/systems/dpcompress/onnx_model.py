"""Classifiers as ONNX, in float32 and with 8-bit weights, and how onnxruntime runs them."""

import io
import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from privatune.core.errors import PrivatuneError
from privatune.core.files import scratch

_OPSET = 17  # the first that has layer normalisation
_CHANGING = {0: "batch", 1: "length"}  # axes whose size a user chooses

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
    with _silent(path, "the model cannot be written as ONNX"):
        torch.onnx.export(
            network,
            (ids, mask),
            out,  # type: ignore[arg-type]
            dynamo=False,  # the other exporter needs a further package
            input_names=["ids", "mask"],
            output_names=["logits"],
            dynamic_axes={"ids": _CHANGING, "mask": _CHANGING, "logits": {0: "batch"}},
            opset_version=_OPSET,
        )
        return _labelled(onnx.load_from_string(out.getvalue()), classes)


def quantised(model: bytes, classes: Sequence[str], path: str | Path) -> bytes:
    """Return an ONNX model of `exported` whose matrices and embeddings are stored in 8 bits per weight.

    Products with a matrix are those of integers. The matrix has a scale per column; the other factor gets one scale for
    all of it when the model runs (dynamic quantisation). No text is needed to find the scales, but a sentence's logits
    depend a little on the other sentences of its batch. The values of a matrix are at most 64, because processors
    without VNNI add up two products in 16 bits, and 2 * 255 * 64 < 2^15. A table of embeddings has 8 bits per value and
    one scale. The matrix of the head keeps its floats.

    Raises PrivatuneError, which names `path`, when onnxruntime cannot do this.
    """
    with _silent(path, "the model cannot be quantised"), scratch(path) as folder:
        _onnxruntime()
        from onnxruntime.quantization import quantize_dynamic

        whole, small = folder / "model.onnx", folder / "model.int8.onnx"
        whole.write_bytes(model)
        quantize_dynamic(whole, small, ["MatMul", "Gather"], per_channel=True, reduce_range=True)
        return _labelled(onnx.load(small), classes)


def running(model: bytes, threads: int, path: str | Path) -> Run:
    """Return a function that runs an ONNX model in onnxruntime on the CPU.

    Both this and the function raise PrivatuneError, which names `path`, when onnxruntime refuses.
    """
    with _silent(path, "onnxruntime cannot read the model"):
        runtime = _onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # it says what is fatal; errors are raised
        # threads that wait do not take time from what runs beside them
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(ids: torch.Tensor, mask: torch.Tensor) -> np.ndarray:
        try:
            return session.run(["logits"], {"ids": ids.numpy(), "mask": mask.numpy()})[0]
        except Exception as error:  # its classes of errors have no base of their own
            raise _refused(path, "onnxruntime cannot run the model", error) from None

    return run


def _onnxruntime() -> Any:
    """Import onnxruntime, which must not report to its maker: it does unless this variable is set before it loads."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    return onnxruntime


def _labelled(model: onnx.ModelProto, classes: Sequence[str]) -> bytes:
    onnx.helper.set_model_props(model, {"classes": json.dumps(list(classes), ensure_ascii=False)})
    return model.SerializeToString(deterministic=True)


@contextmanager
def _silent(path: str | Path, what: str) -> Iterator[None]:
    """Neither warn nor log, and turn any error but that of a disk into one line."""
    logging.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except OSError:  # a full disk
        raise
    except Exception as error:  # exporters and onnxruntime raise errors of many kinds, often of many lines
        raise _refused(path, what, error) from None
    finally:
        logging.disable(logging.NOTSET)


def _refused(path: str | Path, what: str, error: Exception) -> PrivatuneError:
    return PrivatuneError(f"{path}: {what} ({type(error).__name__}); leave its method out of `dpcompress.exported`")
