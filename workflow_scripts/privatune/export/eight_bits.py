"""Weights of ONNX models in 8 bits. A few of them share a scale, so that one large weight costs few others digits."""

from collections.abc import Callable, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

BLOCK = 32  # values of a column that share a scale; onnxruntime takes powers of two from 16
_LEAST = 1e-35  # values below it are stored as zero, since their scale would have few digits or none
_MIDDLE = 128  # what stands for zero in a block
_INT8_PRODUCTS = 4  # the operator's accuracy level that computes in integers where a processor can


def tables_quantised(model: onnx.ModelProto, leave: Sequence[str] = ()) -> onnx.ModelProto:
    """Store each table [rows, width] of which rows are looked up in 8 bits, with a scale per row.

    Args:
        model: the model, which is changed.
        leave: the names of nodes whose tables keep their floats; those that look up columns keep them, too.
    """
    columns = [n.name for n in model.graph.node if any(a.name == "axis" and a.i != 0 for a in n.attribute)]

    def smaller(node: onnx.NodeProto, table: np.ndarray) -> tuple[list[onnx.NodeProto], list[np.ndarray]]:
        scale = _scales(table, 1)
        return looked_up(node, *_names(node.input[0]), 0), [np.rint(table / scale).astype(np.int8), scale]

    return _replaced(model, "Gather", 0, [*leave, *columns], smaller)


def matrices_quantised(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store each matrix that products read in 8 bits, with a scale per 32 values of a column.

    The operator is onnxruntime's own. Where a processor can, it rounds the other factor to 8 bits as well when the
    model runs, with a scale per 32 values of a row, and multiplies integers. So a row's result does not depend on
    other rows.

    Args:
        model: the model, which is changed.
    """
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))

    def smaller(node: onnx.NodeProto, matrix: np.ndarray) -> tuple[list[onnx.NodeProto], list[np.ndarray]]:
        rows, columns = matrix.shape
        padded = np.pad(matrix.T, ((0, 0), (0, -rows % BLOCK))).reshape(columns, -1, BLOCK)
        scale = _scales(padded, 2)
        product = helper.make_node(
            "MatMulNBits",
            [node.input[0], *_names(node.input[1])],
            list(node.output),
            name=node.name,
            domain="com.microsoft",
            **{"K": rows, "N": columns, "bits": 8, "block_size": BLOCK, "accuracy_level": _INT8_PRODUCTS},
        )
        return [product], [(np.rint(padded / scale) + _MIDDLE).astype(np.uint8), scale.reshape(columns, -1)]

    return _replaced(model, "MatMul", 1, (), smaller)


def looked_up(node: onnx.NodeProto, table: str, scales: str, axis: int) -> list[onnx.NodeProto]:
    """Return the nodes that take the place of a look-up in a table of floats.

    Args:
        node: the operator `Gather`.
        table: the name of the table in 8 bits.
        scales: the name of its scales, the first axis of which is the one that is looked up.
        axis: the axis of the table that is looked up.
    """
    (found,), ids = node.output, node.input[1]
    small, whole, scale = f"{found}_quantized", f"{found}_whole", f"{found}_scale"
    return [
        helper.make_node("Gather", [table, ids], [small], axis=axis),
        helper.make_node("Cast", [small], [whole], to=TensorProto.FLOAT),
        helper.make_node("Gather", [scales, ids], [scale], axis=0),
        helper.make_node("Mul", [whole, scale], [found], name=node.name),
    ]


# from a node and its weight to the nodes that take its place, and the values of the two weights of `_names`
_Smaller = Callable[[onnx.NodeProto, np.ndarray], tuple[list[onnx.NodeProto], list[np.ndarray]]]


def _replaced(
    model: onnx.ModelProto, operator: str, place: int, leave: Sequence[str], smaller: _Smaller
) -> onnx.ModelProto:
    """Replace all nodes of an operator whose input at `place` is a float weight with two axes.

    A weight that is then read no more is dropped; it must not be read within the body of a loop.
    """
    graph = model.graph
    held = {weight.name: weight for weight in graph.initializer}
    nodes: list[onnx.NodeProto] = []
    small: dict[str, np.ndarray] = {}
    replaced: set[str] = set()
    for node in graph.node:
        weight = held.get(node.input[place]) if node.op_type == operator and node.name not in leave else None
        if weight is None or len(weight.dims) != 2 or weight.data_type != TensorProto.FLOAT:
            nodes.append(node)
            continue
        instead, values = smaller(node, numpy_helper.to_array(weight))
        nodes += instead
        replaced.add(weight.name)
        small |= zip(_names(weight.name), values, strict=True)
    unused = replaced - {name for node in nodes for name in node.input}
    kept = [weight for name, weight in held.items() if name not in unused]
    kept += [numpy_helper.from_array(values, name) for name, values in small.items()]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)
    return model


def _names(weight: str) -> tuple[str, str]:
    """The names of a weight's 8-bit values and of its scales, as onnxruntime's own quantisation chooses them."""
    return f"{weight}_quantized", f"{weight}_scale"


def _scales(values: np.ndarray, axis: int) -> np.ndarray:
    """float32 scales with which values are at most 127 along an axis; where all are nearly zero, they become zero."""
    largest = np.abs(values).max(axis, keepdims=True)
    return (np.where(largest >= _LEAST, largest, 1) / 127).astype(np.float32)
