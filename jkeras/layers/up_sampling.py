"""Up-sampling layers: every spatial axis enlarged by an integer factor.

Laws: up-sampling by 1 is the identity; with "nearest" each entry is repeated, so integers stay
integers, and the gradient is the sum over the repetitions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp

from jkeras.core.layer import Array, InSlices, Params, option
from jkeras.layers.deterministic import Deterministic, cast_floating
from jkeras.layers.options import data_format, one_of, positive_int, sizes
from jkeras.layers.spatial import Spatial
from jkeras.ops.resizing import METHODS

if TYPE_CHECKING:
    from jax.typing import ArrayLike


class UpSampling(Spatial, Deterministic):
    """Base of UpSampling1D, UpSampling2D and UpSampling3D. See UpSampling2D."""

    in_slices: ClassVar[InSlices] = "same"

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = cast_floating(self, inputs)
        self.check_axes(x)
        size: Any = getattr(self, "size")  # noqa: B009  # mypy: a field of each subclass
        factors = (size,) if self.rank == 1 else size
        return self.enlarge(x, dict(zip(self.spatial_axes, factors, strict=True)))

    def enlarge(self, x: Array, factors: dict[int, int]) -> Array:
        """`x` with each entry repeated `factors[axis]` times along each spatial axis."""
        for axis, factor in factors.items():
            x = jnp.repeat(x, factor, axis)
        return x


class UpSampling1D(UpSampling, rank=1):
    """Each step of `[batch, steps, channels]` repeated `size` times.

    Args:
      size: the number of repetitions.

    Raises:
      ValueError: another rank.

    Example:
      >>> UpSampling1D().apply({}, {}, jnp.arange(2).reshape(1, 2, 1))[0].ravel().tolist()
      [0, 0, 1, 1]

    Source: `keras.layers.UpSampling1D`.
    """

    size: int = option(default=2, convert=positive_int)


class UpSampling2D(UpSampling, rank=2):
    """Images `size` times as high and wide: `[batch, height, width, channels]`.

    Args:
      size: the factors of height and width; one integer for both.
      data_format: "channels_last" (the default) or "channels_first".
      interpolation: "nearest" (repeat), "bilinear", "bicubic", "lanczos3" or "lanczos5"; all
        but the first turn integers into float32.

    Raises:
      ValueError: another rank.

    Example:
      >>> x = jnp.array([0.0, 4.0]).reshape(1, 1, 2, 1)
      >>> UpSampling2D((1, 2), interpolation="bilinear").apply({}, {}, x)[0].ravel().tolist()
      [0.0, 1.0, 3.0, 4.0]

    Source: `keras.layers.UpSampling2D`.
    """

    size: tuple[int, ...] = option(default=(2, 2), convert=sizes(2))
    data_format: str | None = data_format()
    interpolation: str = option(default="nearest", convert=one_of(*METHODS))

    def enlarge(self, x: Array, factors: dict[int, int]) -> Array:
        if self.interpolation == "nearest":
            return super().enlarge(x, factors)
        x = self.cast(x)
        shape = [size * factors.get(axis, 1) for axis, size in enumerate(x.shape)]
        return jax.image.resize(x, shape, METHODS[self.interpolation], antialias=False)


class UpSampling3D(UpSampling, rank=3):
    """Each entry of `[batch, depth, height, width, channels]` repeated along all three axes.

    Args:
      size: the factors of depth, height and width; one integer for all.
      data_format: "channels_last" (the default) or "channels_first".

    Raises:
      ValueError: another rank.

    Source: `keras.layers.UpSampling3D`.
    """

    size: tuple[int, ...] = option(default=(2, 2, 2), convert=sizes(3))
    data_format: str | None = data_format()
