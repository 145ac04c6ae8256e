"""Normalization within each example: by mean and deviation, root mean square, or length.

Laws: examples are independent of each other; training and evaluation are the same; statistics are
computed in float32 at least.
"""

from __future__ import annotations

import dataclasses
import operator
from typing import TYPE_CHECKING, Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jax import lax

from jkeras.core.arrays import as_jax
from jkeras.core.dtype_policy import weight_dtype
from jkeras.core.keys import Key
from jkeras.core.layer import Array, InSlices, Layer, PaddedRows, Params, State, option
from jkeras.layers.deterministic import Deterministic, initial_weights
from jkeras.layers.options import axes, constraint, initializer, integer, non_negative, regularizer
from jkeras.ops.linear import along

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.typing import ArraySpec


def wide(x: Array) -> Array:
    """`x` in float32 at least."""
    return x.astype(np.promote_types(x.dtype, np.float32))


def in_full(layer: Layer, inputs: ArrayLike) -> tuple[Array, np.dtype]:
    """The inputs in float32 at least, as they came, and the dtype of the layer's outputs.

    Values that float16 cannot hold are so normalized before they are cast to it.
    """
    narrow = layer.cast(inputs)
    x = as_jax(inputs)
    x = x if jnp.issubdtype(x.dtype, jnp.inexact) else narrow
    return wide(x).astype(np.promote_types(wide(x).dtype, wide(narrow).dtype)), narrow.dtype


class AxisNormalization(Deterministic):
    """Base of the layers that normalize over the axes `axis`, with weights along them.

    Shapes: any, kept.

    Raises:
      ValueError: the inputs have no such axis, or other sizes than the weights.
    """

    axis: int | tuple[int, ...] = option(default=-1, convert=axes)

    @property
    def padded_rows(self) -> PaddedRows:  # here it depends on the axes
        """Filler rows change the statistics only if `axis` includes the batch axis."""
        return "seen" if 0 in self.axes else "ignored"

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x, dtype = self.widened(inputs)
        over = self._over(x)
        weights = {name: self._beside(weight, x) for name, weight in params.items()}
        return self.normalized(x, over, weights).astype(dtype)

    def widened(self, inputs: ArrayLike) -> tuple[Array, np.dtype]:
        """The inputs in float32 at least, and the dtype of the outputs."""
        x = self.cast(inputs)
        return wide(x), x.dtype

    def normalized(self, x: Array, over: tuple[int, ...], weights: Params) -> Array:
        """`x` normalized over some axes; the weights are of the rank and dtype of `x`."""
        raise NotImplementedError(f"{self.who}: expected the class to define `normalized`.")

    def weights_shape(self, inputs: ArraySpec) -> tuple[int, ...]:
        """The sizes of `axis`, in Keras's order: that of the numbers as written, sorted."""
        self._over(inputs)
        return tuple(inputs.shape[axis] for axis in sorted(self.axes))

    @property
    def axes(self) -> tuple[int, ...]:
        """`axis` as a tuple, counted as written."""
        return self.axis if isinstance(self.axis, tuple) else (self.axis,)

    def _over(self, inputs: ArraySpec) -> tuple[int, ...]:
        """The axes of `axis`, counted from 0."""
        rank = len(inputs.shape)
        axes = tuple(axis % rank for axis in self.axes if -rank < axis < rank)
        if len(set(axes)) < len(self.axes):
            raise self.value_error(
                "`axis` to name different axes of the inputs (the batch is 0)",
                f"{self.axis} for inputs of shape {tuple(inputs.shape)}",
            )
        return axes

    def _beside(self, weight: Array, x: Array) -> Array:
        """A weight of the sizes of `axis`, along these axes of `x`."""
        expected = self.weights_shape(x)
        if weight.shape != expected:
            raise self.value_error(
                f"`inputs` of sizes {weight.shape} on `axis` {self.axis}, as when its "
                "weights were made",
                f"shape {x.shape}",
            )
        over = self._over(x)
        shape = [size if i in over else 1 for i, size in enumerate(x.shape)]
        return jnp.reshape(weight, shape).astype(wide(x).dtype)


