"""The same models as flax.linen modules, in a loop over one jitted step with optax."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import common

start = time.perf_counter()  # the imports below are what is timed, so they stand below
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402
from flax import linen as nn  # noqa: E402

imports = time.perf_counter() - start
Array = jax.Array


class Residual(nn.Module):
    """The sum of two ways from the same inputs, then a rectifier."""

    filters: int
    strides: int

    @nn.compact
    def __call__(self, x: Array, training: bool) -> Array:
        main = nn.relu(conv_norm(x, self.filters, 3, self.strides, training))
        main = conv_norm(main, self.filters, 3, 1, training)
        short = x if self.strides == 1 else conv_norm(x, self.filters, 1, self.strides, training)
        return nn.relu(main + short)


class Net(nn.Module):
    """A body from `BODIES`, then the classes."""

    model: str

    @nn.compact
    def __call__(self, x: Array, training: bool) -> Array:
        return nn.Dense(10)(BODIES[self.model](x, training))


def conv_norm(x: Array, filters: int, size: int, strides: int, training: bool) -> Array:
    """A convolution without bias and its normalization, with Keras's numbers."""
    x = nn.Conv(filters, (size, size), strides, use_bias=False)(x)
    return nn.BatchNorm(not training, momentum=0.99, epsilon=1e-3)(x)


def mlp(x: Array, training: bool) -> Array:
    """784-128."""
    return nn.relu(nn.Dense(128)(x.reshape(len(x), -1)))


def cnn(x: Array, training: bool) -> Array:
    """Two rounds of convolution and pooling, then dropout."""
    for filters in (32, 64):
        x = nn.relu(nn.Conv(filters, (3, 3), padding="VALID")(x))
        x = nn.max_pool(x, (2, 2), (2, 2))
    return nn.Dropout(0.5, deterministic=not training)(x.reshape(len(x), -1))


def lstm(x: Array, training: bool) -> Array:
    """The rows from top to bottom."""
    return jnp.asarray(nn.RNN(nn.OptimizedLSTMCell(128))(x))[:, -1]


def gru(x: Array, training: bool) -> Array:
    """The rows from top to bottom."""
    return jnp.asarray(nn.RNN(nn.GRUCell(128))(x))[:, -1]


def resnet(x: Array, training: bool) -> Array:
    """A stem and three residual blocks."""
    x = nn.relu(conv_norm(x, 16, 3, 1, training))
    for filters, strides in ((16, 1), (32, 2), (64, 2)):
        x = Residual(filters, strides)(x, training)
    return x.mean((1, 2))


def transformer(x: Array, training: bool) -> Array:
    """Each row is a token; the flattened end tells them apart."""
    x = nn.Dense(64)(x)
    for _ in range(2):
        x = x + nn.MultiHeadDotProductAttention(4)(nn.LayerNorm(1e-3)(x))
        x = x + nn.Dense(64)(nn.relu(nn.Dense(128)(nn.LayerNorm(1e-3)(x))))
    return nn.LayerNorm(1e-3)(x).reshape(len(x), -1)


BODIES: dict[str, Callable[[Array, bool], Array]] = {
    "mlp": mlp,
    "cnn": cnn,
    "lstm": lstm,
    "gru": gru,
    "resnet": resnet,
    "transformer": transformer,
}


class LinenLoop(common.Loop):
    """One jitted call a step, batches from the host."""

    def __init__(self, args: argparse.Namespace, data: common.Data) -> None:
        self.data, self.size, self.net = data, args.batch_size, Net(args.model)
        self.optimizer = optax.sgd(0.01) if args.optimizer == "sgd" else optax.adam(1e-3)
        keys = jax.random.split(jax.random.key(0))
        state = dict(jax.jit(self.net.init, static_argnums=2)(keys[0], data.x[:1], False))
        self.weights = sum(leaf.size for leaf in jax.tree.leaves(state))
        params = state.pop("params")
        self.carry: Any = params, state, self.optimizer.init(params), keys[1]
        self.device = jax.devices()[0].device_kind
        self.rng = np.random.default_rng(0)
        self.one_step = jax.jit(self.step, donate_argnums=0)
        self.count = jax.jit(self.correct)

    def step(self, carry: Any, x: Any, y: Any) -> Any:
        """One update, with the loss and the accuracy that a user would watch."""
        params, state, moments, key = carry
        key, own = jax.random.split(key)

        def loss_fn(params: Any) -> Any:
            variables, rngs = {"params": params, **state}, {"dropout": own}
            scores, new = self.net.apply(variables, x, True, rngs=rngs, mutable=list(state))
            losses = optax.softmax_cross_entropy_with_integer_labels(scores, y)
            return losses.mean(), (scores, new)

        (loss, (scores, state)), grads = jax.value_and_grad(loss_fn, has_aux=True)(params)
        updates, moments = self.optimizer.update(grads, moments, params)
        accuracy = (scores.argmax(-1) == y).mean()
        return (optax.apply_updates(params, updates), state, moments, key), (loss, accuracy)

    def correct(self, params: Any, state: Any, x: Any, y: Any) -> Array:
        """The number of examples that are classified correctly."""
        scores: Any = self.net.apply({"params": params, **state}, x, False)
        return jnp.sum(scores.argmax(-1) == y)

    def first_step(self) -> None:
        """One batch."""
        x, y = self.data.x[: self.size], self.data.y[: self.size]
        jax.block_until_ready(self.one_step(self.carry, x, y))

    def epoch(self) -> float:
        """An epoch and its validation."""
        x, y = self.data.x, self.data.y
        for index in common.batches(self.rng, len(x), self.size):
            self.carry, _ = self.one_step(self.carry, x[index], y[index])
        params, state = self.carry[:2]
        return common.share(
            lambda x, y: self.count(params, state, x, y), self.data.x_test, self.data.y_test
        )


if __name__ == "__main__":
    common.measure(common.options(), imports, LinenLoop)
