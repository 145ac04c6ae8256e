"""`add_weight(overwrite_with_gradient=True)`: Keras's numbers after steps of every kind."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jkeras
from jkeras.core import computed_weights

# Keras's own reading of its variables, by NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
Y = np.random.default_rng(1).normal(size=(20, 2)).astype("float32")
KERNEL = np.random.default_rng(2).normal(size=(3, 2)).astype("float32")
FIT: dict[str, Any] = {"epochs": 2, "batch_size": 8, "shuffle": False, "verbose": 0}


@pytest.fixture(autouse=True)
def lenient() -> Iterator[None]:
    """Keras mixes dtypes and ranks, as JAX allows when it is not told otherwise."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def _scaled(library: Any, base: str = "Layer", *args: Any, **kwargs: Any) -> Any:
    """A layer of a library with a weight of either kind, or with one beside those of `base`."""

    class Scaled(getattr(library.layers, base)):  # type: ignore[misc]
        def build(self, input_shape: Any) -> None:
            if base != "Layer":
                super().build(input_shape)
            else:
                self.matrix = self.add_weight((3, 2), name="matrix")
            self.scale = self.add_weight(
                (2,), "ones", name="scale", constraint="unit_norm", overwrite_with_gradient=True
            )

        def call(self, inputs: Any) -> Any:
            outputs = inputs @ self.matrix if base == "Layer" else super().call(inputs)
            return outputs * (1 + 0.1 * self.scale)

    return Scaled(*args, **kwargs)


def _model(library: Any, kind: str = "Model", base: str = "Layer", *args: Any) -> Any:
    class ByMethod(library.Model):  # type: ignore[misc]
        def train_step(self, state: Any, data: Any) -> Any:
            trainable, others, slots, metrics = state
            x, y = data[:2]

            def loss_fn(trainable: Any, others: Any) -> Any:
                y_pred, others = self.stateless_call(trainable, others, x, training=True)
                return jnp.mean((y - y_pred) ** 2), others

            grad_fn = jax.value_and_grad(loss_fn, has_aux=True)
            (loss, others), grads = grad_fn(trainable, others)
            trainable, slots = self.optimizer.stateless_apply(slots, grads, trainable)
            return {"loss": loss}, (trainable, others, slots, metrics)

    inputs = library.Input((3,))
    outputs = _scaled(library, base, *args)(inputs)
    model = (ByMethod if kind == "ByMethod" else library.Model)(inputs, outputs)
    model.layers[-1].set_weights([KERNEL, np.ones(2), *([np.zeros(2)] * (base == "Dense"))])
    return model


def _assert_same(ours: Any, theirs: Any) -> None:
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-6)


OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda optimizers: optimizers.SGD(0.1, momentum=0.9),
    "adamw": lambda optimizers: optimizers.AdamW(0.05, weight_decay=0.3, global_clipnorm=0.5),
    "averages": lambda optimizers: optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5),
    "scaled": lambda optimizers: optimizers.SGD(0.1, loss_scale_factor=4.0),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fit_is_that_of_keras(name: str) -> None:
    models = [_model(library) for library in (jkeras, keras)]
    for model, library in zip(models, (jkeras, keras), strict=True):
        model.compile(OPTIMIZERS[name](library.optimizers), "mse")
        model.fit(X, Y, **FIT)
    _assert_same(*models)
    assert np.linalg.norm(models[0].get_weights()[1]) != pytest.approx(1, abs=0.01)  # no constraint


def test_single_batches_and_steps_of_ones_own_are_those_of_keras() -> None:
    for kind in ("Model", "ByMethod"):
        models = [_model(library, kind) for library in (jkeras, keras)]
        for model in models:
            model.compile("adam", "mse")
            for start in (0, 8):
                model.train_on_batch(X[start : start + 8], Y[start : start + 8])
        _assert_same(*models)