class LayerNormalization(AxisNormalization):
    """Normalizes each example over its features: `gamma * (x - mean) / sqrt(var + epsilon) + beta`.

    Shapes: any, kept. Weights: `gamma` and `beta`, of the sizes of `axis`. The variance is the
    biased one.

    Args:
      axis: the axis, or a list of axes, over which mean and variance are taken.
      epsilon: added to the variance.
      center, scale: whether `beta` and `gamma` exist.
      beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
        gamma_constraint: names or objects.
      rms_scaling: keyword-only and, in Keras, deprecated: `gamma * x / sqrt(var + epsilon)`, no
        mean subtracted and no `beta`. RMSNormalization divides by the root mean square.

    Example:
      >>> import jax
      >>> layer = LayerNormalization(epsilon=0.0)
      >>> params, state = layer.init(jax.random.key(0), jnp.zeros((1, 2)))
      >>> layer.apply(params, state, jnp.asarray([[1.0, 3.0]]))[0].tolist()
      [[-1.0, 1.0]]

    Source: Ba et al. 2016, arXiv:1607.06450; `keras.layers.LayerNormalization`.
    """

    supports_masking: ClassVar[bool] = True

    epsilon: float = option(default=1e-3, convert=non_negative)
    center: bool = True
    scale: bool = True
    beta_initializer: Any = initializer("zeros")
    gamma_initializer: Any = initializer("ones")
    beta_regularizer: Any = regularizer()
    gamma_regularizer: Any = regularizer()
    beta_constraint: Any = constraint()
    gamma_constraint: Any = constraint()
    rms_scaling: bool = dataclasses.field(default=False, kw_only=True)

    def init(self, key: Key, inputs: ArraySpec) -> tuple[Params, State]:
        shape = self.weights_shape(inputs)
        gamma = shape if self.scale or self.rms_scaling else None
        beta = shape if self.center and not self.rms_scaling else None
        return initial_weights(self, key, gamma=gamma, beta=beta), {}

    def widened(self, inputs: ArrayLike) -> tuple[Array, np.dtype]:
        return in_full(self, inputs)

    def normalized(self, x: Array, over: tuple[int, ...], weights: Params) -> Array:
        centered = x - jnp.mean(x, over, keepdims=True)
        variance = jnp.mean(lax.square(centered), over, keepdims=True)
        scale = lax.rsqrt(variance + self.epsilon) * weights.get("gamma", 1.0)
        return (x if self.rms_scaling else centered) * scale + weights.get("beta", 0.0)


class RMSNormalization(AxisNormalization):
    """Divides each example by its root mean square: `scale * x / sqrt(mean(x²) + epsilon)`.

    Shapes: any, kept. Weights: `scale`, of the sizes of `axis`, ones at first.

    Args:
      axis: the axis, or a list of axes, over which the mean is taken.
      epsilon: added to the mean.

    Source: Zhang and Sennrich 2019, arXiv:1910.07467; `keras.layers.RMSNormalization`.
    """

    epsilon: float = option(default=1e-6, convert=non_negative)

    def init(self, key: Key, inputs: ArraySpec) -> tuple[Params, State]:
        return {"scale": jnp.ones(self.weights_shape(inputs), weight_dtype())}, {}

    def normalized(self, x: Array, over: tuple[int, ...], weights: Params) -> Array:
        power = jnp.mean(lax.square(x), over, keepdims=True)
        return x * lax.rsqrt(power + self.epsilon) * weights["scale"]


class UnitNormalization(AxisNormalization):
    """Divides each example by the length of its features: the sum of their squares becomes 1.

    Shapes: any, kept. No weights. A length below 1e-12 counts as 1e-12, so zeros stay zeros.

    Args:
      axis: the axis, or a list of axes, over which the squares are summed.

    Source: `keras.layers.UnitNormalization`.
    """

    supports_masking: ClassVar[bool] = True

    def normalized(self, x: Array, over: tuple[int, ...], weights: Params) -> Array:
        # The bound stands under the root, where the gradient at zero is finite. (Keras's is NaN.)
        return x * lax.rsqrt(jnp.maximum(jnp.sum(lax.square(x), over, keepdims=True), 1e-24))


