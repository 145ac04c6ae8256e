"""Pooling: a maximum or a mean over windows of some axes.

A window is given per axis of the array, 1 where nothing is pooled. Laws: a window of ones is the
identity; the maximum is at least the mean; padding is never seen, neither as a maximum nor in a
mean.
"""

from __future__ import annotations

import functools
import itertools
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
    return functools.reduce(jnp.maximum, _places(x, window))


@_max_of_tiles.defjvp
def _max_of_tiles_jvp(
    window: tuple[int, ...], primals: tuple[jax.Array], tangents: tuple[jax.Array]
) -> tuple[jax.Array, jax.Array]:
    places = _places(primals[0], window)
    largest = functools.reduce(jnp.maximum, places)
    first = jnp.full(largest.shape, len(places), jnp.int32)
    for number, place in reversed(list(enumerate(places))):
        first = jnp.where(place == largest, number, first)
    # The place of each entry in its tile, against that of the tile's first maximum.
    tiles = [n for size, width in zip(largest.shape, window, strict=True) for n in (size, width)]
    inner = tuple(range(1, len(tiles), 2))
    numbers = np.arange(len(places), dtype=np.int32).reshape(
        [n if i in inner else 1 for i, n in enumerate(tiles)]
    )
    chosen = lax.expand_dims(first, inner) == numbers
    changes = jnp.where(chosen, tangents[0].reshape(tiles), 0)
    return largest, changes.sum(inner)


def _places(x: jax.Array, window: tuple[int, ...]) -> list[jax.Array]:
    """For each place in a tile, the entries of all tiles there; the last axis varies fastest."""
    starts = itertools.product(*map(range, window))
    return [lax.slice(x, start, x.shape, window) for start in starts]


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
