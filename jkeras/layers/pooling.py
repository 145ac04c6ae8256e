"""Pooling layers: a maximum or a mean over one to three spatial axes.

The windows have a size (`MaxPooling2D`) or a number (`AdaptiveMaxPooling2D`), or are all entries
of a channel (`GlobalMaxPooling2D`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import jax.numpy as jnp

from jkeras.core.keys import Key
from jkeras.core.layer import Array, InSlices, Params, State, option
from jkeras.layers import options
from jkeras.layers.deterministic import Deterministic, cast_floating, checked_mask
from jkeras.layers.options import optional, sizes
from jkeras.layers.spatial import PerAxis, Spatial
from jkeras.ops.adaptive_pooling import adaptive_average_pool, adaptive_max_pool
from jkeras.ops.pooling import average_pool, max_pool

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.trees import Tree
    from jkeras.core.typing import Masks

Sizes = tuple[int, ...]


class PoolingBase(Spatial, Deterministic):
    """Base of all pooling layers."""

    in_slices: ClassVar[InSlices] = "same"

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = cast_floating(self, inputs)
        self.check_axes(x)
        return self.pool(x)

    def pool(self, x: Array) -> Array:
        """One number for each window; `x` has the right axes, and integers as they are."""
        raise NotImplementedError(f"{self.who}: expected the class to define `pool`.")


class Pooling(PoolingBase):
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

    pool_size: Sizes = option(convert=PerAxis())
    strides: Sizes | None = option(
        default=None, convert=PerAxis(lambda rank: optional(sizes(rank)))
    )
    padding: str = options.padding()
    data_format: str | None = options.data_format()

    def pool(self, x: Array) -> Array:
        if self.padding == "valid":
            self.check_window(x, self.pool_size, "pool_size")
        strides = self._per_axis(self.strides or self.pool_size)
        return self.pool_windows(x, self._per_axis(self.pool_size), strides)

    def pool_windows(self, x: Array, window: Sizes, strides: Sizes) -> Array:
        """One number for each window; `window` and `strides` count every axis of `x`."""
        raise NotImplementedError(f"{self.who}: expected the class to define `pool_windows`.")

    def _per_axis(self, spatial: Sizes) -> Sizes:
        return (1, *spatial, 1) if self.layout == "channels_last" else (1, 1, *spatial)


class MaxPooling(Pooling):
    """The largest entry of each window; keeps integer dtypes."""

    pool_size: Sizes = option(default=2, convert=PerAxis())

    def pool_windows(self, x: Array, window: Sizes, strides: Sizes) -> Array:
        return max_pool(x, window, strides, self.padding)


class AveragePooling(Pooling):
    """The mean of each window; padding does not count. Integers become float32.

    (Keras adds integers up in their own dtype: four uint8 pixels overflow.)
    """

    def pool_windows(self, x: Array, window: Sizes, strides: Sizes) -> Array:
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


class AdaptivePooling(PoolingBase):
    """Base of the layers that pool to a given output size.

    Shapes: `[batch, *spatial, channels]` to `[batch, *output_size, channels]`, or channels in
    front.

    Args:
      output_size: the number of windows along each spatial axis; one integer for all axes.
      data_format: "channels_last" (the default) or "channels_first".

    Raises:
      ValueError: another rank.
    """

    output_size: Sizes = option(convert=PerAxis())
    data_format: str | None = options.data_format()

    @property
    def counts(self) -> dict[int, int]:
        """The number of windows along each spatial axis."""
        return dict(zip(self.spatial_axes, self.output_size, strict=True))


class AdaptiveMaxPooling(AdaptivePooling):
    """The largest entry of each window; keeps integer dtypes."""

    def pool(self, x: Array) -> Array:
        return adaptive_max_pool(x, self.counts)


class AdaptiveAveragePooling(AdaptivePooling):
    """The mean of each window. Integers become float32."""

    def pool(self, x: Array) -> Array:
        return adaptive_average_pool(self.cast(x), self.counts)


class AdaptiveMaxPooling1D(AdaptiveMaxPooling, rank=1):
    """The largest entry of each of `output_size` windows of `[batch, steps, channels]`.

    Source: `keras.layers.AdaptiveMaxPooling1D`.
    """


class AdaptiveMaxPooling2D(AdaptiveMaxPooling, rank=2):
    """The largest entry of each window of `[batch, height, width, channels]`.

    Arguments: `output_size`, `data_format`, as all adaptive pooling layers'.

    Example:
      >>> x = jnp.arange(9.0).reshape(1, 3, 3, 1)
      >>> AdaptiveMaxPooling2D(2).apply({}, {}, x)[0].ravel().tolist()
      [4.0, 5.0, 7.0, 8.0]

    Source: `keras.layers.AdaptiveMaxPooling2D`.
    """


class AdaptiveMaxPooling3D(AdaptiveMaxPooling, rank=3):
    """The largest entry of each window of `[batch, depth, height, width, channels]`.

    Source: `keras.layers.AdaptiveMaxPooling3D`.
    """


class AdaptiveAveragePooling1D(AdaptiveAveragePooling, rank=1):
    """The mean of each of `output_size` windows of `[batch, steps, channels]`.

    Source: `keras.layers.AdaptiveAveragePooling1D`.
    """


class AdaptiveAveragePooling2D(AdaptiveAveragePooling, rank=2):
    """The mean of each window of `[batch, height, width, channels]`.

    Source: `keras.layers.AdaptiveAveragePooling2D`.
    """


class AdaptiveAveragePooling3D(AdaptiveAveragePooling, rank=3):
    """The mean of each window of `[batch, depth, height, width, channels]`.

    Source: `keras.layers.AdaptiveAveragePooling3D`.
    """


class GlobalPooling(PoolingBase):
    """Base of the layers that pool over all spatial axes.

    Shapes: `[batch, *spatial, channels]` to `[batch, channels]`, or with `keepdims` spatial axes of
    size 1.

    Args:
      data_format: "channels_last" (the default) or "channels_first".
      keepdims: whether the spatial axes stay, with size 1.

    Raises:
      ValueError: another rank.
    """

    data_format: str | None = options.data_format()
    keepdims: bool = False


class GlobalMaxPooling(GlobalPooling):
    """The largest entry of each channel; keeps integer dtypes."""

    def pool(self, x: Array) -> Array:
        return jnp.max(x, self.spatial_axes, keepdims=self.keepdims)


class GlobalAveragePooling(GlobalPooling):
    """The mean of each channel."""

    def pool(self, x: Array) -> Array:
        return jnp.mean(self.cast(x), self.spatial_axes, keepdims=self.keepdims)


class GlobalMaxPooling1D(GlobalMaxPooling, rank=1):
    """`[batch, steps, channels]` to the largest of each channel.

    Source: `keras.layers.GlobalMaxPooling1D`.
    """


class GlobalMaxPooling2D(GlobalMaxPooling, rank=2):
    """`[batch, height, width, channels]` to the largest entry of each channel.

    Source: `keras.layers.GlobalMaxPooling2D`.
    """


class GlobalMaxPooling3D(GlobalMaxPooling, rank=3):
    """`[batch, depth, height, width, channels]` to the largest entry of each channel.

    Source: `keras.layers.GlobalMaxPooling3D`.
    """


class GlobalAveragePooling1D(GlobalAveragePooling, rank=1):
    """`[batch, steps, channels]` to the mean of each channel.

    With a mask the mean is over the unmasked steps, and zeros if all steps are masked. (NaN in
    Keras.)

    Raises:
      ValueError: another rank; a `mask` that is not [batch, steps].

    Example:
      >>> x, mask = jnp.array([[[1.0], [5.0]]]), jnp.array([[True, False]])
      >>> GlobalAveragePooling1D().apply({}, {}, x, mask=mask)[0].tolist()
      [[1.0]]

    Source: `keras.layers.GlobalAveragePooling1D`.
    """

    supports_masking: ClassVar[bool] = True
    makes_masks: ClassVar[bool] = False

    def compute_mask(self, inputs: Tree, mask: Masks = None) -> None:
        """None: the outputs have no steps."""

    def apply(
        self,
        params: Params,
        state: State,
        inputs: ArrayLike,
        *,
        key: Key | None = None,
        training: bool = False,
        mask: ArrayLike | None = None,
    ) -> tuple[Array, State]:
        """`Layer.apply`; `mask` is [batch, steps] bool."""
        if mask is None:
            return super().apply(params, state, inputs, key=key, training=training)
        x, (steps,) = self.cast(inputs), self.spatial_axes
        self.check_axes(x)
        shape = (x.shape[0], x.shape[steps])
        expected = f"`mask` of shape {shape}, [batch, steps] as the inputs"
        real = jnp.expand_dims(checked_mask(self, mask, shape, expected, got="{}"), 3 - steps)
        total = jnp.sum(jnp.where(real, x, 0), steps, keepdims=self.keepdims)
        count = jnp.sum(real, steps, keepdims=self.keepdims, dtype=x.dtype)
        return total / jnp.maximum(count, 1), state


class GlobalAveragePooling2D(GlobalAveragePooling, rank=2):
    """`[batch, height, width, channels]` to the mean of each channel.

    Example:
      >>> x = jnp.arange(8.0).reshape(1, 2, 2, 2)
      >>> GlobalAveragePooling2D().apply({}, {}, x)[0].tolist()
      [[3.0, 4.0]]

    Source: Lin et al. 2013, arXiv:1312.4400; `keras.layers.GlobalAveragePooling2D`.
    """


class GlobalAveragePooling3D(GlobalAveragePooling, rank=3):
    """`[batch, depth, height, width, channels]` to the mean of each channel.

    Source: `keras.layers.GlobalAveragePooling3D`.
    """
