"""Layers that a model's own step calls beside the model."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers, ops
from jkeras.core.variables import within
from jkeras.keras_classes.step_context import StepFrame

X = jnp.arange(6.0).reshape(2, 3)


class Outer(jkeras.Model):
    """Calls one of its layers, and has another beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = layers.Dense(2, use_bias=False)
        self.inner = jkeras.Sequential([layers.Dense(1, use_bias=False)])
        self.spare = layers.Dense(2, use_bias=False)

    def call(self, x: Any) -> Any:
        return self.inner(self.encoder(x))


@pytest.fixture(scope="module")
def model() -> Any:
    made = Outer()
    made.build((None, 3))
    made.spare.build((None, 3))
    return made


def test_gradients_flow_into_a_layer_and_a_model_that_a_step_calls(model: Any) -> None:
    def loss(params: Any) -> Any:
        frame = StepFrame(model, None)
        frame.params, frame.state = params, {}
        with within(frame):
            return jnp.sum(model.inner(model.encoder(X)))

    params = jax.tree.map(jnp.ones_like, model.params)
    value, grads = jax.value_and_grad(loss)(params)
    assert float(value) == 2 * float(X.sum())
    assert jax.tree.map(jnp.shape, grads) == jax.tree.map(jnp.shape, params)
    np.testing.assert_array_equal(grads["dense"]["kernel"][:, 0], X.sum(axis=0))


def test_a_layer_that_is_built_too_late_is_taken_as_it_is_with_a_warning(model: Any) -> None:
    frame = StepFrame(model, None)
    frame.params = {name: part for name, part in model.params.items() if name != "dense_1"}
    assert len(model.params) == len(frame.params) + 1  # within a fit it is not there yet
    with within(frame), pytest.warns(UserWarning) as caught:
        outputs = model.spare(X)
    np.testing.assert_allclose(outputs, X @ model.spare.get_weights()[0], rtol=1e-6)
    assert [str(warning.message) for warning in caught] == [
        "Dense: it was built within a fit of Outer 'outer', whose steps take its weights as they "
        "are and do not train them. Build it before the fit, or freeze it: layer.trainable = False."
    ]
    model.spare.trainable = False
    with within(frame):
        model.spare(X)


class Scale(layers.Layer):
    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(shape=(2,), initializer="ones", name="scale")

    def call(self, x: Any) -> Any:
        return x * self.scale


class Weighty(jkeras.Model):
    """Its loss is the sum of the squares of one weight, which it reads in `compute_loss`."""

    def __init__(self, read_fn: Any) -> None:
        super().__init__()
        self.read_fn = read_fn
        self.encoder = layers.Dense(2, kernel_initializer="ones")
        self.scale = Scale()
        self.inner = jkeras.Sequential([layers.Dense(1, kernel_initializer="ones")])
        self.factor = self.add_weight(shape=(), initializer="ones", name="factor")

    def call(self, x: Any) -> Any:
        return self.inner(self.scale(self.encoder(x))) * self.factor

    def compute_loss(self, x: Any, y: Any, y_pred: Any, **kwargs: Any) -> Any:
        return ops.sum(self.read_fn(self) ** 2)


READ = {
    "kernel of a layer": lambda model: model.encoder.kernel,
    "operators": lambda model: -model.encoder.kernel / 1.0,
    "variable of a layer": lambda model: model.scale.scale,
    "kernel in a model inside": lambda model: model.inner.layers[0].kernel,
    "variable of the model": lambda model: model.factor,
    "list of the model": lambda model: model.trainable_weights[1],
    "list of a model inside": lambda model: model.inner.trainable_variables[0],
    "as an array": lambda model: ops.convert_to_tensor(model.encoder.kernel),
}


@pytest.mark.parametrize("way", READ)
def test_weights_that_a_step_reads_are_those_of_the_step_and_get_gradients(way: str) -> None:
    read_fn = READ[way]
    model = Weighty(read_fn)
    model.compile(jkeras.optimizers.SGD(0.25), None)
    x = np.ones((6, 3), "float32")
    losses = model.fit(x, x, batch_size=2, verbose=0, shuffle=False).history["loss"]
    size = np.size(np.asarray(read_fn(model)))
    np.testing.assert_allclose(np.abs(np.asarray(read_fn(model))), 1 / 8)
    np.testing.assert_allclose(losses, [size * (1 + 1 / 4 + 1 / 16) / 3], rtol=1e-6)
    np.testing.assert_allclose(model.evaluate(x, x, verbose=0), size / 64, rtol=1e-6)
