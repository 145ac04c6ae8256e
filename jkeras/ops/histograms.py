"""Equalization of images by the histograms of their channels, whole or tile by tile.

Images are `[batch, height, width, channels]`, floating, with values from 0 to 255. Each image and
channel is equalized by itself, so an image is the same in every batch.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp

Array = jax.Array


def equalize(images: Array, bins: int = 256) -> Array:
    """Images whose values are spread so that each is as frequent as the next; constant ones stay.

    Args:
      images: values from 0 to 255.
      bins: how many values a histogram tells apart.
    """
    batch, height, width, channels = images.shape
    planes = jnp.moveaxis(images, -1, 1).reshape(batch * channels, height * width)
    equalized = jax.vmap(functools.partial(_equalized, bins=bins))(planes)
    return jnp.moveaxis(equalized.reshape(batch, channels, height, width), 1, -1)


def _equalized(values: Array, bins: int) -> Array:
    """The values of one channel of one image, `[n]`."""
    binned = jnp.clip((values * (bins - 1) / 255).astype(jnp.int32), 0, bins - 1)
    counts = jnp.zeros(bins, jnp.int32).at[binned].add(1)
    sums = jnp.cumsum(counts)
    above = (sums - sums[jnp.argmax(sums > 0)]).astype(jnp.float32)
    total = above[-1]
    shares = above * 255 / jnp.where(total == 0, jnp.ones_like(total), total)
    table = jnp.clip(jnp.round(shares), 0, 255).astype(values.dtype)
    places = jnp.clip(values / 255 * (bins - 1), 0, bins - 1).astype(jnp.int32)
    return jnp.where(jnp.count_nonzero(counts) <= 1, values, table[places])


def equalize_tiles(images: Array, grid: tuple[int, int], clip_limit: float) -> Array:
    """Images equalized by the histograms of tiles around each pixel, with bounded contrast.

    Args:
      images: values from 0 to 255.
      grid: the number of tiles along height and width.
      clip_limit: how often a value may count, in units of the mean count; what is above it is
        spread over all values. No limit at 0.

    Source: Zuiderveld 1994, "Contrast limited adaptive histogram equalization", Graphics Gems IV.
    """
    _, height, width, _ = images.shape
    rows, columns = (-(-size // n) for size, n in zip((height, width), grid, strict=True))
    margins = ((0, 0), (0, rows * grid[0] - height), (0, columns * grid[1] - width), (0, 0))
    padded = jnp.pad(images, margins, mode="symmetric")
    tables = _tile_tables(padded, grid, (rows, columns), clip_limit)
    return _between_tiles(padded, tables, (rows, columns))[:, :height, :width]


def _tile_tables(
    images: Array, grid: tuple[int, int], tile: tuple[int, int], clip_limit: float
) -> Array:
    """The new value of each of 256 values, for each tile: `[batch, *grid, channels, 256]`."""
    batch, _, _, channels = images.shape
    apart = images.reshape(batch, grid[0], tile[0], grid[1], tile[1], channels)
    count = tile[0] * tile[1]
    values = apart.transpose(0, 1, 3, 5, 2, 4).reshape(-1, count)
    values = jnp.clip(values.astype(jnp.int32), 0, 255)
    tiles = jnp.arange(len(values))[:, None]
    counts = jnp.zeros((len(values), 256), jnp.float32).at[tiles, values].add(1.0)
    if clip_limit > 0:
        clipped = jnp.clip(counts, 0, clip_limit * count / 256)
        counts = clipped + jnp.sum(counts - clipped, axis=-1, keepdims=True) / 256
    sums = jnp.cumsum(counts, axis=-1)
    first = jnp.min(sums, axis=-1, keepdims=True)
    total = count - first
    shares = (sums - first) * 255 / jnp.where(total == 0, jnp.ones_like(total), total)
    return jnp.clip(shares, 0, 255).reshape(batch, *grid, channels, 256)


def _between_tiles(images: Array, tables: Array, tile: tuple[int, int]) -> Array:
    """The new values of pixels, between those of the four tiles around."""
    batch, height, width, channels = images.shape
    grid = tables.shape[1:3]
    values = jnp.clip(images, 0, 255).astype(jnp.int32)
    example = jnp.arange(batch)[:, None, None, None]
    channel = jnp.arange(channels)[None, None, None]

    def around(length: int, size: int, count: int) -> tuple[list[Array], Array]:
        """The tiles in front of and behind each entry of an axis, and the share of the second."""
        place = (jnp.arange(length, dtype=jnp.float32) - size / 2) / size
        lower = jnp.floor(place)
        pair = [jnp.clip(lower + step, 0, count - 1).astype(jnp.int32) for step in (0, 1)]
        return pair, place - lower

    (top, bottom), share_y = around(height, tile[0], grid[0])
    (left, right), share_x = around(width, tile[1], grid[1])
    share_y, share_x = share_y[None, :, None, None], share_x[None, None, :, None]

    def read(row: Array, column: Array) -> Array:
        row, column = row[None, :, None, None], column[None, None, :, None]
        return tables[example, row, column, channel, values]

    upper = read(top, left) * (1 - share_x) + read(top, right) * share_x
    lower = read(bottom, left) * (1 - share_x) + read(bottom, right) * share_x
    return (upper * (1 - share_y) + lower * share_y).astype(images.dtype)
