"""Symbols: shapes and dtypes of what operators, functions and layers would give."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import Input
from jkeras.core.identity import identity_of
from jkeras.core.operations import Operation, record, template
from jkeras.core.symbols import has_symbols
from jkeras.layers import LSTM, Attention, Concatenate, Conv2D, Dense, Dropout, MultiHeadAttention
from jkeras.models import Graph

X = np.random.RandomState(0).randn(3, 4).astype("float32")

OPERATORS: dict[str, Any] = {
    "add": lambda x: x + 1,
    "add a row": lambda x: x + np.arange(4, dtype="float32"),
    "from the left": lambda x: 1.0 - x,
    "array from the left": lambda x: np.full((4,), 2.0, "float32") * x,
    "divide": lambda x: x / 2,
    "floor": lambda x: x // 0.5,
    "mod": lambda x: x % 2.0,
    "power": lambda x: x**2,
    "power of": lambda x: 2.0**x,
    "matmul": lambda x: x @ np.ones((4, 2), "float32"),
    "negative": lambda x: -x,
    "absolute": lambda x: abs(x),
    "less": lambda x: x < 0.5,
    "unequal": lambda x: x != x[:, :1],
    "and": lambda x: (x > 0) & (x <= 1),
    "or": lambda x: (x > 1) | ~(x >= 0),
    "index": lambda x: x[:, 1],
    "slices": lambda x: x[:, ::-2],
    "new axis": lambda x: x[:, None, 1:3],
    "ellipsis": lambda x: x[..., 0],
    "reshape": lambda x: x[:, None].squeeze(1),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_gives_the_shape_the_dtype_and_the_numbers_of_the_array(name: str) -> None:
    expression = OPERATORS[name]
    symbol = Input((4,))
    outputs = expression(symbol)
    expected = expression(X)
    assert outputs.shape == (None, *expected.shape[1:]) and outputs.dtype == expected.dtype
    found = Graph(symbol, outputs).apply({}, {}, jnp.asarray(X))[0]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_symbol_tells_its_rank_and_its_size() -> None:
    x = jkeras.KerasTensor((2, None, 3), "int8", name="x")
    assert (x.ndim, x.rank, x.size, x.dtype) == (3, 3, None, "int8")
    assert jkeras.KerasTensor((2, 3)).size == 6
    assert repr(x) == "<KerasTensor shape=(2, None, 3), dtype=int8, name=x>"


@pytest.mark.parametrize(
    ("values", "expected"),
    [((1, [2, {"a": 3}]), False), ((1, [2, {"a": Input(())}]), True), ((), False)],
)
def test_symbols_are_found_in_structures(values: Any, expected: bool) -> None:
    assert has_symbols(*values) is expected


def test_axes_that_follow_an_unknown_axis_are_unknown() -> None:
    images = Input((None, None, 3), batch_size=2)
    assert Conv2D(4, 3, strides=2, padding="same")(images).shape == (2, None, None, 4)
    assert (images[:, 0] + images[:, :, 0]).shape == (2, None, 3)
    assert record(jnp.reshape, (Input((2, 3)), (-1, 6)), {}).shape == (None, 6)
    assert record(jnp.sum, (Input((2, 3)),), {"axis": 0}).shape == (2, 3)


def test_layers_are_called_in_all_of_the_ways_of_keras() -> None:
    q, v = Input((5, 4)), Input((7, 4))
    assert Concatenate(axis=1)([q, v]).shape == (None, 12, 4)
    assert MultiHeadAttention(2, 3)(q, v).shape == (None, 5, 4)
    assert MultiHeadAttention(2, 3)(value=v, query=q, use_causal_mask=True).shape == (None, 5, 4)
    assert Attention()([q, v]).shape == (None, 5, 4)
    outputs, h, c = LSTM(3, return_state=True)(q)
    assert [x.shape for x in (outputs, h, c)] == [(None, 3)] * 3
    assert LSTM(3, return_sequences=True)(v, initial_state=[h, c]).shape == (None, 7, 3)
    assert LSTM(3)(inputs=v, mask=v[:, :, 0] > 0).shape == (None, 3)


def test_the_flag_of_a_call_stays_with_it() -> None:
    x = Input((4,))
    silent = Graph(x, Dropout(0.5)(x, training=False))
    np.testing.assert_array_equal(silent.apply({}, {}, X, key=None, training=True)[0], X)
    always = Graph(x, Dropout(0.5)(x, training=True))
    outputs = always.apply({}, {}, X, key=jax.random.key(0))[0]
    assert not np.array_equal(outputs, X)


def test_templates_compare_by_value_and_tell_numbers_of_different_kinds_apart() -> None:
    def of(value: Any) -> Any:
        return template(((Input(()), value), {}))[0]

    assert of(1) == of(1) and hash(of(slice(1))) == hash(of(slice(1)))
    assert of(np.arange(2)) == of(np.arange(2))
    assert len({of(1), of(1.0), of(True), of(None), of("1")}) == 5
    same = Input(())
    assert template((same, same))[0].holes == [0, 0]


def test_an_operation_is_a_description() -> None:
    first, second = (Input((2,)) * 2.0).node.layer, (Input((2,)) * 2.0).node.layer
    assert isinstance(first, Operation) and first == second and hash(first) == hash(second)
    assert first != (Input((2,)) * 3.0).node.layer
    assert (first.who, first.padded_rows) == ("Multiply", "ignored")
    flipped = record(jnp.flip, (Input((2,)),), {"axis": 0}).node.layer
    assert (flipped.who, flipped.padded_rows) == ("Flip", "seen")


def test_a_copy_is_another_layer_and_a_renamed_one_is_the_same() -> None:
    layer = Dense(3)
    layer(Input((2,)))
    for other in (copy.copy(layer), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert other == layer and identity_of(other) is not identity_of(layer)
    named = layer.renamed("head")
    assert identity_of(named) is identity_of(layer) and named.output is layer.output


@pytest.mark.parametrize(
    ("item", "axis", "got"),
    [((slice(None), 7), 1, 7), ((slice(None), -5), 1, -5), ((..., 4), 1, 4), ((None, 0, 9), 1, 9)],
)
def test_an_index_outside_of_a_known_axis_is_an_error(item: Any, axis: int, got: int) -> None:
    x = jkeras.KerasTensor((None, 4), name="x")
    with pytest.raises(ValueError) as told:
        x[item]
    assert str(told.value) == (
        "<KerasTensor shape=(None, 4), dtype=float32, name=x>: expected an index from -4 to 3"
        f" for axis {axis}, got {got}."
    )


def test_an_index_inside_or_of_an_unknown_axis_is_none() -> None:
    x = jkeras.KerasTensor((None, 4))
    assert (x[5].shape, x[:, -4].shape, x[..., 3].shape) == ((4,), (None,), (None,))
    assert x[:, 2:9].shape == (None, 2), "a slice ends where the axis does"


def test_numpy_s_operators_make_symbols_with_an_array_on_the_left() -> None:
    array, x = np.arange(1.0, 4.0, dtype="float32"), Input((3,))
    values = np.full((2, 3), 2.0, "float32")
    for made, expected in (
        (array * x, array * values),
        (array - x, array - values),
        (np.divide(array, x), array / values),
        (array**x, array**values),
        (array < x, array < values),
    ):
        np.testing.assert_allclose(jkeras.Model(x, made)(values), expected, rtol=1e-6)
    assert (array == x) is False


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (np.exp, "np.exp"),
        (np.square, "np.square"),
        (np.sum, "the NumPy function"),
        (np.mean, "the NumPy function"),
    ],
)
def test_a_function_of_numpy_s_on_a_symbol_is_told_what_to_use(function: Any, name: str) -> None:
    with pytest.raises(TypeError) as told:
        function(jkeras.KerasTensor((None, 4), name="x"))
    assert str(told.value) == (
        "<KerasTensor shape=(None, 4), dtype=float32, name=x> stands for a value that is not there "
        f"yet, so it has no array. Use jkeras.ops, or a layer, in place of {name}."
    )
