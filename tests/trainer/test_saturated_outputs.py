"""Cross-entropies of saturated sigmoids and softmaxes have the gradient of the logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import Input, Model, Sequential, layers, losses, ops

ROWS = 8
X = np.ones((ROWS, 4), np.float32)
FIRST = np.zeros(ROWS, int)
ONE_HOT = np.eye(3, dtype=np.float32)[FIRST]
CASES: list[tuple[str, int, Any, Any]] = [
    ("sigmoid", 1, "binary_crossentropy", np.zeros((ROWS, 1))),
    ("sigmoid", 1, losses.binary_crossentropy, np.zeros(ROWS)),
    ("sigmoid", 1, "binary_focal_crossentropy", np.zeros((ROWS, 1))),
    ("sigmoid", 1, "crossentropy", np.zeros((ROWS, 1))),
    ("sigmoid", 1, losses.BinaryCrossentropy(label_smoothing=0.1), np.zeros((ROWS, 1))),
    ("softmax", 3, "categorical_crossentropy", ONE_HOT),
    ("softmax", 3, losses.CategoricalCrossentropy(label_smoothing=0.1), ONE_HOT),
    ("softmax", 3, "categorical_focal_crossentropy", ONE_HOT),
    ("softmax", 3, "sparse_categorical_crossentropy", FIRST),
    ("softmax", 3, losses.SparseCategoricalCrossentropy(ignore_class=2), FIRST),
    ("softmax", 2, "binary_crossentropy", ONE_HOT[:, :2]),
]


class Subclassed(Model):
    def __init__(self, units: int, activation: str, how: str) -> None:
        super().__init__()
        self.how = how
        self.dense = layers.Dense(units, None if how != "dense" else activation)
        self.last = layers.Activation(activation)
        self.function = getattr(ops, activation)

    def call(self, x: Any) -> Any:
        x = self.dense(x)
        return {"dense": lambda y: y, "layer": self.last, "function": self.function}[self.how](x)


def functional(units: int, activation: str) -> Model:
    inputs = Input((4,))
    outputs = layers.Dense(units, activation)(layers.Dropout(0.0)(inputs))
    return Model(inputs, outputs)


MODELS: dict[str, Callable[[int, str], Any]] = {
    "sequential": lambda units, name: Sequential([Input((4,)), layers.Dense(units, name)]),
    "activation": lambda units, name: Sequential(
        [Input((4,)), layers.Dense(units), layers.Activation(name)]
    ),
    "nested": lambda units, name: Sequential([Input((4,)), functional(units, name)]),
    "functional": functional,
    "subclassed, Dense": lambda units, name: Subclassed(units, name, "dense"),
    "subclassed, Activation": lambda units, name: Subclassed(units, name, "layer"),
    "subclassed, ops": lambda units, name: Subclassed(units, name, "function"),
}


def saturated(model: Any, units: int, size: float = 30.0) -> Any:
    """The model, sure of the last class."""
    model.build((None, 4))
    kernel = np.zeros((4, units), np.float32)
    kernel[:, -1] = size
    model.set_weights([kernel, np.zeros(units, np.float32)])
    return model


@pytest.mark.parametrize(
    ("kind", "case"),
    [("sequential", case) for case in CASES] + [(k, CASES[n]) for k in MODELS for n in (0, 8)],
)
def test_a_saturated_classifier_learns(kind: str, case: Any) -> None:
    activation, units, loss, y = case
    model = saturated(MODELS[kind](units, activation), units)
    model.compile(jkeras.optimizers.Adam(1.0), loss)
    losses_seen = model.fit(X, y, epochs=60, verbose=0).history["loss"]
    assert losses_seen[-1] < 0.1 * losses_seen[0]


@pytest.mark.parametrize(("activation", "units", "loss", "y"), CASES)
def test_the_value_is_that_of_the_probabilities(
    activation: str, units: int, loss: Any, y: Any
) -> None:
    """Saturated or not, in training and in evaluation."""
    for size in (0.3, 30.0):
        model = saturated(MODELS["sequential"](units, activation), units, size)
        model.compile("sgd", loss)
        expected = losses.get("bce" if loss == "crossentropy" else loss)(y, model.predict(X))
        shown = model.evaluate(X, y, verbose=0), model.train_on_batch(X, y)
        np.testing.assert_allclose(np.ravel(shown), [expected, expected], rtol=1e-6)


@pytest.mark.parametrize(("activation", "units", "loss", "y"), CASES)
def test_elsewhere_the_gradient_is_that_of_the_probabilities(
    activation: str, units: int, loss: Any, y: Any
) -> None:
    rng = np.random.default_rng(0)
    logits = jnp.asarray(rng.normal(size=(ROWS, units)), jnp.float32)
    loss, act = losses.get("bce" if loss == "crossentropy" else loss), getattr(ops, activation)
    weights = rng.uniform(size=ROWS)
    found = jax.grad(lambda z: loss(y, act(z), weights))(logits)
    expected = jax.grad(lambda z: loss(y, act(z) * 1, weights))(logits)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_ordinary_models_train_to_the_same_numbers() -> None:
    """A layer that multiplies by one hides where the probabilities come from."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(64, 4)).astype("float32"), rng.integers(0, 3, 64)
    found = []
    for hidden in (False, True):
        jkeras.utils.set_random_seed(0)
        inputs = Input((4,))
        outputs = layers.Dense(3, "softmax")(layers.Dense(8, "tanh")(inputs))
        model = Model(inputs, layers.Rescaling(1.0)(outputs) if hidden else outputs)
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(x, y, epochs=5, verbose=0, validation_split=0.25).history
        found.append([*history.values(), *model.get_weights()])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_an_output_that_is_used_twice_and_a_second_output() -> None:
    inputs = Input((4,))
    p = layers.Dense(1, "sigmoid", name="p")(inputs)
    model = Model(inputs, {"p": p, "second": layers.Dense(1, name="q", trainable=False)(p)})
    kernel = np.full((4, 1), 30, np.float32)
    model.set_weights([kernel, np.zeros(1), np.zeros((1, 1)), np.zeros(1)])
    model.compile("sgd", {"p": "binary_crossentropy", "second": "mse"})
    model.train_on_batch(X, {"p": np.zeros((ROWS, 1)), "second": np.zeros((ROWS, 1))})
    np.testing.assert_allclose(model.get_weights()[0], kernel - 0.01, rtol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(policy: str) -> None:
    layer = layers.Dense(1, "sigmoid", dtype=policy)
    model = saturated(Sequential([Input((4,)), layer]), 1, 4.0)
    model.compile("sgd", "binary_crossentropy")
    model.train_on_batch(X, np.zeros((ROWS, 1)))
    np.testing.assert_allclose(model.get_weights()[0], 4.0 - 0.01, rtol=1e-5)


def test_each_step_of_a_sequence_with_a_mask() -> None:
    inputs = Input((5, 4))
    steps = layers.TimeDistributed(layers.Dense(3, "softmax"))(layers.Masking()(inputs))
    model = Model(inputs, steps)
    kernel = np.zeros((4, 3), np.float32)
    kernel[:, -1] = 30
    model.set_weights([kernel, np.zeros(3)])
    model.compile("sgd", "sparse_categorical_crossentropy")
    x = np.ones((ROWS, 5, 4), np.float32)
    x[:, 3:] = 0
    model.train_on_batch(x, np.zeros((ROWS, 5), int))
    np.testing.assert_allclose(model.get_weights()[1], [0.01, 0, -0.01], rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("last", [layers.Flatten(), layers.Reshape((2, 3))])
def test_axes_in_front_of_the_classes_may_change(last: Any) -> None:
    shape = (1, 1) if isinstance(last, layers.Flatten) else (1, 2)
    model = Sequential([Input((*shape, 4)), layers.Dense(3, "softmax"), last])
    model.compile("sgd", "sparse_categorical_crossentropy")
    kernel = np.zeros((4, 3), np.float32)
    kernel[:, -1] = 30
    model.set_weights([kernel, np.zeros(3)])
    x = np.ones((ROWS, *shape, 4), np.float32)
    model.train_on_batch(x, np.zeros((ROWS, *model.output_shape[1:-1]), int))
    np.testing.assert_allclose(model.get_weights()[1], [0.01, 0, -0.01], rtol=1e-5, atol=1e-9)


def test_a_custom_step_and_a_loop_in_jax() -> None:
    class Own(Subclassed):
        def train_step(self, state: Any, data: Any) -> Any:
            trainable, others, slots, metrics = state
            x, y = data

            def loss_of(trainable: Any, others: Any) -> Any:
                y_pred, others = self.stateless_call(trainable, others, x, training=True)
                return self.compute_loss(x, y, y_pred), others

            (loss, others), grads = jax.value_and_grad(loss_of, has_aux=True)(trainable, others)
            trainable, slots = self.optimizer.stateless_apply(slots, grads, trainable)
            return {"loss": loss}, (trainable, others, slots, metrics)

    model = saturated(Own(1, "sigmoid", "dense"), 1)
    model.compile("sgd", "binary_crossentropy")
    model.train_on_batch(X, np.zeros((ROWS, 1)))
    np.testing.assert_allclose(model.get_weights()[0], 30 - 0.01, rtol=1e-6)

    weights = [weight.value for weight in model.trainable_variables]
    loss = losses.BinaryCrossentropy()
    grads = jax.jit(
        jax.grad(lambda w: loss(np.zeros((ROWS, 1)), model.stateless_call(w, [], X)[0]))
    )(weights)
    np.testing.assert_allclose(grads[0], np.ones((4, 1)), rtol=1e-6)


def test_a_loss_of_the_users_own_keeps_its_gradient() -> None:
    class Own(losses.BinaryCrossentropy):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return 2 * super().call(y_true, y_pred)

    for loss in (Own(), losses.BinaryCrossentropy(from_logits=True)):
        z = jnp.full((ROWS, 1), 30.0)
        grads = jax.grad(lambda z, loss=loss: loss(np.ones((ROWS, 1)), ops.sigmoid(z)))(z)
        np.testing.assert_array_equal(grads, jnp.zeros((ROWS, 1)))


def test_classes_that_infinite_logits_leave_out_make_no_nan() -> None:
    z = jnp.asarray([[0.0, 1.0, -jnp.inf]])
    for loss, y in (
        (losses.CategoricalCrossentropy(), [[1.0, 0.0, 0.0]]),
        (losses.CategoricalFocalCrossentropy(), [[1.0, 0.0, 0.0]]),
        (losses.SparseCategoricalCrossentropy(), [0]),
        (losses.BinaryFocalCrossentropy(), [[1.0, 0.0, 0.0]]),
    ):
        act = ops.sigmoid if isinstance(loss, losses.BinaryFocalCrossentropy) else ops.softmax
        grads = jax.grad(lambda z, loss=loss, act=act, y=y: loss(np.asarray(y), act(z)))(z)
        assert np.isfinite(grads).all(), loss
