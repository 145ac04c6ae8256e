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
