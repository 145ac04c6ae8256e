"""Cropping and zero padding of the spatial axes.

Laws: cropping is the inverse of padding by the same margins; the gradient of one is the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import jax.numpy as jnp
from jax import lax

from jkeras.core.errors import describe
from jkeras.core.layer import Array, InSlices, Params, option
from jkeras.layers.deterministic import Deterministic, cast_floating
from jkeras.layers.options import count, data_format, sizes
from jkeras.layers.spatial import Spatial

if TYPE_CHECKING:
    from jax.typing import ArrayLike

Pair = tuple[int, int]


def _pairs(rank: int) -> Callable[[Any], tuple[Pair, ...]]:
    """A converter to a pair, in front and behind, per axis: from 2, (1, 2) or ((1, 1), (0, 2))."""
    both = sizes(2, count)

    def convert(value: object) -> tuple[Pair, ...]:
        if not isinstance(value, tuple | list):
            return ((count(value), count(value)),) * rank
        if len(value) != rank:
            raise ValueError(
                f"expected an integer, or one or a pair for each of {rank} axes, got "
                f"{describe(value)}."
            )
        return tuple((front, behind) for front, behind in map(both, value))

    return convert


class SpatialEnds(Spatial, Deterministic):
    """Base of the layers that change the ends of the spatial axes, by the method `move`."""

    in_slices: ClassVar[InSlices] = "same"

    margins: ClassVar[str]
    """The field that says how many entries in front and behind."""

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = cast_floating(self, inputs)
        self.check_axes(x)
        pairs = getattr(self, self.margins)
        pairs = (pairs,) if self.rank == 1 else pairs
        return self.move(x, dict(zip(self.spatial_axes, pairs, strict=True)))

    def move(self, x: Array, pairs: dict[int, Pair]) -> Array:
        """`x`, cropped or padded by `pairs`: (in front, behind) for each spatial axis."""
        raise NotImplementedError(f"{self.who}: expected the class to define `move`.")


class Cropping(SpatialEnds):
    """Base of the cropping layers: removes entries at the ends of the spatial axes."""

    margins: ClassVar[str] = "cropping"

    def move(self, x: Array, pairs: dict[int, Pair]) -> Array:
        spatial = tuple(x.shape[axis] for axis in pairs)
        if any(x.shape[axis] <= sum(pair) for axis, pair in pairs.items()):
            raise self.value_error(
                f"`cropping` to leave some of the inputs' {spatial}", getattr(self, self.margins)
            )
        begin, end = [0] * x.ndim, list(x.shape)
        for axis, (front, behind) in pairs.items():
            begin[axis], end[axis] = front, x.shape[axis] - behind
        return lax.slice(x, begin, end)


class ZeroPadding(SpatialEnds):
    """Base of the padding layers: adds zeros around the spatial axes."""

    margins: ClassVar[str] = "padding"

    def move(self, x: Array, pairs: dict[int, Pair]) -> Array:
        return jnp.pad(x, [pairs.get(axis, (0, 0)) for axis in range(x.ndim)])


class Cropping1D(Cropping, rank=1):
    """`[batch, steps, channels]` without its first and last steps.

    Args:
      cropping: the number of steps to remove in front and behind; one integer for both.

    Raises:
      ValueError: another rank, or no step remains.

    Example:
      >>> Cropping1D((1, 2)).apply({}, {}, jnp.arange(5).reshape(1, 5, 1))[0].ravel().tolist()
      [1, 2]

    Source: `keras.layers.Cropping1D`.
    """

    cropping: Pair = option(default=(1, 1), convert=sizes(2, count))


class Cropping2D(Cropping, rank=2):
    """`[batch, height, width, channels]` without its first and last rows and columns.

    Args:
      cropping: ((top, bottom), (left, right)); (2, 3) is ((2, 2), (3, 3)), 2 is (2, 2).
      data_format: "channels_last" (the default) or "channels_first".

    Raises:
      ValueError: another rank, or no entry remains.

    Example:
      >>> Cropping2D(((1, 0), (0, 2))).apply({}, {}, jnp.zeros((1, 4, 4, 3)))[0].shape
      (1, 3, 2, 3)

    Source: `keras.layers.Cropping2D`.
    """

    cropping: tuple[Pair, ...] = option(default=((0, 0), (0, 0)), convert=_pairs(2))
    data_format: str | None = data_format()


class Cropping3D(Cropping, rank=3):
    """`[batch, depth, height, width, channels]` without its ends. See Cropping2D.

    Source: `keras.layers.Cropping3D`.
    """

    cropping: tuple[Pair, ...] = option(default=((1, 1), (1, 1), (1, 1)), convert=_pairs(3))
    data_format: str | None = data_format()


class ZeroPadding1D(ZeroPadding, rank=1):
    """`[batch, steps, channels]` with zeros before and after.

    Args:
      padding: the number of zeros in front and behind; one integer for both.
      data_format: "channels_last" (the default) or "channels_first".

    Raises:
      ValueError: another rank.

    Source: `keras.layers.ZeroPadding1D`.
    """

    padding: Pair = option(default=1, convert=sizes(2, count))
    data_format: str | None = data_format()


class ZeroPadding2D(ZeroPadding, rank=2):
    """`[batch, height, width, channels]` with zeros around every image.

    Args:
      padding: ((top, bottom), (left, right)); (2, 3) is ((2, 2), (3, 3)), 2 is (2, 2).
      data_format: "channels_last" (the default) or "channels_first".

    Raises:
      ValueError: another rank.

    Example:
      >>> ZeroPadding2D(((1, 0), (0, 2))).apply({}, {}, jnp.ones((1, 1, 1, 1)))[0].ravel().tolist()
      [0.0, 0.0, 0.0, 1.0, 0.0, 0.0]

    Source: `keras.layers.ZeroPadding2D`.
    """

    padding: tuple[Pair, ...] = option(default=(1, 1), convert=_pairs(2))
    data_format: str | None = data_format()


class ZeroPadding3D(ZeroPadding, rank=3):
    """`[batch, depth, height, width, channels]` with zeros around every volume. See ZeroPadding2D.

    Source: `keras.layers.ZeroPadding3D`.
    """

    padding: tuple[Pair, ...] = option(default=((1, 1), (1, 1), (1, 1)), convert=_pairs(3))
    data_format: str | None = data_format()
