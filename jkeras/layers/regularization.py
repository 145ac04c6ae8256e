"""Dropout and noise layers, which are active in training only.

Laws: in evaluation they are the identity; while training the expected output is the input; the same
key gives the same output.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp

from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, InSlices, Layer, Params, State, option
from jkeras.layers.deterministic import Deterministic, cast_floating
from jkeras.layers.options import data_format, non_negative, open_sizes, rate
from jkeras.layers.spatial import Spatial
from jkeras.ops.regularizers import L1L2

if TYPE_CHECKING:
    from jax.typing import ArrayLike

_SELU_LIMIT = -1.6732632423543772 * 1.0507009873554805
"""What selu tends to for large negative inputs: minus its alpha times its scale."""


class Noise(Layer):
    """Base of the layers that are random while training, by the method `disturb`.

    Shapes: any, kept. The field `seed` of each layer is folded into the key, so that equal layers
    with different seeds have different random numbers.

    Raises:
      ValueError: while training without a `key`.
    """

    in_slices: ClassVar[InSlices] = "same"
    supports_masking: ClassVar[bool] = True

    amount: ClassVar[str] = "rate"
    """The field that says how much; at 0 the layer does nothing and needs no key."""

    def apply(
        self,
        params: Params,
        state: State,
        inputs: ArrayLike,
        *,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Array, State]:
        x = self.cast(inputs)
        self.check_inputs(x)
        if not training or getattr(self, self.amount) == 0:
            return x, state
        key, seed = self.need_key(key), getattr(self, "seed", None)
        return self.disturb(x, key if seed is None else child(key, seed)), state

    def check_inputs(self, x: Array) -> None:
        """Raises if the layer does not accept inputs of this shape."""

    def disturb(self, x: Array, key: Key) -> Array:
        """`x` with the noise of training."""
        raise NotImplementedError(f"{self.who}: expected the class to define `disturb`.")


def drop(x: Array, rate: float, key: Key, mask_shape: tuple[int, ...]) -> Array:
    """`x` with a fraction `rate` of its entries set to zero and the others times `1 / (1 - rate)`.

    Args:
      x: any shape, floating.
      rate: in [0, 1].
      key: the random key of the mask.
      mask_shape: broadcasts to the shape of `x`; entries on an axis of size 1 drop together.
    """
    if rate == 1:
        return jnp.zeros_like(x)
    stays = jax.random.bernoulli(key, 1 - rate, mask_shape)
    return jnp.where(stays, x / (1 - rate), jnp.zeros_like(x))


class Dropout(Noise):
    """While training, sets a fraction `rate` of its inputs to zero and scales the rest.

    The other inputs are multiplied by `1 / (1 - rate)`, so the expected output is the input.

    Shapes: any, kept.

    Args:
      rate: the fraction dropped, in [0, 1].
      noise_shape: shape of the mask, None entries as the inputs'; axes of size 1 drop together.
      seed: folded into the key, so that equal layers with different seeds have different masks.

    Raises:
      ValueError: while training without a `key`; a `noise_shape` that does not fit the inputs.

    Source: Srivastava et al. 2014, jmlr.org/papers/v15/srivastava14a; `keras.layers.Dropout`.
    """

    rate: float = option(convert=rate)
    noise_shape: tuple[int | None, ...] | None = option(default=None, convert=open_sizes)
    seed: int | None = None

    @property
    def in_slices(self) -> InSlices:  # type: ignore[override]  # here it depends on the shape
        """`Layer.in_slices`; "never" if `noise_shape` fixes the mask's size along the batch."""
        return "same" if self.noise_shape is None or self.noise_shape[0] is None else "never"

    def check_inputs(self, x: Array) -> None:
        pairs = zip(self.noise_shape or (), x.shape, strict=False)
        fits = all(size in (None, 1, own) for size, own in pairs)
        if self.noise_shape is not None and (len(self.noise_shape) != x.ndim or not fits):
            raise self.value_error(
                f"`noise_shape` with {x.ndim} entries, one per axis of inputs of shape "
                f"{x.shape} (its size, 1 or None)",
                self.noise_shape,
            )

    def disturb(self, x: Array, key: Key) -> Array:
        return drop(x, self.rate, key, self.mask_shape(x))

    def mask_shape(self, x: Array) -> tuple[int, ...]:
        """`noise_shape` with the sizes of `x` in place of None."""
        pairs = zip(self.noise_shape or x.shape, x.shape, strict=True)
        return tuple(own if size is None else size for size, own in pairs)


