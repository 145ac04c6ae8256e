"""Activation functions: arrays to arrays of the same dtype, under Keras's names and defaults.

Each is a pure function of a floating array and Python numbers. Laws: the dtype is kept; `jit`,
`vmap` and `grad` apply; every name in the table is a function here; a call on a symbol of a graph
adds a layer to that graph. `get` returns the function for a name, a function or None.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jkeras.core.arrays import native
from jkeras.core.description import Description
from jkeras.core.layer import Array, Layer
from jkeras.core.logits import noted
from jkeras.core.operations import record
from jkeras.core.registry import deserializer, function_for
from jkeras.core.serialization import serialize_keras_object
from jkeras.core.symbols import Symbol

if TYPE_CHECKING:
    from jkeras.core.typing import Identifier

Axis = int | tuple[int, ...]


def _accepts_symbols(function: Callable[..., Array]) -> Callable[..., Array]:
    """The function, with calls on symbols as layers whose configurations have all arguments.

    Some of these functions have other defaults in `keras.ops`, so the defaults are written out.
    """
    signature = inspect.signature(function)
    kind = "ReLU" if function.__name__ == "relu" else ""  # Keras tells it from its `ops.relu`

    @functools.wraps(function)
    def activation(x: Array | Symbol, *args: Any, **kwargs: Any) -> Array:
        if not isinstance(x, Symbol):
            return function(native(x), *args, **kwargs)
        bound = signature.bind(x, *args, **kwargs)
        bound.apply_defaults()
        options = {name: value for name, value in bound.arguments.items() if name != "x"}
        symbol: Array = record(activation, (x,), options, kind=kind)
        return symbol

    return activation


def linear(x: Array) -> Array:
    """The identity: `x`."""
    return x


@_accepts_symbols
def relu(
    x: Array, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Array:
    """`x` above `threshold`, at most `max_value`; `negative_slope · (x - threshold)` below.

    Example:
      >>> relu(jnp.array([-4.0, 0.5, 9.0]), negative_slope=0.25, max_value=6.0).tolist()
      [-1.0, 0.5, 6.0]
    """
    if max_value is None and threshold == 0.0:
        return jax.nn.relu(x) if negative_slope == 0.0 else leaky_relu(x, negative_slope)
    above = jnp.where(x > threshold, x, 0.0) if threshold else jax.nn.relu(x)
    if max_value is not None:
        above = jnp.clip(above, 0.0, max_value)
    return above if negative_slope == 0.0 else above - negative_slope * jax.nn.relu(threshold - x)


@_accepts_symbols
def leaky_relu(x: Array, negative_slope: float = 0.2) -> Array:
    """`x` where positive, else `negative_slope · x`. The layer LeakyReLU defaults to 0.3."""
    return jax.nn.leaky_relu(x, negative_slope)


@_accepts_symbols
def relu6(x: Array) -> Array:
    """`min(max(x, 0), 6)`. Source: Krizhevsky 2010, CIFAR-10 technical report."""
    return jax.nn.relu6(x)


@_accepts_symbols
def elu(x: Array, alpha: float = 1.0) -> Array:
    """`x` where positive, else `alpha · (eˣ - 1)`. Source: Clevert 2015, arXiv:1511.07289."""
    return jax.nn.elu(x, alpha)


@_accepts_symbols
def celu(x: Array, alpha: float = 1.0) -> Array:
    """`max(x, 0) + min(0, alpha · (e^(x/alpha) - 1))`. Source: Barron 2017, arXiv:1704.07483."""
    return jax.nn.celu(x, alpha)


@_accepts_symbols
def selu(x: Array) -> Array:
    """`1.0507 · elu(x, 1.67326)`: keeps mean 0 and variance 1.

    Source: Klambauer et al. 2017, arXiv:1706.02515.
    """
    return jax.nn.selu(x)


@_accepts_symbols
def gelu(x: Array, approximate: bool = False) -> Array:
    """`x · Φ(x)`, Φ the normal distribution function; `approximate` replaces Φ by a tanh formula.

    Source: Hendrycks and Gimpel 2016, arXiv:1606.08415.
    """
    return jax.nn.gelu(x, approximate=approximate)


@_accepts_symbols
def silu(x: Array) -> Array:
    """`x · sigmoid(x)`, also called swish. Source: Ramachandran et al. 2017, arXiv:1710.05941."""
    return jax.nn.silu(x)


@_accepts_symbols
def mish(x: Array) -> Array:
    """`x · tanh(softplus(x))`. Source: Misra 2019, arXiv:1908.08681."""
    return jax.nn.mish(x)


@_accepts_symbols
def glu(x: Array, axis: int = -1) -> Array:
    """The first half of `axis` times the sigmoid of the second; `axis` (an even size) is halved.

    Source: Dauphin et al. 2016, arXiv:1612.08083.
    """
    return jax.nn.glu(x, axis)


@_accepts_symbols
def sigmoid(x: Array) -> Array:
    """`1 / (1 + e⁻ˣ)`."""
    return noted(jax.nn.sigmoid(x), x)


@_accepts_symbols
def log_sigmoid(x: Array) -> Array:
    """`log(sigmoid(x))`, without overflow."""
    return jax.nn.log_sigmoid(x)


@_accepts_symbols
def hard_sigmoid(x: Array) -> Array:
    """`relu6(x + 3) / 6`: a sigmoid of three straight lines."""
    return jax.nn.hard_sigmoid(x)


@_accepts_symbols
def sparse_sigmoid(x: Array) -> Array:
    """0 up to -1, 1 from 1, and `(x + 1) / 2` between."""
    return jax.nn.sparse_sigmoid(x)


@_accepts_symbols
def hard_silu(x: Array) -> Array:
    """`x · hard_sigmoid(x)`, also called hard swish. Source: Howard 2019, arXiv:1905.02244."""
    return jax.nn.hard_silu(x)


@_accepts_symbols
def tanh(x: Array) -> Array:
    """The hyperbolic tangent."""
    return jnp.tanh(x)


@_accepts_symbols
def hard_tanh(x: Array) -> Array:
    """`x` cut to [-1, 1]."""
    return jax.nn.hard_tanh(x)


@_accepts_symbols
def tanh_shrink(x: Array) -> Array:
    """`x - tanh(x)`."""
    return x - jnp.tanh(x)


@_accepts_symbols
def hard_shrink(x: Array, threshold: float = 0.5) -> Array:
    """`x` where `|x| > threshold`, else 0."""
    return jnp.where(jnp.abs(x) > threshold, x, 0.0)


@_accepts_symbols
def soft_shrink(x: Array, threshold: float = 0.5) -> Array:
    """`x` moved towards 0 by `threshold`, and 0 where `|x| ≤ threshold`."""
    inner = jnp.where(x < -threshold, x + threshold, 0.0)
    return jnp.where(x > threshold, x - threshold, inner)


@_accepts_symbols
def threshold(x: Array, threshold: float, default_value: float) -> Array:
    """`x` where `x > threshold`, else `default_value`."""
    return jnp.where(x > threshold, x, default_value)


@_accepts_symbols
def softplus(x: Array) -> Array:
    """`log(1 + eˣ)`, without overflow."""
    return jax.nn.softplus(x)


@_accepts_symbols
def sparse_plus(x: Array) -> Array:
    """0 up to -1, `x` from 1, and `(x + 1)² / 4` between."""
    return jax.nn.sparse_plus(x)


@_accepts_symbols
def squareplus(x: Array, b: float = 4) -> Array:
    """`(x + √(x² + b)) / 2`. Source: Barron 2021, arXiv:2112.11687."""
    return jax.nn.squareplus(x, b)


@_accepts_symbols
def softsign(x: Array) -> Array:
    """`x / (1 + |x|)`."""
    return jax.nn.soft_sign(x)


@_accepts_symbols
def exponential(x: Array) -> Array:
    """`eˣ`."""
    return jnp.exp(x)


@_accepts_symbols
def softmax(x: Array, axis: Axis = -1) -> Array:
    """`eˣ / Σ eˣ` over `axis` (one axis or several together): positive, with sum 1.

    A rank-1 array is one distribution. An axis of size 1 gives 1 everywhere, and a warning.

    Example:
      >>> softmax(jnp.zeros(4)).tolist()
      [0.25, 0.25, 0.25, 0.25]
    """
    if isinstance(axis, int) and -x.ndim <= axis < x.ndim and x.shape[axis] == 1:
        warnings.warn(
            f"softmax over axis {axis} of shape {x.shape}: that axis has size 1, so every "
            "result is 1. For one probability use activation='sigmoid'.",
            stacklevel=2,
        )
    p = jax.nn.softmax(x, axis)
    return noted(p, x, axis) if isinstance(axis, int) else p


@_accepts_symbols
def log_softmax(x: Array, axis: Axis = -1) -> Array:
    """`x - log Σ eˣ` over `axis` (one axis or several together), without overflow."""
    return jax.nn.log_softmax(x, axis)


@_accepts_symbols
def sparsemax(x: Array, axis: int = -1) -> Array:
    """The point of the probability simplex nearest to `x` along `axis`; most entries become 0.

    With z the entries in descending order, k is the largest count with `1 + k·z_k > z_1 + … + z_k`,
    and the result is `max(x - τ, 0)`, `τ = (z_1 + … + z_k - 1) / k`.

    Differs from Keras 3.15.1, which adds up the cumulative sums instead of the entries, so that its
    results do not sum to 1 once two entries are positive: [0.3, 0.2] for [0.5, 0.4].

    Example:
      >>> sparsemax(jnp.array([0.5, 0.25, -1.0])).tolist()
      [0.625, 0.375, 0.0]

    Source: Martins and Astudillo 2016, arXiv:1602.02068.
    """
    descending = jnp.sort(x, axis=axis, descending=True)
    count = jax.lax.broadcasted_iota(x.dtype, x.shape, axis % x.ndim) + 1
    support = 1 + count * descending > jnp.cumsum(descending, axis=axis)
    size = jnp.sum(support, axis=axis, keepdims=True).astype(x.dtype)
    total = jnp.sum(jnp.where(support, descending, 0.0), axis=axis, keepdims=True)
    return jnp.maximum(x - (total - 1) / size, 0.0)


swish = silu
hard_swish = hard_silu

_FUNCTIONS: tuple[Callable[..., Array], ...] = (
    *(celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh),
    *(leaky_relu, linear, log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu),
    *(soft_shrink, softmax, softplus, softsign, sparse_plus, sparse_sigmoid, sparsemax),
    *(squareplus, tanh, tanh_shrink, threshold),
)
TABLE: dict[str, Callable[..., Array]] = {
    **{function.__name__: function for function in _FUNCTIONS},
    "swish": silu,
    "hard_swish": hard_silu,
}
"""Every name that `get` knows."""


class LayerActivation(Description):
    """A layer without weights as a function of one array: `Dense(8, activation=LeakyReLU(0.1))`."""

    layer: Layer

    def __call__(self, x: Array) -> Array:
        outputs, _ = self.layer.apply({}, {}, x)
        return outputs

    def in_config(self) -> Layer:
        """The layer, as Keras writes it."""
        return self.layer


def get(identifier: Identifier) -> Callable[..., Array]:
    """The activation function for an identifier.

    Args:
      identifier: a name, a function array -> array, a layer without weights, the configuration of
        one of these, or None for `linear`.

    Raises:
      TypeError: `identifier` is none of these.
      ValueError: an unknown name; the message suggests the nearest.

    Example:
      >>> get("relu") is relu, get(None) is linear, get(jnp.sin) is jnp.sin
      (True, True, True)
    """
    expected = "an activation: a name such as 'relu', a function array -> array, or None"
    value = function_for(identifier, "activations", TABLE, expected=expected)
    if isinstance(value, Layer):
        return LayerActivation(value)
    return linear if value is None else value


def serialize(activation: Callable[..., Any] | None) -> Any:
    """The configuration of an activation: its name, or a dict for a user's function.

    Example:
      >>> serialize(relu)
      'relu'

    Source: `keras.activations.serialize`.
    """
    name = getattr(activation, "__name__", None)
    return name if TABLE.get(str(name)) is activation else serialize_keras_object(activation)


deserialize = deserializer(get, "activation", "activations")


__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]
