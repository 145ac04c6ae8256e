"""Metrics that a layer, a model's `call` or a step updates."""

from __future__ import annotations

import copy
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers, metrics, ops

X = np.random.RandomState(0).randn(20, 4).astype("float32")
Y = (X[:, :1] > 0).astype("float32")
BATCHES = [X[:8], X[8:16], X[16:]]
SEEN, TOTAL = np.mean([batch.mean() for batch in BATCHES]), X.sum()


class Seen(layers.Layer):
    """A metric made in `__init__`, and one made in `build`, in a list."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seen = metrics.Mean(name="seen")

    def build(self, input_shape: Any) -> None:
        self.others = [metrics.Sum(name="total")]

    def call(self, x: Any) -> Any:
        self.seen.update_state(ops.mean(x))
        self.others[0].update_state(ops.sum(x))
        return x


class Outer(layers.Layer):
    """The layer in another one."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Seen()

    def call(self, x: Any) -> Any:
        return self.inner(x)


class Written(jkeras.Model):
    """A metric of the model, which is updated by what its layers give."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = Seen(), layers.Dense(1)
        self.ones = metrics.Sum(name="ones")

    def call(self, x: Any) -> Any:
        y = self.last(self.first(x))
        self.ones.update_state(ops.ones_like(y))
        return y


class WithLoss(Written):
    """Trained by methods of its own."""

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None
    ) -> Any:
        return ops.mean((y - y_pred) ** 2)


def functional() -> jkeras.Model:
    inputs = jkeras.Input((4,))
    return jkeras.Model(inputs, layers.Dense(1)(Outer()(inputs)))


MODELS: dict[str, Any] = {
    "in a row": lambda: jkeras.Sequential([jkeras.Input((4,)), Seen(), layers.Dense(1)]),
    "in a row in a row": lambda: jkeras.Sequential([jkeras.Sequential([Seen()]), layers.Dense(1)]),
    "in a graph, in a layer": functional,
    "in a model with call": Written,
    "in a model with its own loss": WithLoss,
}


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_sums_start_anew_and_are_logged(name: str, eager: bool) -> None:
    model = MODELS[name]()
    model.compile("sgd", "mse", metrics=["mae"], run_eagerly=eager)
    weights = 2
    options: dict[str, Any] = {"batch_size": 8, "shuffle": False, "verbose": 0}
    logs = model.fit(X, Y, epochs=2, validation_data=(2 * X[:8], Y[:8]), **options).history
    np.testing.assert_allclose(logs["seen"], [SEEN, SEEN], rtol=1e-5)
    np.testing.assert_allclose(logs["total"], [TOTAL, TOTAL], rtol=1e-5)
    np.testing.assert_allclose(logs["val_seen"], [2 * X[:8].mean()] * 2, rtol=1e-5)
    found = model.evaluate(X, Y, batch_size=8, verbose=0, return_dict=True)
    np.testing.assert_allclose(found["total"], TOTAL, rtol=1e-5)
    if isinstance(model, Written):
        assert logs["ones"] == [20.0, 20.0]
    assert model.predict(X, verbose=0).shape == (20, 1)
    assert len(model.get_weights()) == weights
    names = [metric.name for metric in model.metrics]
    assert names[0] == "loss" and {"seen", "total"} <= set(names)


def test_a_trained_model_is_copied_and_trained_further() -> None:
    model = MODELS["in a row"]()
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    again = copy.deepcopy(model)
    for made in (model, again):
        logs = made.fit(X, Y, batch_size=8, shuffle=False, verbose=0).history
        np.testing.assert_allclose(logs["total"], [TOTAL], rtol=1e-5)
        listed = made.evaluate(X, Y, batch_size=8, verbose=0)
        np.testing.assert_allclose(listed[1:], [SEEN, TOTAL], rtol=1e-5)


def test_a_call_on_arrays_updates_the_object() -> None:
    layer = Seen()
    for _ in range(2):
        layer(X)
    np.testing.assert_allclose(layer.others[0].result(), 2 * TOTAL, rtol=1e-5)
    layer.others[0].reset_state()
    layer(X)
    np.testing.assert_allclose(layer.others[0].result(), TOTAL, rtol=1e-5)
    jax.jit(lambda x: layer(x, key=jax.random.key(0)))(X)  # a trace leaves nothing behind
    np.testing.assert_allclose(layer.others[0].result(), TOTAL, rtol=1e-5)


class Stepping(jkeras.Model):
    """`update_state` in the steps themselves, as for other backends."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(1)
        self.tracker = metrics.Mean(name="tracked")

    def call(self, x: Any) -> Any:
        return self.dense(x)

    def train_step(self, state: Any, data: Any) -> Any:
        first, others, slots, own = state
        x, y = data

        def loss_fn(first: Any) -> Any:
            y_pred, _ = self.stateless_call(first, others, x, training=True)
            return ops.mean((y - y_pred) ** 2)

        loss, grads = jax.value_and_grad(loss_fn)(first)
        first, slots = self.optimizer.stateless_apply(slots, grads, first)
        self.tracker.update_state(loss)
        return {"tracked": self.tracker.result(), "now": loss}, (first, others, slots, own)

    def test_step(self, state: Any, data: Any) -> Any:
        self.tracker.update_state(ops.sum(data[0]))
        return {"tracked": self.tracker.result()}, state


def test_steps_update_metrics() -> None:
    model = Stepping()
    model.compile("sgd")
    logs = model.fit(X, Y, epochs=2, batch_size=8, shuffle=False, verbose=0).history
    assert logs["tracked"][1] < logs["tracked"][0]
    one = model.fit(X, Y, epochs=1, batch_size=20, verbose=0).history
    assert one["tracked"] == one["now"]
    found = model.evaluate(X, Y, batch_size=8, verbose=0, return_dict=True)
    np.testing.assert_allclose(found["tracked"], TOTAL / 3, rtol=1e-5)
