"""Subclassing: layers and models as classes, as in Keras.

    python experiments/guides/subclassing.py --tiny

The library turns such a class into two pure functions. The frozen dataclass at the end is the other
way to write a layer, in ten lines.
"""

from __future__ import annotations

import argparse
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jkeras
from jkeras import layers, ops

parser = argparse.ArgumentParser(description="Layers and models as classes.")
parser.add_argument("--tiny", action="store_true", help="little data")
parser.add_argument("--output", help="not used: nothing is written")
rows = 64 if parser.parse_args().tiny else 4000

random = np.random.default_rng(0)
x = random.normal(size=(rows, 6)).astype("float32")
y = np.abs(x).sum(1, keepdims=True)

# -- a layer: `build` makes the weights, `call` uses them


class Linear(layers.Layer):
    """A matrix and a bias, with a penalty on the outputs."""

    def __init__(self, units: int = 8, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: Any) -> None:
        """Makes the weights, when the size of the input is known."""
        self.w = self.add_weight(shape=(input_shape[-1], self.units), name="w")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")

    def call(self, inputs: Any) -> Any:
        """The outputs."""
        outputs = ops.matmul(inputs, self.w) + self.b
        self.add_loss(1e-3 * ops.mean(ops.square(outputs)))
        return outputs


# -- a model: layers as attributes, and the flag `training`


class Network(jkeras.Model):
    """Two layers, with noise between them in training."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = Linear(16), Linear(1)
        self.dropout = layers.Dropout(0.1)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The outputs."""
        hidden = self.dropout(ops.relu(self.first(inputs)), training=training)
        return self.last(hidden)


model = Network()
model.compile("adam", "mse")
model.fit(x, y, epochs=3, verbose=2)
model.summary()

# -- as pure functions: `jax.grad` of a function of the weights


def energy(params: Any) -> Any:
    """The mean squared output, as a function of the weights."""
    outputs, _ = model.net.apply(params, model.state, x[:8])
    return jnp.mean(jnp.square(outputs))


grads = jax.grad(energy)(model.params)
print("gradients:", jax.tree.map(jnp.shape, grads))

# -- the other way: a frozen dataclass with `init` and `apply`


class Scale(layers.Layer):
    """A factor for each feature; the annotated fields are the arguments."""

    start: float = 1.0

    def init(self, key: Any, inputs: Any) -> Any:
        """Initial weights, and an empty state."""
        return {"gain": jnp.full(inputs.shape[-1:], self.start)}, {}

    def apply(
        self, params: Any, state: Any, inputs: Any, *, key: Any = None, training: bool = False
    ) -> Any:
        """The outputs, and the state unchanged."""
        return inputs * params["gain"], state


both = jkeras.Sequential([Scale(0.5), Linear(1)])
both.compile("adam", "mse")
both.fit(x, y, epochs=1, verbose=2)
print("one equals another:", Scale(0.5) == Scale(0.5), "- with the same arguments")