def _groups(value: object) -> int:
    """`value` as a positive integer, or -1."""
    groups = integer(value, -1, "a positive integer, or -1 for all")
    if groups == 0:
        raise ValueError(f"expected a positive integer, or -1 for all, got {value!r}.")
    return groups


class GroupNormalization(Deterministic):
    """Normalizes groups of channels of each example, over all positions.

    Mean and (biased) variance are taken over the channels of a group and all axes but the batch;
    `gamma` and `beta` are per channel.

    Shapes: `[batch, ...]`, kept. Weights: `gamma` and `beta` (channels,).

    Args:
      groups: number of groups, which divides that of channels; -1 for one group per channel.
      axis: the axis of channels.
      epsilon: added to the variance.
      center, scale: whether `beta` and `gamma` exist.
      beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
        gamma_constraint: names or objects.

    Raises:
      ValueError: the inputs have no such axis, or its size is not a multiple of `groups`, or
        differs from that of the weights.

    Source: Wu and He 2018, arXiv:1803.08494; `keras.layers.GroupNormalization`.
    """

    in_slices: ClassVar[InSlices] = "same"
    supports_masking: ClassVar[bool] = True

    groups: int = option(default=32, convert=_groups)
    axis: int = option(default=-1, convert=operator.index)
    epsilon: float = option(default=1e-3, convert=non_negative)
    center: bool = True
    scale: bool = True
    beta_initializer: Any = initializer("zeros")
    gamma_initializer: Any = initializer("ones")
    beta_regularizer: Any = regularizer()
    gamma_regularizer: Any = regularizer()
    beta_constraint: Any = constraint()
    gamma_constraint: Any = constraint()

    def init(self, key: Key, inputs: ArraySpec) -> tuple[Params, State]:
        shape = (self._channels(inputs),)
        gamma, beta = shape if self.scale else None, shape if self.center else None
        return initial_weights(self, key, gamma=gamma, beta=beta), {}

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x, dtype = in_full(self, inputs)
        channels = self._channels(x)
        if any(weight.shape != (channels,) for weight in params.values()):
            raise self.value_error(
                f"`inputs` with as many channels on axis {self.axis} as when its weights were made",
                f"shape {x.shape}",
            )
        outputs = self._grouped(x, channels)
        weights = {
            name: along(self.axis, weight, x.ndim).astype(outputs.dtype)
            for name, weight in params.items()
        }
        outputs = outputs * weights.get("gamma", 1.0) + weights.get("beta", 0.0)
        return outputs.astype(dtype)

    def _grouped(self, x: Array, channels: int) -> Array:
        """`x` with each group normalized."""
        at = self.axis % x.ndim
        count = channels if self.groups == -1 else self.groups
        apart = jnp.reshape(x, (*x.shape[:at], count, channels // count, *x.shape[at + 1 :]))
        over = [i for i in range(1, apart.ndim) if i != at]
        centered = apart - jnp.mean(apart, over, keepdims=True)
        variance = jnp.mean(lax.square(centered), over, keepdims=True)
        return jnp.reshape(centered * lax.rsqrt(variance + self.epsilon), x.shape)

    def _channels(self, inputs: ArraySpec) -> int:
        shape = tuple(inputs.shape)
        if not -len(shape) < self.axis < len(shape) or self.axis == 0:
            raise self.value_error(
                "`axis` to name an axis of the inputs behind the batch",
                f"{self.axis} for inputs of shape {shape}",
            )
        channels = int(shape[self.axis])
        if self.groups != -1 and channels % self.groups:
            raise self.value_error(
                f"a number of channels that `groups` {self.groups} divides",
                f"{channels} on axis {self.axis} of inputs of shape {shape}",
            )
        return channels
