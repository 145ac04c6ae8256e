"""The same models as flax.nnx modules, in a loop over one `nnx.jit` step with optax."""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable
from typing import Any

import common

start = time.perf_counter()  # the imports below are what is timed, so they stand below
import jax  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402
from flax import nnx  # noqa: E402

imports = time.perf_counter() - start
Array = jax.Array


class Residual(nnx.Module):
    """The sum of two ways from the same inputs, then a rectifier."""

    def __init__(self, channels: int, filters: int, strides: int, rngs: nnx.Rngs) -> None:
        first = [*conv_norm(channels, filters, 3, strides, rngs), nnx.relu]
        self.main = nnx.Sequential(*first, *conv_norm(filters, filters, 3, 1, rngs))
        short = conv_norm(channels, filters, 1, strides, rngs) if strides > 1 else [nnx.identity]
        self.shortcut = nnx.Sequential(*short)

    def __call__(self, x: Array) -> Array:
        return nnx.relu(self.main(x) + self.shortcut(x))


class Block(nnx.Module):
    """Attention and two dense layers, each normalized before and added to its inputs."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.norm = nnx.LayerNorm(64, epsilon=1e-3, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(4, 64, decode=False, rngs=rngs)
        norm = nnx.LayerNorm(64, epsilon=1e-3, rngs=rngs)
        wide, narrow = nnx.Linear(64, 128, rngs=rngs), nnx.Linear(128, 64, rngs=rngs)
        self.dense = nnx.Sequential(norm, wide, nnx.relu, narrow)

    def __call__(self, x: Array) -> Array:
        x = x + self.attention(self.norm(x))
        return x + self.dense(x)


def conv_norm(channels: int, filters: int, size: int, strides: int, rngs: nnx.Rngs) -> list[Any]:
    """A convolution without bias and its normalization, with Keras's numbers."""
    conv = nnx.Conv(channels, filters, (size, size), strides, use_bias=False, rngs=rngs)
    return [conv, nnx.BatchNorm(filters, momentum=0.99, epsilon=1e-3, rngs=rngs)]


def flatten(x: Array) -> Array:
    """`[batch, ...]` to `[batch, numbers]`."""
    return x.reshape(len(x), -1)


def last(x: Array) -> Array:
    """The last step of a sequence."""
    return x[:, -1]


def mlp(rngs: nnx.Rngs) -> list[Any]:
    """784-128-10."""
    return [flatten, nnx.Linear(784, 128, rngs=rngs), nnx.relu, nnx.Linear(128, 10, rngs=rngs)]


def cnn(rngs: nnx.Rngs) -> list[Any]:
    """Two rounds of convolution and pooling, then dropout."""
    body: list[Any] = []
    pool = functools.partial(nnx.max_pool, window_shape=(2, 2), strides=(2, 2))
    for channels, filters in ((1, 32), (32, 64)):
        body += [nnx.Conv(channels, filters, (3, 3), padding="VALID", rngs=rngs), nnx.relu, pool]
    return [*body, flatten, nnx.Dropout(0.5, rngs=rngs), nnx.Linear(1600, 10, rngs=rngs)]


def lstm(rngs: nnx.Rngs) -> list[Any]:
    """The rows from top to bottom."""
    recurrent = nnx.RNN(nnx.OptimizedLSTMCell(28, 128, rngs=rngs), rngs=rngs)
    return [recurrent, last, nnx.Linear(128, 10, rngs=rngs)]


def gru(rngs: nnx.Rngs) -> list[Any]:
    """The rows from top to bottom."""
    recurrent = nnx.RNN(nnx.GRUCell(28, 128, rngs=rngs), rngs=rngs)
    return [recurrent, last, nnx.Linear(128, 10, rngs=rngs)]


def resnet(rngs: nnx.Rngs) -> list[Any]:
    """A stem and three residual blocks."""
    body = [*conv_norm(1, 16, 3, 1, rngs), nnx.relu]
    for channels, filters, strides in ((16, 16, 1), (16, 32, 2), (32, 64, 2)):
        body += [Residual(channels, filters, strides, rngs)]
    return [*body, lambda x: x.mean((1, 2)), nnx.Linear(64, 10, rngs=rngs)]


def transformer(rngs: nnx.Rngs) -> list[Any]:
    """Each row is a token; the flattened end tells them apart."""
    body = [nnx.Linear(28, 64, rngs=rngs), Block(rngs), Block(rngs)]
    norm = nnx.LayerNorm(64, epsilon=1e-3, rngs=rngs)
    return [*body, norm, flatten, nnx.Linear(28 * 64, 10, rngs=rngs)]


MODELS: dict[str, Callable[[nnx.Rngs], list[Any]]] = {
    "mlp": mlp,
    "cnn": cnn,
    "lstm": lstm,
    "gru": gru,
    "resnet": resnet,
    "transformer": transformer,
}


@nnx.jit
def one_step(model: Any, optimizer: Any, x: Any, y: Any) -> Any:
    """One update, with the loss and the accuracy that a user would watch."""

    def loss_fn(model: Any) -> Any:
        scores = model(x)
        return optax.softmax_cross_entropy_with_integer_labels(scores, y).mean(), scores

    (loss, scores), grads = nnx.value_and_grad(loss_fn, has_aux=True)(model)
    optimizer.update(model, grads)
    return loss, (scores.argmax(-1) == y).mean()


@nnx.jit
def correct(model: Any, x: Any, y: Any) -> Any:
    """The number of examples that are classified correctly."""
    return (model(x).argmax(-1) == y).sum()


class NnxLoop(common.Loop):
    """One jitted call a step, batches from the host."""

    def __init__(self, args: argparse.Namespace, data: common.Data) -> None:
        self.data, self.size = data, args.batch_size
        self.model = nnx.Sequential(*MODELS[args.model](nnx.Rngs(0)))
        rule = optax.sgd(0.01) if args.optimizer == "sgd" else optax.adam(1e-3)
        self.optimizer = nnx.Optimizer(self.model, rule, wrt=nnx.Param)
        counted = nnx.state(self.model, (nnx.Param, nnx.BatchStat))
        self.weights = sum(leaf.size for leaf in jax.tree.leaves(counted))
        self.device = jax.devices()[0].device_kind
        self.rng = np.random.default_rng(0)

    def first_step(self) -> None:
        """One batch."""
        x, y = self.data.x[: self.size], self.data.y[: self.size]
        jax.block_until_ready(one_step(self.model, self.optimizer, x, y))

    def epoch(self) -> float:
        """An epoch and its validation."""
        x, y = self.data.x, self.data.y
        self.model.train()
        for index in common.batches(self.rng, len(x), self.size):
            one_step(self.model, self.optimizer, x[index], y[index])
        self.model.eval()
        count = functools.partial(correct, self.model)
        return common.share(count, self.data.x_test, self.data.y_test)


if __name__ == "__main__":
    common.measure(common.options(), imports, NnxLoop)
