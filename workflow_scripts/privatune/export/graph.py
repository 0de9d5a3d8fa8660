"""Language models as ONNX graphs in float32: words and the state go in, logits and the next state come out.

The operator LSTM of ONNX has the gates in the order input, output, forget, cell. It has no projection, so a layer of
`cifg` is a loop (Scan) over the time with the products written out.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from privatune.export.runtime import OPSET
from privatune.models.cifg import PARTS
from privatune.models.network import Weights, kind_of, output_weight

_IR = 8  # version of the file format, which goes with the operators of `OPSET`
TABLE = "embedding"  # the node that looks words up
MATRIX = "output"  # the matrix of the output layer


class _Graph:
    """The nodes and weights of a graph, in the order in which they are added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, name: str, value: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, operator: str, inputs: list[str], *outputs: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, list(outputs), name=outputs[0], **attributes))
        return outputs[0]


def widths(weights: Weights) -> dict[str, int]:
    """Return the widths of the inputs that hold the state, by name in their order: `h0`, `c0`, `h1`, ...

    >>> import torch
    >>> widths({"cifg.0.projection": torch.zeros(96, 670)})
    {'h0': 96, 'c0': 670}
    """
    kind = kind_of(weights)
    found: dict[str, int] = {}
    of_cells = "projection" if kind == "cifg" else "recurrent"
    for layer in range(sum(name.endswith(f".{of_cells}") for name in weights)):
        rows, columns = weights[f"{kind}.{layer}.{of_cells}"].shape
        found |= {f"h{layer}": rows if kind == "cifg" else columns, f"c{layer}": columns}
    return found


def exported(weights: Weights) -> bytes:
    """Return a language model as an ONNX model with float32 weights.

    Its inputs are `words` int64 [time, batch], and for each layer `h0` and `c0` float32 [batch, width]. Its outputs are
    `logits` float32 [time, batch, vocabulary] of the word after each, and `next_h0`, `next_c0`, ... The state before
    the first word is zero. If the output layer is tied, the one matrix `output` [width, vocabulary] is stored once.

    Args:
        weights: those of a model of `privatune.models`, in float32.
    """
    arrays = {name: weight.numpy() for name, weight in weights.items()}
    graph, state = _Graph(), widths(weights)
    matrix = graph.weight(MATRIX, output_weight(weights).numpy().T)
    if "output.weight" not in weights:
        looked_up = graph.node("Gather", [matrix, "words"], TABLE, axis=1)
        read = graph.node("Transpose", [looked_up], "read", perm=[1, 2, 0])
    else:
        read = graph.node("Gather", [graph.weight("table", arrays["embedding"]), "words"], TABLE, axis=0)
    kind = kind_of(weights)
    for layer in range(len(state) // 2):
        parts = {name.split(".")[-1]: array for name, array in arrays.items() if name.startswith(f"{kind}.{layer}.")}
        read = (_cifg if kind == "cifg" else _lstm)(graph, layer, parts, read)
    scores = graph.node("MatMul", [read, matrix], "scores")
    graph.node("Add", [scores, graph.weight("output.bias", arrays["output.bias"])], "logits")
    vocabulary = len(arrays["output.bias"])
    floats = {name: ["batch", width] for name, width in state.items()}
    body = helper.make_graph(
        graph.nodes,
        "language model",
        [helper.make_tensor_value_info("words", TensorProto.INT64, ["time", "batch"]), *_values(floats)],
        _values({"logits": ["time", "batch", vocabulary], **{f"next_{name}": shape for name, shape in floats.items()}}),
        graph.weights,
    )
    model = helper.make_model(
        body, producer_name="privatune", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR
    )
    return model.SerializeToString(deterministic=True)


def _values(shapes: Mapping[str, list]) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]


