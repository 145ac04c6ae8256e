"""Pooling layers: a maximum or a mean over windows of one to three spatial axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from jkeras.core.layer import Array, InSlices, Params, option
from jkeras.layers import options
from jkeras.layers.deterministic import Deterministic, cast_floating
from jkeras.layers.options import optional, sizes
from jkeras.layers.spatial import PerAxis, Spatial
from jkeras.ops.pooling import average_pool, max_pool

if TYPE_CHECKING:
    from jax.typing import ArrayLike

Sizes = tuple[int, ...]


class Pooling(Spatial, Deterministic):
    """Base of the layers that pool over windows.

    Shapes: `[batch, *spatial, channels]` to `[batch, *positions, channels]`, or channels in front.

    Args:
      pool_size: the window; one integer for all spatial axes.
      strides: steps between windows; `pool_size` when left out.
      padding: "valid" (only windows that fit) or "same" (ceil(size / stride) windows).
      data_format: "channels_last" (the default) or "channels_first".

    Raises:
      ValueError: another rank, or a window that does not fit. (Keras returns an empty array then.)
    """

    in_slices: ClassVar[InSlices] = "same"

    pool_size: Sizes = option(convert=PerAxis())
    strides: Sizes | None = option(
        default=None, convert=PerAxis(lambda rank: optional(sizes(rank)))
    )
    padding: str = options.padding()
    data_format: str | None = options.data_format()

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = cast_floating(self, inputs)
        self.check_axes(x)
        if self.padding == "valid":
            self.check_window(x, self.pool_size, "pool_size")
        strides = self._per_axis(self.strides or self.pool_size)
        return self.pool(x, self._per_axis(self.pool_size), strides)

    def pool(self, x: Array, window: Sizes, strides: Sizes) -> Array:
        """One number for each window; `window` and `strides` count every axis of `x`."""
        raise NotImplementedError(f"{self.who}: expected the class to define `pool`.")

    def _per_axis(self, spatial: Sizes) -> Sizes:
        return (1, *spatial, 1) if self.layout == "channels_last" else (1, 1, *spatial)


class MaxPooling(Pooling):
    """The largest entry of each window; keeps integer dtypes."""

    pool_size: Sizes = option(default=2, convert=PerAxis())

    def pool(self, x: Array, window: Sizes, strides: Sizes) -> Array:
        return max_pool(x, window, strides, self.padding)


class AveragePooling(Pooling):
    """The mean of each window; padding does not count. Integers become float32.

    (Keras adds integers up in their own dtype: four uint8 pixels overflow.)
    """

    def pool(self, x: Array, window: Sizes, strides: Sizes) -> Array:
        return average_pool(self.cast(x), window, strides, self.padding)


class MaxPooling1D(MaxPooling, rank=1):
    """The largest entry of each window of `[batch, steps, channels]`.

    Source: `keras.layers.MaxPooling1D`.
    """


class MaxPooling2D(MaxPooling, rank=2):
    """The largest entry of each window of `[batch, height, width, channels]`.

    Arguments: `pool_size`, `strides`, `padding`, `data_format`, as all pooling layers'. Of equal
    entries the first takes the gradient.

    Example:
      >>> import jax.numpy as jnp
      >>> x = jnp.arange(16.0).reshape(1, 4, 4, 1)
      >>> MaxPooling2D().apply({}, {}, x)[0].ravel().tolist()
      [5.0, 7.0, 13.0, 15.0]

    Source: `keras.layers.MaxPooling2D`.
    """


class MaxPooling3D(MaxPooling, rank=3):
    """The largest entry of each window of `[batch, depth, height, width, channels]`.

    Source: `keras.layers.MaxPooling3D`.
    """


class AveragePooling1D(AveragePooling, rank=1):
    """The mean of each window of `[batch, steps, channels]`.

    Source: `keras.layers.AveragePooling1D`.
    """


class AveragePooling2D(AveragePooling, rank=2):
    """The mean of each window of `[batch, height, width, channels]`; padding does not count.

    Source: `keras.layers.AveragePooling2D`.
    """


class AveragePooling3D(AveragePooling, rank=3):
    """The mean of each window of `[batch, depth, height, width, channels]`.

    Source: `keras.layers.AveragePooling3D`.
    """
