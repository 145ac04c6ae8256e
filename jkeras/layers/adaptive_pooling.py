"""Adaptive pooling layers: a fixed number of windows for inputs of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from jkeras.core.layer import Array, InSlices, Params, option
from jkeras.layers.deterministic import Deterministic, cast_floating
from jkeras.layers.options import data_format
from jkeras.layers.spatial import PerAxis, Spatial
from jkeras.ops.adaptive_pooling import adaptive_average_pool, adaptive_max_pool

if TYPE_CHECKING:
    from jax.typing import ArrayLike


class AdaptivePooling(Spatial, Deterministic):
    """Base of the layers that pool to a given output size.

    Shapes: `[batch, *spatial, channels]` to `[batch, *output_size, channels]`, or channels in
    front.

    Args:
      output_size: the number of windows along each spatial axis; one integer for all axes.
      data_format: "channels_last" (the default) or "channels_first".

    Raises:
      ValueError: another rank.
    """

    in_slices: ClassVar[InSlices] = "same"

    output_size: tuple[int, ...] = option(convert=PerAxis())
    data_format: str | None = data_format()

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = cast_floating(self, inputs)
        self.check_axes(x)
        return self.pool(x, dict(zip(self.spatial_axes, self.output_size, strict=True)))

    def pool(self, x: Array, counts: dict[int, int]) -> Array:
        """One number for each window; `counts` has the number of windows of each spatial axis."""
        raise NotImplementedError(f"{self.who}: expected the class to define `pool`.")


class AdaptiveMaxPooling(AdaptivePooling):
    """The largest entry of each window; keeps integer dtypes."""

    def pool(self, x: Array, counts: dict[int, int]) -> Array:
        return adaptive_max_pool(x, counts)


class AdaptiveAveragePooling(AdaptivePooling):
    """The mean of each window. Integers become float32."""

    def pool(self, x: Array, counts: dict[int, int]) -> Array:
        return adaptive_average_pool(self.cast(x), counts)


class AdaptiveMaxPooling1D(AdaptiveMaxPooling, rank=1):
    """The largest entry of each of `output_size` windows of `[batch, steps, channels]`.

    Source: `keras.layers.AdaptiveMaxPooling1D`.
    """


class AdaptiveMaxPooling2D(AdaptiveMaxPooling, rank=2):
    """The largest entry of each window of `[batch, height, width, channels]`.

    Arguments: `output_size`, `data_format`, as all adaptive pooling layers'.

    Example:
      >>> import jax.numpy as jnp
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
