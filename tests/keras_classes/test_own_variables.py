"""Variables, arrays and seed generators that a class makes itself, instead of by `add_weight`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import Input, Model, Sequential, Variable, initializers, layers, ops, random

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(8, 3)).astype("float32"), RNG.normal(size=(8, 2)).astype("float32")
START = np.asarray(initializers.GlorotUniform(seed=1)((3, 2)))


class InInit(layers.Layer):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.w = Variable(initializers.GlorotUniform(seed=1)((3, 2)), name="w")
        self.count = Variable(0, trainable=False, dtype="int32", name="count")

    def call(self, x: Any) -> Any:
        self.count.assign_add(1)
        return ops.matmul(x, self.w)


class InBuild(layers.Layer):
    def build(self, input_shape: Any) -> None:
        self.w = Variable(initializers.GlorotUniform(seed=1)((input_shape[-1], 2)), name="w")
        self.held = [Variable(ops.zeros((2,)), name="b"), Variable(0.0, trainable=False, name="c")]
        self.count = Variable(0, trainable=False, dtype="int32", name="count")
        self.table = ops.sqrt(ops.arange(2, dtype="float32"))
        assert float(self.table[1]) == 1.0  # arrays in `build` have values

    def call(self, x: Any) -> Any:
        self.count.assign_add(1)
        return ops.matmul(x, self.w) + self.held[0] + self.held[1] + 0 * self.table


class Scaled(Model):
    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner
        self.scale = Variable(2.0, name="scale")

    def call(self, x: Any) -> Any:
        return self.inner(x) * self.scale


MODELS: dict[str, Callable[[Any], Any]] = {
    "sequential": lambda layer: Sequential([Input((3,)), layer]),
    "functional": lambda layer: (lambda i: Model(i, layer(i)))(Input((3,))),
    "subclassed": Scaled,
}


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("layer_class", [InInit, InBuild])
def test_they_are_trained_saved_and_loaded(layer_class: Any, kind: str, tmp_path: Path) -> None:
    layer = layer_class()
    model = MODELS[kind](layer)
    model.compile("sgd", "mse")
    model(X[:1])
    scale = 2 if kind == "subclassed" else 1
    np.testing.assert_allclose(model(X), scale * X @ START, rtol=1e-5, atol=1e-6)
    calls = int(layer.count)
    losses = model.fit(X, Y, epochs=3, verbose=0, shuffle=False).history["loss"]
    assert losses[-1] < losses[0]
    assert int(layer.count) == calls + 3
    assert any(weight is layer.w for weight in model.trainable_variables)
    gradient = scale * 2 * X.T @ (scale * X @ START - Y) / Y.size
    first = MODELS[kind](layer_class())
    first.compile("sgd", "mse")
    first.train_on_batch(X, Y)
    np.testing.assert_allclose(
        first.layers[-1].w.numpy(), START - 0.01 * gradient, rtol=1e-5, atol=1e-6
    )

    model.save_weights(tmp_path / "own.weights.h5")
    again = MODELS[kind](layer_class())
    again(X[:1])
    again.load_weights(tmp_path / "own.weights.h5")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_values_drawn_in_build_follow_the_seed_and_stay() -> None:
    class Drawn(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.w = Variable(initializers.GlorotUniform()((input_shape[-1], 2)), name="w")
            self.table = random.normal((2,))

        def call(self, x: Any) -> Any:
            return ops.matmul(x, self.w) + self.table

    found = []
    for _ in range(2):
        jkeras.utils.set_random_seed(3)
        layer = Drawn()
        found.append(np.asarray(layer(X)))
        np.testing.assert_array_equal(layer(X), found[-1])
        product = X @ layer.w.numpy()  # by NumPy, which rounds otherwise on some processors
        np.testing.assert_allclose(product + np.asarray(layer.table), layer(X), rtol=1e-5)
        assert isinstance(layer.table, jax.Array)
    np.testing.assert_array_equal(*found)


def test_a_loop_in_jax_over_variables_made_in_build() -> None:
    model = Scaled(InBuild())
    model(X)

    @jax.jit
    def step(trained: Any, others: Any) -> Any:
        def loss_of(trained: Any) -> Any:
            y_pred, new = model.stateless_call(trained, others, X)
            return ops.mean((y_pred - Y) ** 2), new

        (loss, new), grads = jax.value_and_grad(loss_of, has_aux=True)(trained)
        return loss, [w - 0.01 * g for w, g in zip(trained, grads, strict=True)], new

    trained = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]
    losses = []
    for _ in range(3):
        loss, trained, others = step(trained, others)
        losses.append(float(loss))
    assert losses[2] < losses[1] < losses[0]
    for variable, value in zip(model.trainable_variables, trained, strict=True):
        variable.assign(value)
    np.testing.assert_array_equal(model.inner.w.numpy(), trained[1])


def test_a_variable_made_in_call_is_an_error() -> None:
    class InCall(layers.Layer):
        def call(self, x: Any) -> Any:
            self.w = Variable(np.ones((3, 2)))
            return ops.matmul(x, self.w)

    for use in (lambda: InCall()(X), lambda: Sequential([Input((3,)), InCall()])):
        with pytest.raises(ValueError, match="expected to be made in `__init__` or `build` of InC"):
            use()


class Noisy(layers.Layer):
    def __init__(self, in_build: bool = False) -> None:
        super().__init__()
        if not in_build:
            self.noise = random.SeedGenerator(7)

    def build(self, input_shape: Any) -> None:
        if not hasattr(self, "noise"):
            self.noise = random.SeedGenerator(7)

    def call(self, x: Any, training: bool = False) -> Any:
        return x + random.normal(ops.shape(x), seed=self.noise) if training else x


# Keras 3.15.1 on JAX: two numbers in each of three calls of such a layer.
OF_SEED_7 = [[-0.4380, -0.5895], [1.1158, -1.9495], [-0.1046, 0.1345]]


@pytest.mark.parametrize("in_build", [False, True])
def test_a_generator_with_a_seed_gives_the_numbers_of_keras_in_calls_on_arrays(
    in_build: bool,
) -> None:
    zeros = np.zeros((1, 2), np.float32)
    layer = Noisy(in_build)
    found = [np.asarray(layer(zeros, training=True))[0] for _ in OF_SEED_7]
    np.testing.assert_allclose(found, OF_SEED_7, atol=6e-5)
    assert layer.noise.state.tolist() == [7, 3]
    model = Sequential([Noisy(in_build)])
    model.build((None, 2))
    found = [np.asarray(model(zeros, training=True))[0] for _ in OF_SEED_7]
    np.testing.assert_allclose(found, OF_SEED_7, atol=6e-5)
    key = jax.random.key(1)
    first, second = (layer(zeros, training=True, key=key) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    losses = Sequential([Input((2,)), Noisy(in_build), layers.Dense(1)])
    losses.compile("sgd", "mse")
    history = losses.fit(zeros, np.zeros((1, 1)), epochs=3, verbose=0).history["loss"]
    assert len(set(history)) == 3


def test_a_variable_that_call_returns_is_what_a_call_on_arrays_gives() -> None:
    """As in Keras, whose guide prints `layer(x).numpy()`; inside a model it is an array."""

    class Sum(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.total = self.add_weight(initializer="zeros", shape=(3,), trainable=False)

        def call(self, inputs: Any) -> Any:
            self.total.assign_add(ops.sum(inputs, axis=0))
            return {"total": self.total, "twice": 2 * self.total}

    layer = Sum()
    found = layer(X)
    assert found["total"] is layer.total
    assert isinstance(found["twice"], jax.Array)
    np.testing.assert_allclose(found["total"].numpy(), X.sum(0), rtol=1e-5)
    np.testing.assert_allclose(jax.jit(layer)(X)["total"], 2 * X.sum(0), rtol=1e-5)
    model = Sequential([Input((3,)), layer])
    np.testing.assert_allclose(model(X)["total"], 2 * X.sum(0), rtol=1e-5)
