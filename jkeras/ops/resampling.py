"""Images read at other places: the one resampler of affine, perspective and elastic maps.

    resample(images, rows, columns)[b, i, j] = images[b, rows[b, i, j], columns[b, i, j]]

Places lie between pixels: the bilinear value is the mean of the four pixels around, weighted by
nearness. Each of the four is one gather of all images, so a batch is read in one pass, whatever the
number of images and channels.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from jkeras.core.platform import platform

Array = jax.Array

INTERPOLATIONS = ("nearest", "bilinear")
FILLS = ("constant", "nearest", "wrap", "mirror", "reflect")
"""What lies outside of an image `a b c d`: `k k|a b c d|k k`, `a a|a b c d|d d`, `c d|a b c d|a b`,
`c b|a b c d|c b`, `b a|a b c d|d c`."""


def resample(
    images: Array,
    rows: Array,
    columns: Array,
    *,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0.0,
) -> Array:
    """The values of images at places.

    Args:
      images: `[batch, height, width, channels]` floating.
      rows, columns: `[batch, h, w]` or `[1, h, w]` floating, in pixels; the first pixel is 0.
      interpolation: one of `INTERPOLATIONS`.
      fill_mode: one of `FILLS`.
      fill_value: the value outside in mode "constant".

    Returns:
      `[batch, h, w, channels]`, the dtype of `images`.

    Example:
      >>> images = jnp.arange(4.0).reshape(1, 2, 2, 1)
      >>> where = jnp.full((1, 1, 1), 0.5)
      >>> resample(images, where, where).item()
      1.5

    Source: `jax.scipy.ndimage.map_coordinates`, whose numbers these are.
    """
    batch, height, width, channels = images.shape
    flat = images.reshape(batch * height * width, channels)
    first = (jnp.arange(batch, dtype=jnp.int32) * (height * width))[:, None, None]
    total: Array | float = 0.0
    for row, row_weight, row_inside in _taps(rows, height, interpolation, fill_mode):
        for column, weight, inside in _taps(columns, width, interpolation, fill_mode):
            where = first + (row * width + column)
            values = flat.at[where].get(mode="promise_in_bounds")
            if fill_mode == "constant":
                known = (row_inside & inside)[..., None]
                values = jnp.where(known, values, jnp.asarray(fill_value, images.dtype))
            if interpolation == "bilinear":
                values = values * (row_weight * weight)[..., None].astype(images.dtype)
            total = total + values
    return jnp.asarray(total)


def resample_apart(
    images: Array,
    rows: Array,
    columns: Array,
    *,
    interpolation: str,
    fill_mode: str,
    fill_value: float,
) -> Array:
    """`resample` for as many places as pixels, in a part of the program by itself.

    On the CPU XLA fuses what images are computed by into the gathers, and computes it anew for each
    of the four pixels around a place: a rotation before a zoom took four times as long. A branch is
    not fused; its condition holds wherever places are numbers.
    """

    def read(images: Array, rows: Array, columns: Array) -> Array:
        return resample(
            images,
            rows,
            columns,
            interpolation=interpolation,
            fill_mode=fill_mode,
            fill_value=fill_value,
        )

    if platform() != "cpu":
        return read(images, rows, columns)
    is_known = jnp.isfinite(rows[0, 0, 0])
    return lax.cond(is_known, read, lambda images, *places: images, images, rows, columns)


def _taps(
    places: Array, size: int, interpolation: str, fill_mode: str
) -> list[tuple[Array, Array, Array]]:
    """The entries of an axis that count for the value at places: index, weight, and whether it lies
    inside of the axis.
    """
    if interpolation == "nearest":
        lower, above = lax.round(places), jnp.zeros_like(places)
        pairs = [(lower.astype(jnp.int32), jnp.ones_like(places))]
    else:
        lower = jnp.floor(places)
        above = places - lower
        index = lower.astype(jnp.int32)
        pairs = [(index, 1 - above), (index + 1, above)]
    return [
        (_within(index, size, fill_mode), weight, (index >= 0) & (index < size))
        for index, weight in pairs
    ]


def _within(index: Array, size: int, fill_mode: str) -> Array:
    """The index inside of the axis that stands for one outside."""
    if fill_mode == "wrap":
        return jnp.mod(index, size)
    if fill_mode == "mirror":
        period = max(2 * (size - 1), 1)
        index = jnp.mod(index, period)
        return jnp.minimum(index, period - index) if size > 1 else jnp.zeros_like(index)
    if fill_mode == "reflect":
        index = jnp.mod(index, 2 * size)
        return jnp.minimum(index, 2 * size - 1 - index)
    return jnp.clip(index, 0, size - 1)
