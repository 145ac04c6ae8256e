"""The models hand-written in JAX: the shapes of their weights, and one function each.

A model is `(params, state, x, key, training) -> (scores, state)`. Weights lie in one flat dict; the
last word of a name says how they begin. Nothing is tuned: it is what somebody writes down first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

Array = jax.Array
Params = dict[str, Array]
Shapes = dict[str, tuple[int, ...]]
Model = tuple[Callable[..., Any], Shapes, Shapes]  # function, shapes of params, shapes of state
BLOCKS = ((16, 16, 1), (16, 32, 2), (32, 64, 2))  # of the residual network: in, out, strides
INITIALIZERS: dict[str, Callable[..., Array]] = {
    "kernel": jax.nn.initializers.glorot_uniform(),
    "recurrent": jax.nn.initializers.orthogonal(),
    "gamma": jax.nn.initializers.ones,
    "variance": jax.nn.initializers.ones,
}


def init(shapes: Shapes, key: Array) -> Params:
    """The weights; those of an unknown kind are zeros."""
    keys = jax.random.split(key, max(len(shapes), 1))
    return {
        name: INITIALIZERS.get(name.split("/")[-1], jax.nn.initializers.zeros)(own, shape)
        for own, (name, shape) in zip(keys, shapes.items(), strict=False)
    }


def dense(params: Params, name: str, x: Array) -> Array:
    """`x @ kernel + bias`."""
    return x @ params[f"{name}/kernel"] + params[f"{name}/bias"]


def conv(params: Params, name: str, x: Array, padding: str = "VALID", strides: int = 1) -> Array:
    """A convolution over `[batch, height, width, channels]`, without bias."""
    numbers = ("NHWC", "HWIO", "NHWC")
    kernel = params[f"{name}/kernel"]
    return lax.conv_general_dilated(
        x, kernel, (strides, strides), padding, dimension_numbers=numbers
    )


def batch_norm(
    params: Params, state: Params, new: Params, name: str, x: Array, training: bool
) -> Array:
    """Normalizes each channel; while training, writes the moving statistics to `new`."""
    mean, variance = state[f"{name}/mean"], state[f"{name}/variance"]
    if training:
        batch = x.mean((0, 1, 2)), x.var((0, 1, 2))
        new[f"{name}/mean"] = 0.99 * mean + 0.01 * batch[0]
        new[f"{name}/variance"] = 0.99 * variance + 0.01 * batch[1]
        mean, variance = batch
    factor = params[f"{name}/gamma"] * lax.rsqrt(variance + 1e-3)
    return (x - mean) * factor + params[f"{name}/beta"]


def layer_norm(params: Params, name: str, x: Array) -> Array:
    """Normalizes each position."""
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    normal = (x - mean) * lax.rsqrt(variance + 1e-3)
    return normal * params[f"{name}/gamma"] + params[f"{name}/beta"]


def dense_shapes(name: str, size: int, units: int) -> Shapes:
    """Those of `dense`."""
    return {f"{name}/kernel": (size, units), f"{name}/bias": (units,)}


def mlp(params: Params, state: Params, x: Array, key: Any, training: bool) -> Any:
    """784-128-10."""
    hidden = jax.nn.relu(dense(params, "hidden", x.reshape(len(x), -1)))
    return dense(params, "out", hidden), state


def cnn(params: Params, state: Params, x: Array, key: Any, training: bool) -> Any:
    """Two rounds of convolution and pooling, then dropout."""
    for name in ("conv", "conv_1"):
        x = jax.nn.relu(conv(params, name, x) + params[f"{name}/bias"])
        x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    x = x.reshape(len(x), -1)
    if training:
        x = jnp.where(jax.random.bernoulli(key, 0.5, x.shape), x / 0.5, 0)
    return dense(params, "out", x), state


def lstm(params: Params, state: Params, x: Array, key: Any, training: bool) -> Any:
    """The rows from top to bottom; their product with the kernel stands before the loop."""

    def step(carry: Any, row: Array) -> Any:
        hidden, cell = carry
        gates = jnp.split(row + hidden @ params["cell/recurrent"], 4, axis=-1)
        write, forget, output = (jax.nn.sigmoid(gates[i]) for i in (0, 1, 3))
        cell = forget * cell + write * jnp.tanh(gates[2])
        return (output * jnp.tanh(cell), cell), None

    rows = jnp.swapaxes(dense(params, "cell", x), 0, 1)
    zeros = jnp.zeros((len(x), 128))
    (hidden, _), _ = lax.scan(step, (zeros, zeros), rows)
    return dense(params, "out", hidden), state


def gru(params: Params, state: Params, x: Array, key: Any, training: bool) -> Any:
    """The rows from top to bottom, the reset gate after the product."""

    def step(hidden: Array, row: Array) -> Any:
        inner = hidden @ params["cell/recurrent"] + params["inner/bias"]
        update, reset = jnp.split(jax.nn.sigmoid(row[:, :256] + inner[:, :256]), 2, axis=-1)
        candidate = jnp.tanh(row[:, 256:] + reset * inner[:, 256:])
        return update * hidden + (1 - update) * candidate, None

    rows = jnp.swapaxes(dense(params, "cell", x), 0, 1)
    hidden, _ = lax.scan(step, jnp.zeros((len(x), 128)), rows)
    return dense(params, "out", hidden), state


def resnet(params: Params, state: Params, x: Array, key: Any, training: bool) -> Any:
    """A stem and three residual blocks."""
    new: Params = {}
    norm = functools.partial(batch_norm, params, state, new, training=training)

    def conv_norm(name: str, x: Array, strides: int = 1) -> Array:
        return norm(name, conv(params, name, x, "SAME", strides))

    x = jax.nn.relu(conv_norm("stem", x))
    for i, (_, _, strides) in enumerate(BLOCKS):
        main = jax.nn.relu(conv_norm(f"{i}/first", x, strides))
        main = conv_norm(f"{i}/second", main)
        x = jax.nn.relu(main + (conv_norm(f"{i}/short", x, strides) if strides > 1 else x))
    return dense(params, "out", x.mean((1, 2))), {**state, **new}


def transformer(params: Params, state: Params, x: Array, key: Any, training: bool) -> Any:
    """Each row is a token; the flattened end tells them apart."""
    x = dense(params, "embed", x)
    for i in range(2):
        queries = dense(params, f"{i}/qkv", layer_norm(params, f"{i}/norm", x))
        queries = queries.reshape(*x.shape[:2], 3, 4, 16)
        mixed = jax.nn.dot_product_attention(*(queries[:, :, part] for part in range(3)))
        x = x + dense(params, f"{i}/mix", mixed.reshape(x.shape))
        hidden = jax.nn.relu(dense(params, f"{i}/wide", layer_norm(params, f"{i}/norm_1", x)))
        x = x + dense(params, f"{i}/narrow", hidden)
    return dense(params, "out", layer_norm(params, "norm", x).reshape(len(x), -1)), state


def deep(params: Params, state: Params, x: Array, key: Any, training: bool) -> Any:
    """As many convolutions over tiny images as there are kernels."""
    for i in range(sum(name.startswith("conv") for name in params) // 2):
        x = jax.nn.relu(conv(params, f"conv_{i}", x, "SAME") + params[f"conv_{i}/bias"])
    return dense(params, "out", x.mean((1, 2))), state


def _conv_shapes(name: str, size: int, channels: int, filters: int) -> Shapes:
    return {f"{name}/kernel": (size, size, channels, filters), f"{name}/bias": (filters,)}


def _resnet_convs() -> dict[str, tuple[int, int, int]]:
    """Of each convolution: kernel size, channels in, channels out."""
    found = {"stem": (3, 1, 16)}
    for i, (channels, filters, strides) in enumerate(BLOCKS):
        found |= {f"{i}/first": (3, channels, filters), f"{i}/second": (3, filters, filters)}
        if strides > 1:
            found[f"{i}/short"] = (1, channels, filters)
    return found


def _resnet_shapes() -> Shapes:
    shapes = dense_shapes("out", 64, 10)
    for name, (size, channels, filters) in _resnet_convs().items():
        shapes[f"{name}/kernel"] = (size, size, channels, filters)
        shapes |= {f"{name}/gamma": (filters,), f"{name}/beta": (filters,)}
    return shapes


def _resnet_state() -> Shapes:
    return {
        f"{name}/{kind}": (filters,)
        for name, (_, _, filters) in _resnet_convs().items()
        for kind in ("mean", "variance")
    }


def _norm_shapes(name: str) -> Shapes:
    return {f"{name}/gamma": (64,), f"{name}/beta": (64,)}


def _transformer_shapes() -> Shapes:
    shapes = dense_shapes("embed", 28, 64) | _norm_shapes("norm") | dense_shapes("out", 1792, 10)
    for i in range(2):
        shapes |= _norm_shapes(f"{i}/norm") | _norm_shapes(f"{i}/norm_1")
        shapes |= dense_shapes(f"{i}/qkv", 64, 192) | dense_shapes(f"{i}/mix", 64, 64)
        shapes |= dense_shapes(f"{i}/wide", 64, 128) | dense_shapes(f"{i}/narrow", 128, 64)
    return shapes


def deep_shapes(depth: int) -> Shapes:
    """The weights of `depth` convolutions and the classes."""
    shapes = dense_shapes("out", 16, 10)
    for i in range(depth):
        shapes |= _conv_shapes(f"conv_{i}", 3, 16 if i else 1, 16)
    return shapes


_OUT = dense_shapes("out", 128, 10)
MODELS: dict[str, Model] = {
    "mlp": (mlp, dense_shapes("hidden", 784, 128) | _OUT, {}),
    "cnn": (
        cnn,
        _conv_shapes("conv", 3, 1, 32)
        | _conv_shapes("conv_1", 3, 32, 64)
        | dense_shapes("out", 1600, 10),
        {},
    ),
    "lstm": (lstm, dense_shapes("cell", 28, 512) | {"cell/recurrent": (128, 512)} | _OUT, {}),
    "gru": (
        gru,
        dense_shapes("cell", 28, 384) | {"cell/recurrent": (128, 384), "inner/bias": (384,)} | _OUT,
        {},
    ),
    "resnet": (resnet, _resnet_shapes(), _resnet_state()),
    "transformer": (transformer, _transformer_shapes(), {}),
}


def find(name: str, depth: int) -> Model:
    """A model's function, the shapes of its weights and those of its state."""
    return (deep, deep_shapes(depth), {}) if name == "deep" else MODELS[name]