def test_an_optimizer_in_a_loop_of_ones_own_does_as_that_of_keras() -> None:
    models = [_model(library) for library in (jkeras, keras)]
    grads = [np.full((3, 2), 0.5, "float32"), np.array([3.0, -4.0], "float32")]
    for model, library in zip(models, (jkeras, keras), strict=True):
        variables = model.trainable_variables
        assert [v.overwrite_with_gradient for v in variables] == [False, True]
        library.optimizers.Adam(0.1).apply([*map(jnp.asarray, grads)], variables)
        np.testing.assert_array_equal(model.get_weights()[1], grads[1])
    _assert_same(*models)
    models[0].compile("adam", "mse")
    models[0].optimizer.apply([grads[0], 2 * grads[1]], models[0].trainable_variables)
    np.testing.assert_array_equal(models[0].get_weights()[1], 2 * grads[1])


def test_averages_do_not_take_their_place() -> None:
    models = [_model(library) for library in (jkeras, keras)]
    grads = [jnp.full((3, 2), 0.5), jnp.array([3.0, -4.0])]
    for model, library in zip(models, (jkeras, keras), strict=True):
        optimizer = library.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
        for factor in (1, 2):
            optimizer.apply([factor * grad for grad in grads], model.trainable_variables)
        optimizer.finalize_variable_values(model.trainable_variables)
    _assert_same(*models)
    np.testing.assert_array_equal(models[0].get_weights()[1], 2 * grads[1])
    models[0].compile(jkeras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), "mse")
    for start in (0, 8):
        models[0].train_on_batch(X[start : start + 8], Y[start : start + 8])
    matrix, scale = models[0].get_weights()
    models[0].optimizer.finalize_variable_values()
    assert (models[0].get_weights()[0] != matrix).all()
    np.testing.assert_array_equal(models[0].get_weights()[1], scale)


def test_a_layer_of_the_library_keeps_its_own_rule_beside() -> None:
    models = [_model(library, "Model", "Dense", 2) for library in (jkeras, keras)]
    for model in models:
        model.compile("sgd", "mse")
        model.fit(X, Y, **FIT)
    _assert_same(*models)
    layer = _scaled(jkeras, "Dense", 2, dtype="float8_from_float32")
    model = jkeras.Sequential([jkeras.Input((3,)), layer])
    assert model.layers[0].computed_weights > {"scale", "kernel_scale"}
    model.compile("sgd", "mse")
    model.fit(X, Y, **FIT)
    history = layer.inputs_amax_history.numpy()
    assert history.max() == np.abs(X).max() and np.count_nonzero(history) == 6


def test_layers_inside_and_frozen_ones() -> None:
    class Outer(jkeras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner = _scaled(jkeras)
            self.own = self.add_weight((), "ones", name="own", overwrite_with_gradient=True)

        def call(self, x: Any) -> Any:
            return self.inner(x) + self.own

    model = Outer()
    model.build((None, 3))
    assert computed_weights.names(model.net) == {"own", "scaled/scale"}
    model.compile("sgd", "mse")
    model.fit(X, Y, **FIT)
    scale, own = model.inner.scale.numpy(), model.own.numpy()
    assert (scale != 1).all() and own != 1
    model.inner.trainable = False
    model.fit(X, Y, **FIT)
    np.testing.assert_array_equal(model.inner.scale.numpy(), scale)
    assert model.own.numpy() != own


def test_the_flag_is_a_bool_and_is_copied() -> None:
    with pytest.raises(TypeError) as caught:
        jkeras.Variable(1.0, name="w").overwrite_with_gradient = 1  # type: ignore[assignment]
    assert str(caught.value) == (
        "<Variable 'w' shape=(), dtype=float32>: `overwrite_with_gradient`: expected True or "
        "False, got 1 (int)."
    )
    variable = jkeras.Variable(1.0)
    assert not variable.overwrite_with_gradient
    variable.overwrite_with_gradient = True
    assert pickle.loads(pickle.dumps(variable)).overwrite_with_gradient
