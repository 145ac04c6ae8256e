"""Pooling: a maximum or a mean over windows of some axes.

A window is given per axis of the array, 1 where nothing is pooled. Laws: a window of ones is the
identity; the maximum is at least the mean; padding is never seen, neither as a maximum nor in a
mean.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jkeras.ops.linear import along


def max_pool(
    x: jax.Array, window: Sequence[int], strides: Sequence[int], padding: str
) -> jax.Array:
    """The largest entry of each window. Among equal ones, the first takes the gradient.

    Args:
      x: any rank, real.
      window: one size per axis of `x`.
      strides: one step per axis of `x`.
      padding: "valid" or "same".

    Returns:
      The rank and dtype of `x`.
    """
    if _is_tiled(window, strides, padding, x.shape):
        whole = [size // width * width for size, width in zip(x.shape, window, strict=True)]
        return _max_of_tiles(lax.slice(x, [0] * x.ndim, whole), tuple(window))
    lowest = -np.inf if jnp.issubdtype(x.dtype, jnp.floating) else np.iinfo(x.dtype).min
    return lax.reduce_window(
        x, np.array(lowest, x.dtype), lax.max, tuple(window), tuple(strides), padding.upper()
    )


def _is_tiled(
    window: Sequence[int], strides: Sequence[int], padding: str, shape: Sequence[int]
) -> bool:
    """Whether windows lie side by side without padding, on the backend where that is faster."""
    fits = all(size % width == 0 for size, width in zip(shape, window, strict=True))
    unpadded = fits or padding == "valid"
    return jax.default_backend() == "cpu" and tuple(window) == tuple(strides) and unpadded


# Windows side by side are axes of their own after a reshape, and a maximum over an axis is several
# times faster on the CPU than a window that slides (a training step of a small network: 57 to 26
# ms). Its usual derivative would split a gradient between equal entries, which relu makes common;
# this one gives it to the first, as Keras does.
@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _max_of_tiles(x: jax.Array, window: tuple[int, ...]) -> jax.Array:
    """The maximum of each tile of size `window`."""
    tiles, inner = _as_tiles(x, window)
    return tiles.max(inner)


@_max_of_tiles.defjvp
def _max_of_tiles_jvp(
    window: tuple[int, ...], primals: tuple[jax.Array], tangents: tuple[jax.Array]
) -> tuple[jax.Array, jax.Array]:
    tiles, inner = _as_tiles(primals[0], window)
    largest = tiles.max(inner, keepdims=True)
    changes, _ = _as_tiles(tangents[0], window)
    chosen = _first(tiles == largest, inner)
    return largest.squeeze(inner), jnp.where(chosen, changes, 0).sum(inner)


def _as_tiles(x: jax.Array, window: Sequence[int]) -> tuple[jax.Array, tuple[int, ...]]:
    """`x` with each axis split into tiles and places within a tile, and the axes of the places."""
    shape = [n for size, width in zip(x.shape, window, strict=True) for n in (size // width, width)]
    return x.reshape(shape), tuple(range(1, 2 * x.ndim, 2))


def _first(hit: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """`hit` with all but the first True along `axes` (the last of them fastest) made False."""
    places = [hit.shape[axis] for axis in axes]
    shape = [n if i in axes else 1 for i, n in enumerate(hit.shape)]
    number = jnp.arange(math.prod(places), dtype=jnp.int32).reshape(shape)
    rank = jnp.where(hit, number, math.prod(places))
    return rank == rank.min(axes, keepdims=True)


def average_pool(
    x: jax.Array, window: Sequence[int], strides: Sequence[int], padding: str
) -> jax.Array:
    """The mean of each window's entries; padding does not count.

    Args:
      x: any rank, floating.
      window: one size per axis of `x`.
      strides: one step per axis of `x`.
      padding: "valid" or "same".

    Returns:
      The rank and dtype of `x`.

    Example:
      >>> average_pool(jnp.arange(5.0), (2,), (2,), "same").tolist()
      [0.5, 2.5, 4.0]
    """
    zero = np.array(0, x.dtype)
    sums = lax.reduce_window(x, zero, lax.add, tuple(window), tuple(strides), padding.upper())
    for axis, (size, width, step) in enumerate(zip(x.shape, window, strides, strict=True)):
        if width > 1:
            count = _entries_per_window(size, width, step, padding).astype(x.dtype)
            sums = sums / along(axis, jnp.asarray(count), x.ndim)
    return sums


def _entries_per_window(size: int, width: int, step: int, padding: str) -> np.ndarray:
    """How many of an axis's `size` entries each window holds: `[windows]` integers."""
    if padding == "valid":
        return np.full(max((size - width) // step + 1, 0), width)
    windows = -(-size // step)
    before = max((windows - 1) * step + width - size, 0) // 2
    starts = np.arange(windows) * step - before
    return np.minimum(starts + width, size) - np.maximum(starts, 0)
