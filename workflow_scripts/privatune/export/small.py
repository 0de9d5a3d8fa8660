"""Language models as ONNX graphs with 8 bits per weight."""

from pathlib import Path

import onnx

from privatune.export import runtime
from privatune.export.eight_bits import looked_up
from privatune.export.graph import MATRIX, TABLE
from privatune.export.runtime import silent

_OPERATORS = ["MatMul", "LSTM"]


def quantised(model: bytes, path: str | Path, remedy: str) -> bytes:
    """Return a model of `graph.exported` with 8 bits per weight, and the same inputs and outputs.

    Every matrix has a scale per column, and a table of its own one per row. A tied matrix is stored once: a word is
    looked up in what the products of the output layer use, with the scale of its column. See `runtime.quantised`, which
    has the errors, too.
    """
    (table,) = (node.input[0] for node in onnx.load_from_string(model).graph.node if node.name == TABLE)
    tied = table == MATRIX
    small = runtime.quantised(model, _OPERATORS, path, remedy, [TABLE] if tied else [])
    if tied:
        with silent(path, "the model cannot be quantised", remedy):
            _share(small.graph)
    return small.SerializeToString(deterministic=True)


def _share(graph: onnx.GraphProto) -> None:
    """Look words up in the quantised matrix, and drop the float one."""
    place, table = next((n, node) for n, node in enumerate(graph.node) if node.name == TABLE)
    matrix = table.input[0]
    nodes = looked_up(table, f"{matrix}_quantized", f"{matrix}_scale", 1)
    others = [*graph.node[:place], *nodes, *graph.node[place + 1 :]]
    kept = [weight for weight in graph.initializer if weight.name != matrix]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(others)
    graph.initializer.extend(kept)
