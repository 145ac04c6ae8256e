"""`compile(run_eagerly=True)` lets a layer's Python look at values, also where it stands first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import layers, ops

X = np.random.RandomState(0).randn(20, 4).astype("float32")
Y = X[:, :1]


class Turned(layers.Layer):
    """Looks at its inputs."""

    def call(self, x: Any) -> Any:
        return x if float(ops.sum(x)) > 0 else -x


class Written(jkeras.Model):
    """Looks at what depends on weights, under a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = layers.Dense(4), layers.Dense(1)

    def call(self, x: Any) -> Any:
        x = self.first(x)
        return self.last(x if ops.sum(x) > 0 else -x)


def functional() -> jkeras.Model:
    inputs = jkeras.Input((4,))
    return jkeras.Model(inputs, layers.Dense(1)(Turned()(inputs)))


MODELS: dict[str, Any] = {
    "in a row": lambda: jkeras.Sequential([Turned(), layers.Dense(1)]),
    "behind an input": lambda: jkeras.Sequential([jkeras.Input((4,)), Turned(), layers.Dense(1)]),
    "in a graph": functional,
    "in a model with call": Written,
}


@pytest.mark.parametrize("name", MODELS)
def test_python_looks_at_values(name: str) -> None:
    model = MODELS[name]()
    model.compile("sgd", "mse", run_eagerly=True)
    losses = model.fit(X, Y, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    outputs = model.predict(X, verbose=0)
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0), ((outputs - Y) ** 2).mean(), 1e-5)
    np.testing.assert_allclose(model(X), outputs, rtol=1e-5)
    compiled = MODELS[name]()
    compiled.compile("sgd", "mse")
    with pytest.raises(TypeError, match=r"it looks at values.*compile\(run_eagerly=True\)"):
        compiled.fit(X, Y, verbose=0)


class Total(jkeras.metrics.Metric):
    """Sums absolute errors in NumPy."""

    def __init__(self) -> None:
        super().__init__(name="total")
        self.total = self.add_weight(name="total", initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.total.assign_add(float(np.abs(np.asarray(y_true) - np.asarray(y_pred)).sum()))

    def result(self) -> Any:
        return self.total


def test_metrics_in_numpy() -> None:
    """Keras 3.15.1 takes them in `evaluate` and `train_on_batch`, and not in `fit`."""

    def error(y_true: Any, y_pred: Any) -> Any:
        return np.abs(np.asarray(y_true) - np.asarray(y_pred)).mean(-1)

    def one_number(y_true: Any, y_pred: Any) -> Any:
        return np.mean(np.abs(np.asarray(y_true) - np.asarray(y_pred)))

    x, y = np.linspace(0, 1, 20, dtype="float32").reshape(5, 4), np.ones((5, 1), "float32")
    model = jkeras.Sequential([jkeras.Input((4,)), jkeras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae", error, one_number, Total()], run_eagerly=True)
    history = model.fit(x, y, batch_size=2, epochs=2, verbose=0, shuffle=False).history
    np.testing.assert_allclose(history["error"], history["mae"], rtol=1e-5)
    np.testing.assert_allclose(history["one_number"], history["mae"], rtol=1e-5)
    np.testing.assert_allclose(history["total"], np.multiply(5, history["mae"]), rtol=1e-5)
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    np.testing.assert_allclose(logs["error"], np.abs(model.predict(x, verbose=0) - y).mean(), 1e-5)
    np.testing.assert_allclose(logs["total"], 5 * logs["mae"], rtol=1e-5)

    def numpy_loss(y_true: Any, y_pred: Any) -> Any:
        return np.mean(np.square(np.asarray(y_true) - np.asarray(y_pred)), -1)

    model.compile("sgd", numpy_loss, run_eagerly=True)
    with pytest.raises(TypeError, match="numpy_loss: it looks at values"):
        model.fit(x, y, verbose=0)  # it has no gradient
    model.compile("sgd", "mse", metrics=[error])
    with pytest.raises(TypeError, match="error: it looks at values"):
        model.fit(x, y, verbose=0)
