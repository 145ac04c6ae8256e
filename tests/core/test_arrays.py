"""Byte orders and widths that JAX does not take, everywhere arrays enter."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

import jkeras as K
from jkeras import layers as L
from jkeras.core.arrays import native

X = np.random.default_rng(0).random((8, 4)).astype(np.float32)
Y = np.arange(8) % 3


def model() -> Any:
    net = K.Sequential([K.Input((4,)), L.Dense(3, kernel_initializer="ones", activation="softmax")])
    net.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    net.fit(X, Y, shuffle=False, verbose=0)
    return net


def result(metric: Any, *arrays: Any) -> Any:
    metric.update_state(*arrays)
    return metric.result()


def assigned(x: Any) -> Any:
    net = model()
    net.set_weights([x[:4, :3], x[0, :3]])
    net.weights[0].assign(x[:4, :3])
    return net.get_weights()


ENTRANCES: dict[str, Callable[[Any], Any]] = {
    "fit": lambda x: (
        model().fit(x, Y, sample_weight=x[:, 0], shuffle=False, verbose=0).history["loss"]
    ),
    "train_on_batch": lambda x: model().train_on_batch(x, Y),
    "predict": lambda x: model().predict(x, verbose=0),
    "predict_on_batch": lambda x: model().predict_on_batch(x),
    "generator": lambda x: model().evaluate(iter([(x, Y)]), verbose=0),
    "call": lambda x: model()(x),
    "layer": lambda x: L.Dense(2, kernel_initializer="ones")(x),
    "apply": lambda x: L.ReLU().apply({}, {}, x)[0],
    "activation": lambda x: K.activations.relu(x),
    "ops": lambda x: K.ops.add(x, 1.0),
    "lists_of_ops": lambda x: K.ops.concatenate([x, x]),
    "cast": lambda x: K.ops.cast(x, "float32"),
    "weights": assigned,
    "metric": lambda x: result(K.metrics.MeanAbsoluteError(), x, x[::-1]),
    "mean": lambda x: result(K.metrics.Mean(), x),
    "loss": lambda x: K.losses.MeanSquaredError()(x, x[::-1]),
    "variable": lambda x: K.Variable(x).value,
}


@pytest.mark.parametrize("name", ENTRANCES)
def test_big_endian_arrays_are_taken_by_their_values(name: str) -> None:
    enter = ENTRANCES[name]
    got, expected = (jax.tree.leaves(enter(x)) for x in (X.astype(">f4"), X))
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_native_keeps_values_and_other_objects() -> None:
    swapped = np.arange(3, dtype=">i8")
    assert native(swapped).dtype == np.int64 and native(swapped).tolist() == [0, 1, 2]
    assert native(X) is X and native("x") == "x"


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="long doubles have 64 bits here")
@pytest.mark.parametrize(
    ("enter", "who"),
    [
        (lambda x: model().fit(x, Y, verbose=0), "fit: `x`: "),
        (lambda x: model()(x), "Sequential 'sequential': "),
        (lambda x: K.ops.add(x, 1.0), "ops.add: `x1`: "),
        (lambda x: L.ReLU().apply({}, {}, x), ""),
    ],
)
def test_long_doubles_are_refused(enter: Callable[[Any], Any], who: str) -> None:
    wide = X.astype(np.longdouble)
    with pytest.raises(TypeError) as caught:
        enter(wide)
    assert str(caught.value) == (
        f"{who}expected numbers of at most 64 bits, got an array of shape (8, 4) and dtype "
        f"{wide.dtype}. Convert them: x.astype('float64')."
    )