def _lstm(graph: _Graph, layer: int, parts: Mapping[str, np.ndarray], read: str) -> str:
    """Add a layer of `models.lstm`; return the name of its output [time, batch, hidden]."""
    hidden = parts["recurrent"].shape[1]
    i, f, c, o = np.split(np.arange(4 * hidden), 4)
    order, name = np.concatenate([i, o, f, c]), f"lstm.{layer}"
    stored = {part: graph.weight(f"{name}.{part}", parts[part][order][None]) for part in ("input", "recurrent")}
    bias = np.concatenate([parts["bias"][order], np.zeros(4 * hidden, np.float32)])  # ONNX has two, the model one
    axis = graph.weight(f"{name}.axis", np.array([0]))
    before = [graph.node("Unsqueeze", [f"{s}{layer}", axis], f"{name}.{s}") for s in "hc"]
    inputs = [read, stored["input"], stored["recurrent"], graph.weight(f"{name}.bias", bias[None]), "", *before]
    outputs = [f"{name}.{part}" for part in ("outputs", "last_h", "last_c")]
    graph.node("LSTM", inputs, *outputs, hidden_size=hidden)
    for state, last in zip("hc", outputs[1:], strict=True):
        graph.node("Squeeze", [last, axis], f"next_{state}{layer}")
    one_direction = graph.weight(f"{name}.direction", np.array([1]))
    return graph.node("Squeeze", [outputs[0], one_direction], f"{name}.output")


def _cifg(graph: _Graph, layer: int, parts: Mapping[str, np.ndarray], read: str) -> str:
    """Add a layer of `models.cifg`; return the name of its output [time, batch, projection]."""
    name, (width, hidden) = f"cifg.{layer}", parts["projection"].shape
    stored = {part: parts[part].T for part in PARTS}
    gates = graph.node("MatMul", [read, graph.weight(f"{name}.input", stored["input"])], f"{name}.products")
    gates = graph.node("Add", [gates, graph.weight(f"{name}.bias", stored["bias"])], f"{name}.gates")
    graph.node(
        "Scan",
        [f"h{layer}", f"c{layer}", gates],
        f"next_h{layer}",
        f"next_c{layer}",
        f"{name}.output",
        num_scan_inputs=1,
        body=_step(name, stored, width, hidden),
    )
    return f"{name}.output"


def _step(name: str, stored: Mapping[str, np.ndarray], width: int, hidden: int) -> onnx.GraphProto:
    """Return one step of a layer of `models.cifg`: from h, c and the gates' share of the input to h, c and h again."""
    step = _Graph()

    def node(operator: str, inputs: list[str], *outputs: str, **attributes: Any) -> str:
        return step.node(
            operator, [f"{name}.{part}" for part in inputs], *(f"{name}.{o}" for o in outputs), **attributes
        )

    for part in ("recurrent", "projection"):
        step.weight(f"{name}.{part}", stored[part])
    step.weight(f"{name}.one", np.ones(1, np.float32))
    step.weight(f"{name}.sizes", np.array([hidden] * 3))
    node("MatMul", ["h", "recurrent"], "recalled")
    node("Add", ["now", "recalled"], "sum")
    node("Split", ["sum", "sizes"], "f", "o", "g", axis=1)
    node("Sigmoid", ["f"], "forget")
    node("Sigmoid", ["o"], "shown")
    node("Tanh", ["g"], "cell")
    node("Mul", ["forget", "c"], "kept")
    node("Sub", ["one", "forget"], "take")
    node("Mul", ["take", "cell"], "taken")
    node("Add", ["kept", "taken"], "c_after")
    node("Tanh", ["c_after"], "squashed")
    node("Mul", ["shown", "squashed"], "units")
    node("MatMul", ["units", "projection"], "h_after")
    node("Identity", ["h_after"], "out")
    shapes = {"h": width, "c": hidden, "now": 3 * hidden, "h_after": width, "c_after": hidden, "out": width}
    values = {part: _values({f"{name}.{part}": ["batch", size]})[0] for part, size in shapes.items()}
    inputs, outputs = list(values.values())[:3], list(values.values())[3:]
    return helper.make_graph(step.nodes, f"{name}.step", inputs, outputs, step.weights)
