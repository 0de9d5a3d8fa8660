"""Weights in 8 bits: how far the stored values and the results of a product are from those in floats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from privatune.export.eight_bits import BLOCK, matrices_quantised, tables_quantised
from privatune.export.runtime import OPSET, running


def graph_of(operator, weight, ids, inputs, others=()):
    """A model of one operator on a weight and on what the user gives."""
    kind = TensorProto.INT64 if ids else TensorProto.FLOAT
    nodes = [helper.make_node(operator, inputs, ["out"], name="operator"), *others]
    graph = helper.make_graph(
        nodes,
        "one",
        [helper.make_tensor_value_info("given", kind, None)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weight, "weight")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def look_up(weight):
    return graph_of("Gather", weight, True, ["weight", "given"])


def product(weight):
    return graph_of("MatMul", weight, False, ["given", "weight"])


def run(model, given):
    return running(model.SerializeToString(), 1, "m.onnx", "leave it out")(["out"], {"given": given})[0]


def drawn(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@given(rows=st.integers(1, 40), width=st.integers(1, 70), seed=st.integers(0, 99))
def test_a_row_of_a_table_is_off_by_half_a_step_of_its_own(rows, width, seed):
    table = drawn(seed, rows, width) * 10 ** drawn(seed + 1, rows, 1)
    table[seed % rows] = [0, 1e-44, 2.6e-43][seed % 3]
    ids = np.arange(rows)[None]
    model = tables_quantised(look_up(table))
    assert {weight.data_type for weight in model.graph.initializer} == {TensorProto.INT8, TensorProto.FLOAT}
    error = np.abs(run(model, ids)[0] - table).max(1)
    assert (error <= 0.501 * np.abs(table).max(1) / 127 + 1e-35).all()


@given(rows=st.integers(1, 100), columns=st.integers(1, 40), seed=st.integers(0, 99))
def test_weights_of_a_matrix_are_off_by_half_a_step_of_their_block(rows, columns, seed):
    matrix = drawn(seed, rows, columns) * 10 ** drawn(seed + 1, rows, columns)
    matrix[:, seed % columns] = [0, 1e-44, 2.6e-43][seed % 3]
    held = {w.name: numpy_helper.to_array(w) for w in matrices_quantised(product(matrix)).graph.initializer}
    small, scale = held["weight_quantized"], held["weight_scale"]
    assert small.dtype == np.uint8 and small.shape == (columns, -(-rows // BLOCK), BLOCK)
    whole = ((small.astype(np.float32) - 128) * scale[:, :, None]).reshape(columns, -1)[:, :rows].T
    for start in range(0, rows, BLOCK):
        part = slice(start, start + BLOCK)
        steps = np.abs(matrix[part]).max(0) / 127
        assert (np.abs(whole[part] - matrix[part]) <= 0.501 * steps + 1e-35).all()


@pytest.mark.parametrize("rows", [32, 50, 384])
def test_a_product_is_nearly_that_of_floats_and_rows_do_not_depend_on_each_other(rows):
    matrix, given = drawn(0, rows, 24), drawn(1, 7, rows)
    given[3] *= 1000  # with one scale for all rows, the others would lose their digits
    model = matrices_quantised(product(matrix))
    found, expected = run(model, given), given @ matrix
    assert (np.abs(found - expected).max(1) < 0.03 * np.abs(expected).max(1)).all()
    assert not np.array_equal(found, expected)
    alone = np.concatenate([run(model, given[[n]]) for n in range(7)])
    np.testing.assert_allclose(alone, found, rtol=1e-5, atol=1e-4)


def test_weights_that_other_operators_read_keep_their_floats():
    weight = drawn(0, 32, 32)
    added = helper.make_node("Add", ["out", "weight"], ["more"])
    model = matrices_quantised(graph_of("MatMul", weight, False, ["given", "weight"], [added]))
    names = [held.name for held in model.graph.initializer]
    assert names == ["weight", "weight_quantized", "weight_scale"]
    left = look_up(weight)
    assert tables_quantised(left, ["operator"]) == look_up(weight)
    by_column = look_up(weight)
    by_column.graph.node[0].attribute.append(helper.make_attribute("axis", 1))
    assert [held.name for held in tables_quantised(by_column).graph.initializer] == ["weight"]
    cube = product(drawn(0, 2, 3, 4))
    assert [node.op_type for node in matrices_quantised(cube).graph.node] == ["MatMul"]


def test_a_matrix_that_two_products_read_is_stored_once():
    again = helper.make_node("MatMul", ["given", "weight"], ["more"])
    model = matrices_quantised(graph_of("MatMul", drawn(0, 32, 32), False, ["given", "weight"], [again]))
    assert [held.name for held in model.graph.initializer] == ["weight_quantized", "weight_scale"]
