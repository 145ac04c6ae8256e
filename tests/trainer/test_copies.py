"""Models that are copied or pickled after training: the same numbers, and a life of their own."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import layers

X = np.linspace(-1, 1, 32, dtype="float32").reshape(8, 4)
Y = X[:, :1]


def sequential() -> Any:
    return jkeras.Sequential([jkeras.Input((4,)), layers.Dense(3), layers.Dense(1)], seed=0)


def graph() -> Any:
    x = jkeras.Input((4,))
    return jkeras.Model(x, layers.Dense(1)(layers.BatchNormalization()(x)), seed=0)


COPIES: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
}


@pytest.mark.parametrize("make", [sequential, graph], ids=["sequential", "graph"])
@pytest.mark.parametrize("name", COPIES)
def test_a_copy_of_a_trained_model_goes_on_by_itself(make: Any, name: str) -> None:
    model = make()
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(X, Y, epochs=2, verbose=0)
    other = COPIES[name](model)
    before = model.get_weights()
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))
    history = other.fit(X, Y, epochs=2, verbose=0).history
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert (int(model.optimizer.iterations), int(other.optimizer.iterations)) == (2, 4)
    assert model.fit(X, Y, epochs=2, verbose=0).history == history
    assert other.name == model.name and other.get_layer(index=0) is not model.get_layer(index=0)


def test_one_batch_is_no_iterable() -> None:
    model = sequential()
    model.compile("sgd", "mse")
    with pytest.raises(TypeError) as caught:
        model.train_on_batch(iter([(X, Y)]))
    assert str(caught.value).startswith(
        "train_on_batch: `x`: expected the arrays of one batch, got <list_iterator"
    )


def test_a_stateful_network_is_built_for_all_examples_of_the_batch() -> None:
    model = jkeras.Sequential([layers.LSTM(2, stateful=True), layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    x = np.ones((40, 3, 2), "float32")
    assert np.isfinite(model.train_on_batch(x, x[:, 0, :1]))


@pytest.mark.parametrize("kind", ["row", "input", "class", "both ways"])
def test_the_first_call_of_a_stateful_network_fixes_its_batch(kind: str) -> None:
    class Own(jkeras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = layers.GRU(2, stateful=True)

        def call(self, x: Any) -> Any:
            return self.rnn(x)

    made = {
        "row": lambda: jkeras.Sequential([layers.LSTM(2, stateful=True)]),
        "input": lambda: jkeras.Sequential([layers.Input((5, 2)), layers.GRU(2, stateful=True)]),
        "class": Own,
        "both ways": lambda: jkeras.Sequential(
            [layers.Bidirectional(layers.LSTM(1, stateful=True))]
        ),
    }
    model = made[kind]()
    x = np.ones((3, 5, 2), "float32")
    first, second = np.asarray(model(x)), np.asarray(model(x))
    assert first.shape == (3, 2)
    assert not np.allclose(first, second)
    assert model.predict(x, verbose=0).shape == (3, 2)
    model.compile("sgd", "mse")
    model.fit(np.ones((6, 5, 2)), np.ones((6, 2)), batch_size=3, verbose=0)
    with pytest.raises(ValueError, match=r"expected .*\b3\b"):
        model(x[:2])
