"""Functions of the user's in layers: those that mix examples see no filler rows."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers, ops
from jkeras.core.elementwise import leaves_examples_apart

X = np.arange(10, dtype=np.float32)[:, None] + 5


def centered(x: Any) -> Any:
    return x - jnp.mean(x, axis=0, keepdims=True)


@pytest.mark.parametrize(
    "function",
    [
        None,
        jkeras.activations.softmax,
        jax.nn.gelu,
        jnp.tanh,
        jkeras.layers.LeakyReLU(),
        lambda x: x / 255 - 1,
        lambda x: jax.nn.gelu(x, approximate=True),
        lambda x: jnp.where(x > 0, x, 0.1 * ops.exp(x)),
        functools.partial(jax.nn.leaky_relu, negative_slope=0.3),
    ],
)
def test_functions_of_single_numbers_leave_examples_apart(function: Any) -> None:
    assert leaves_examples_apart(function)


@pytest.mark.parametrize(
    "function",
    [
        centered,
        lambda x: x / jnp.max(x),
        lambda x: jnp.flip(x, 0),
        lambda x: jnp.cumsum(x, axis=0),
        lambda x: jnp.where(jnp.sum(x) > 0, x, -x),
        functools.partial(jax.nn.softmax, axis=0),
        lambda x: x + jnp.arange(2.0)[:, None],
        lambda x: x[:, 0],
        lambda x: x.missing,
        layers.Softmax(axis=0),
    ],
)
def test_others_may_mix_them(function: Any) -> None:
    assert not leaves_examples_apart(function)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.Lambda(centered),
        lambda: layers.Lambda(lambda x, by: x - by * ops.mean(x, 0, True), arguments={"by": 1.0}),
        lambda: layers.Activation(centered),
        lambda: layers.Dense(1, kernel_initializer="ones", activation=centered),
        lambda: layers.EinsumDense("ab,bc->ac", 1, kernel_initializer="ones", activation=centered),
    ],
)
def test_the_last_batch_is_taken_without_filler_rows(layer: Any) -> None:
    model = jkeras.Sequential([jkeras.Input((1,)), layer()])
    model.compile("sgd", "mse")
    means = np.repeat([X[:8].mean(), X[8:].mean()], [8, 2])[:, None]
    np.testing.assert_allclose(model.predict(X, batch_size=8, verbose=0), X - means, rtol=1e-5)
    loss = model.evaluate(X, 0 * X, batch_size=8, verbose=0)
    np.testing.assert_allclose(loss, np.mean((X - means) ** 2), rtol=1e-5)


def test_softmax_over_the_batch() -> None:
    model = jkeras.Sequential([jkeras.Input((1,)), layers.Softmax(axis=(0, 1))])
    found = model.predict(0 * X, batch_size=8, verbose=0)
    np.testing.assert_allclose(found[-2:], 0.5, rtol=1e-6)
