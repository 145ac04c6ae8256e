"""A graph with operations is copied and pickled, whatever function an operation calls."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import layers, ops
from jkeras.core.keras_tensor import OPERATORS
from jkeras.trainer.loop.parts import parts_of

X = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "add": lambda x: x + 1.0,
    "subtract from": lambda x: 1.0 - x,
    "multiply": lambda x: x * np.array([2.0, 3.0], np.float32),
    "divide": lambda x: x / 2.0,
    "divide down": lambda x: x // 2.0,
    "remainder": lambda x: x % 2.0,
    "power": lambda x: x**2,
    "negative": lambda x: -x,
    "absolute": lambda x: abs(x),
    "product": lambda x: x @ np.eye(2, dtype=np.float32),
    "less": lambda x: x < 2.0,
    "less or equal": lambda x: x <= 2.0,
    "greater": lambda x: x > 2.0,
    "greater or equal": lambda x: x >= 2.0,
    "unequal": lambda x: x != 2.0,
    "and": lambda x: (x > 1) & (x < 4),
    "or": lambda x: (x > 1) | (x < 4),
    "exclusive or": lambda x: (x > 1) ^ (x < 4),
    "not": lambda x: ~(x > 1),
    "item": lambda x: x[:, 1],
    "items": lambda x: x[..., None, ::2],
    "sum": lambda x: ops.sum(x, axis=1, keepdims=True),
    "einsum": lambda x: ops.einsum("bi,bj->bij", x, x),
    "concatenate": lambda x: ops.concatenate([x, x], axis=-1),
    "cast": lambda x: ops.cast(x, "int32"),
    "image": lambda x: ops.image.resize(ops.reshape(x, (-1, 1, 2, 1)), (2, 2)),
    "activation": lambda x: jkeras.activations.relu(x, max_value=2.0),
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("again", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_model_with_an_operation_is_copied(name: str, again: Callable[[Any], Any]) -> None:
    inputs = jkeras.Input((2,))
    model = jkeras.Model(inputs, OPERATIONS[name](layers.Dense(2)(inputs)))
    copied = again(model)
    np.testing.assert_array_equal(copied.predict(X, verbose=0), model.predict(X, verbose=0))
    assert [layer.name for layer in copied.layers] == [layer.name for layer in model.layers]


def test_every_operator_is_among_them() -> None:
    inputs = jkeras.Input((2,))
    kinds = {
        getattr(layer, "shown_as", "")
        for operation in OPERATIONS.values()
        for layer in parts_of(jkeras.Model(inputs, operation(inputs))).state.graph().layers
    }
    assert OPERATORS.keys() <= kinds


@pytest.mark.parametrize("module", [ops, ops.image])
def test_every_function_of_ops_is_pickled_by_its_name(module: Any) -> None:
    for name in module.__all__:
        function = getattr(module, name)
        if callable(function):
            assert pickle.loads(pickle.dumps(function)) is function, name


def test_a_trained_model_and_its_history_are_pickled() -> None:
    inputs = jkeras.Input((2,))
    model = jkeras.Model(inputs, layers.Dense(1)(inputs) * 2.0)
    model.compile("adam", "mse")
    history = model.fit(X, X[:, :1], verbose=0)
    again = pickle.loads(pickle.dumps(history))
    assert again.history == history.history
    copied = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copied.predict(X, verbose=0), model.predict(X, verbose=0))
    first, second = (m.fit(X, X[:, :1], verbose=0).history for m in (model, copied))
    assert first == second
