"""Adaptive pooling: windows that follow from the number of outputs.

Window i of m over n entries goes from floor(i · n / m) to ceil((i + 1) · n / m): windows overlap
where m does not divide n, and repeat entries where m > n. Laws: m = n is the identity, m = 1 pools
everything; where m divides n, it is pooling with windows of n / m.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.ops.linear import along
from jkeras.ops.pooling import average_pool, largest, max_pool


def adaptive_max_pool(x: jax.Array, counts: Mapping[int, int]) -> jax.Array:
    """The largest entry of each window, one axis after the other.

    Args:
      x: any rank, real.
      counts: how many windows, for each axis that is pooled.

    Returns:
      The rank and dtype of `x`. Among equal entries the first of the last axis, then of the one
      before, and so on, takes the gradient.

    Example:
      >>> adaptive_max_pool(jnp.arange(5), {0: 2}).tolist()
      [2, 4]
    """
    for axis, count in counts.items():
        if x.shape[axis] % count == 0:
            window = _tiles(x, axis, count)
            x = max_pool(x, window, window, "valid")
        elif not isinstance(x.shape[axis], int):
            lowest = -jnp.inf if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min
            windows = [
                jnp.where(along(axis, inside, x.ndim), x, jnp.asarray(lowest, x.dtype)).max(axis)
                for inside in _inside(x.shape[axis], count)
            ]
            x = jnp.stack(windows, axis)
        else:
            starts, ends = _bounds(x.shape[axis], count)
            x = largest(*_places(x, axis, starts, ends))
    return x


def adaptive_average_pool(x: jax.Array, counts: Mapping[int, int]) -> jax.Array:
    """The mean of each window, one axis after the other.

    `x` is floating; `counts` and the result are as for `adaptive_max_pool`. Windows of one axis may
    differ in size, so this is a mean of means: each window counts all its entries alike.

    Example:
      >>> adaptive_average_pool(jnp.arange(5.0), {0: 2}).tolist()
      [1.0, 3.0]
    """
    for axis, count in counts.items():
        if x.shape[axis] % count == 0:
            window = _tiles(x, axis, count)
            x = average_pool(x, window, window, "valid")
        elif not isinstance(x.shape[axis], int):
            inside = _inside(x.shape[axis], count).astype(x.dtype)
            means = jnp.tensordot(x, inside / inside.sum(1, keepdims=True), ([axis], [1]))
            x = jnp.moveaxis(means, -1, axis)
        else:
            starts, ends = _bounds(x.shape[axis], count)
            places = _places(x, axis, starts, ends)
            # Positions beyond the end of a window have weight zero.
            shares = [(starts + n < ends) / (ends - starts) for n in range(len(places))]
            weights = [along(axis, jnp.asarray(share, x.dtype), x.ndim) for share in shares]
            x = functools.reduce(operator.add, map(operator.mul, places, weights))
    return x


def _bounds(size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The start and the end (exclusive) of each of `count` windows over `size` entries."""
    numbers = np.arange(count)
    return numbers * size // count, -(-(numbers + 1) * size // count)


def _inside(size: Any, count: int) -> jax.Array:
    """Which entries are in which window, `[count, size]`: for a size that is a symbol."""
    numbers, entries = jnp.arange(count)[:, None], jnp.arange(size)[None]
    starts, ends = numbers * size // count, -(-(numbers + 1) * size // count)
    return (entries >= starts) & (entries < ends)


def _places(x: jax.Array, axis: int, starts: np.ndarray, ends: np.ndarray) -> list[jax.Array]:
    """For each position in the longest window, the entries of all windows at this position.

    A shorter window repeats its last entry, which comes after its first largest entry.
    """
    widest = int((ends - starts).max())
    return [jnp.take(x, np.minimum(starts + n, ends - 1), axis) for n in range(widest)]


def _tiles(x: jax.Array, axis: int, count: int) -> tuple[int, ...]:
    return tuple(size // count if i == axis else 1 for i, size in enumerate(x.shape))