class AlphaDropout(Dropout):
    """While training, sets a fraction `rate` of its inputs to selu's lower limit, then rescales.

    With L that limit, entries dropped become L, and all are then a · x + b, with
    a = ((1 - rate) · (1 + rate · L²))^(-1/2) and b = -a · rate · L: inputs of mean 0 and variance 1
    keep both.

    Shapes: any, kept.

    Args:
      rate: the fraction dropped, in [0, 1); at 1 nothing would be left to rescale.
      noise_shape: shape of the mask, None entries as the inputs'; axes of size 1 drop together.
      seed: folded into the key, so that equal layers with different seeds have different masks.

    Raises:
      ValueError: while training without a `key`; a `noise_shape` that does not fit the inputs.

    Source: Klambauer et al. 2017, arXiv:1706.02515; `keras.layers.AlphaDropout`.
    """

    def check(self) -> None:
        if self.rate == 1:
            raise self.value_error("`rate` below 1", "1.0")

    def disturb(self, x: Array, key: Key) -> Array:
        a = ((1 - self.rate) * (1 + self.rate * _SELU_LIMIT**2)) ** -0.5
        stays = jax.random.bernoulli(key, 1 - self.rate, self.mask_shape(x))
        return a * (jnp.where(stays, x, _SELU_LIMIT) - self.rate * _SELU_LIMIT)


class SpatialDropout(Spatial, Noise):
    """Base of the layers that drop whole channels, at all positions of an example."""

    rate: float = option(convert=rate)

    def get_config(self) -> dict[str, Any]:
        """The arguments by name; Keras's spatial dropouts do not take `trainable`."""
        config = super().get_config()
        if config["trainable"]:
            del config["trainable"]
        return config

    def check_inputs(self, x: Array) -> None:
        self.check_axes(x)

    def disturb(self, x: Array, key: Key) -> Array:
        mask_shape = tuple(1 if axis in self.spatial_axes else n for axis, n in enumerate(x.shape))
        return drop(x, self.rate, key, mask_shape)


class SpatialDropout1D(SpatialDropout, rank=1):
    """Drops whole channels of `[batch, steps, channels]` while training, a fraction `rate`.

    Source: Tompson et al. 2014, arXiv:1411.4280; `keras.layers.SpatialDropout1D`.
    """

    seed: int | None = None


class SpatialDropout2D(SpatialDropout, rank=2):
    """Drops whole channels of `[batch, height, width, channels]` while training.

    Args:
      rate: the fraction dropped, in [0, 1].
      data_format: "channels_last" (the default) or "channels_first".
      seed: folded into the key.

    Source: Tompson et al. 2014, arXiv:1411.4280; `keras.layers.SpatialDropout2D`.
    """

    data_format: str | None = data_format()
    seed: int | None = None


class SpatialDropout3D(SpatialDropout, rank=3):
    """Drops whole channels of `[batch, depth, height, width, channels]` while training.

    Source: Tompson et al. 2014, arXiv:1411.4280; `keras.layers.SpatialDropout3D`.
    """

    data_format: str | None = data_format()
    seed: int | None = None


class GaussianNoise(Noise):
    """Adds normal noise of deviation `stddev` while training.

    Shapes: any, kept. `stddev` is in units of the inputs, at least 0. (Keras allows at most 1.)

    Source: `keras.layers.GaussianNoise`.
    """

    stddev: float = option(convert=non_negative)
    seed: int | None = None

    amount: ClassVar[str] = "stddev"

    def disturb(self, x: Array, key: Key) -> Array:
        return x + self.stddev * jax.random.normal(key, x.shape, x.dtype)


class GaussianDropout(Noise):
    """Multiplies by normal noise of mean 1 and variance `rate / (1 - rate)` while training.

    Shapes: any, kept. `rate` as Dropout's with the same variance, in [0, 1).

    Source: Srivastava et al. 2014, jmlr.org/papers/v15/srivastava14a;
    `keras.layers.GaussianDropout`.
    """

    rate: float = option(convert=rate)
    seed: int | None = None

    def check(self) -> None:
        if self.rate == 1:
            raise self.value_error("`rate` below 1 (finite noise)", self.rate)

    def disturb(self, x: Array, key: Key) -> Array:
        deviation = math.sqrt(self.rate / (1 - self.rate))
        return x * (1 + deviation * jax.random.normal(key, x.shape, x.dtype))


class ActivityRegularization(Deterministic):
    """The identity, with a penalty `l1 * sum |x| + l2 * sum x²` of its inputs.

    Shapes: any, kept. A model adds the penalty to its loss, like every `activity_regularizer`.

    Args:
      l1, l2: factors of at least 0.

    Source: `keras.layers.ActivityRegularization`.
    """

    supports_masking: ClassVar[bool] = True

    l1: float = option(default=0.0, convert=non_negative)
    l2: float = option(default=0.0, convert=non_negative)

    @property
    def activity_regularizer(self) -> L1L2:
        """The penalty of the outputs."""
        return L1L2(self.l1, self.l2)

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        return cast_floating(self, inputs)
