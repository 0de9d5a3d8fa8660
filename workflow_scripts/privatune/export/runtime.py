"""Run ONNX models in onnxruntime on the CPU, and store their matrices in 8 bits per weight."""

import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from privatune.core.errors import PrivatuneError
from privatune.core.files import scratch
from privatune.export.eight_bits import tables_quantised

OPSET = 17  # the first that has layer normalisation

Call = Callable[[Sequence[str], Mapping[str, np.ndarray]], list[np.ndarray]]
"""From the names of the outputs and the inputs by name to the outputs in this order."""


def running(model: bytes, threads: int, path: str | Path, remedy: str) -> Call:
    """Return a function that runs an ONNX model in onnxruntime on the CPU.

    Args:
        model: the model.
        threads: the threads of each product.
        path: the file of the model, for messages.
        remedy: what a user can do if onnxruntime refuses, for messages.

    Raises:
        PrivatuneError: onnxruntime cannot read the model; the function raises one when it cannot run it.
    """
    with silent(path, "onnxruntime cannot read the model", remedy):
        runtime = _onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # it says what is fatal; errors are raised
        # threads that wait do not take time from what runs beside them
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(outputs: Sequence[str], inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        try:
            return session.run(outputs, inputs)
        except Exception as error:  # its classes of errors have no base of their own
            raise _refused(path, "onnxruntime cannot run the model", remedy, error) from None

    return run


def quantised(
    model: bytes, operators: Sequence[str], path: str | Path, remedy: str, leave: Sequence[str] = ()
) -> onnx.ModelProto:
    """Return an ONNX model whose matrices and tables are stored in 8 bits per weight (dynamic quantisation).

    Products with a matrix are those of integers. The matrix has a scale per column; the other factor gets one scale for
    all of it when the model runs. No text is needed to find the scales, but a row's result depends a little on the
    other rows of its minibatch. The values of a matrix are at most 64, because processors without VNNI add up two
    products in 16 bits, and 2 * 255 * 64 < 2^15. A table that is only looked up has a scale per row.

    Args:
        model: the model in float32.
        operators: which operators with a matrix are quantised, also within the body of a loop.
        path: the file for which the model is made; it names a folder for temporary files, and appears in messages.
        remedy: what a user can do if onnxruntime cannot do this, for messages.
        leave: the names of nodes that keep their floats, and of their tables.

    Raises:
        PrivatuneError: onnxruntime cannot do this.
    """
    with silent(path, "the model cannot be quantised", remedy), scratch(path) as folder:
        _onnxruntime()
        from onnxruntime.quantization import quantize_dynamic

        whole, small = folder / "model.onnx", folder / "model.int8.onnx"
        whole.write_bytes(tables_quantised(onnx.load_from_string(model), leave).SerializeToString())
        quantize_dynamic(
            whole,
            small,
            list(operators),
            per_channel=True,
            reduce_range=True,
            nodes_to_exclude=list(leave),
            extra_options={"EnableSubgraph": True},
        )
        return onnx.load(small)


def _onnxruntime() -> Any:
    """Import onnxruntime, which must not report to its maker: it does unless this variable is set before it loads."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    return onnxruntime


@contextmanager
def silent(path: str | Path, what: str, remedy: str) -> Iterator[None]:
    """Neither warn nor log, and turn any error but that of a disk into one line that says `what` failed.

    Raises PrivatuneError, which names `path` and the `remedy`.
    """
    logging.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except OSError:  # a full disk
        raise
    except Exception as error:  # exporters and onnxruntime raise errors of many kinds, often of many lines
        raise _refused(path, what, remedy, error) from None
    finally:
        logging.disable(logging.NOTSET)


def _refused(path: str | Path, what: str, remedy: str, error: Exception) -> PrivatuneError:
    return PrivatuneError(f"{path}: {what} ({type(error).__name__}); {remedy}")
