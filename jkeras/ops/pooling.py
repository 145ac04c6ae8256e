"""Pooling: a maximum or a mean over windows of some axes.

A window is given per axis of the array, 1 where nothing is pooled. Laws: a window of ones is the
identity; the maximum is at least the mean; padding is never seen, neither as a maximum nor in a
mean; among equal entries the first takes the gradient of a maximum.

On the CPU windows are pooled one axis after the other, as shifted slices: `reduce_window` is slow
there, and its gradient slower. Measured on one x86-64 core, in a loop, value and gradient for 32
images of 28 by 28 with 32 channels, windows of 3 by 3: the maximum with stride 2 takes 1.0 ms
instead of 14, with stride 1 3.0 instead of 51; the mean 0.9 instead of 5.7, and 1.9 instead of 6.6.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jkeras.core.platform import platform
from jkeras.ops.linear import along
from jkeras.ops.patches import explicit_pads, missing_entries, taps


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

    Example:
      >>> max_pool(jnp.array([3.0, 1.0, 2.0, 0.0]), (2,), (1,), "same").tolist()
      [3.0, 2.0, 2.0, 0.0]
    """
    lowest = -np.inf if jnp.issubdtype(x.dtype, jnp.floating) else np.iinfo(x.dtype).min
    if not _fast_without_xla(x):
        return lax.reduce_window(
            x, np.array(lowest, x.dtype), lax.max, tuple(window), tuple(strides), padding.upper()
        )
    return _max_pool_on_cpu(x, tuple(window), tuple(strides), padding, lowest)


def _fast_without_xla(x: jax.Array) -> bool:
    """Whether shifted slices are faster; an export for any size, which has no gradient, leaves the
    sizes to XLA.
    """
    return platform() == "cpu" and all(isinstance(n, int) for n in x.shape[1:])


# One program where nothing around is compiled; part of what is around elsewhere.
@functools.partial(jax.jit, static_argnums=(1, 2, 3, 4))
def _max_pool_on_cpu(
    x: jax.Array, window: tuple[int, ...], strides: tuple[int, ...], padding: str, lowest: float
) -> jax.Array:
    fits = all(size % width == 0 for size, width in zip(x.shape, window, strict=True))
    if window == strides and (fits or padding == "valid"):
        whole = [size // width * width for size, width in zip(x.shape, window, strict=True)]
        return _max_of_tiles(lax.slice(x, [0] * x.ndim, whole), window)
    # The last axis first: of equal entries in a window, the first row's first one is then chosen.
    for axis in reversed(_pooled(window, strides)):
        x = largest(*_windows(x, axis, window[axis], strides[axis], padding, lowest))
    return x


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
    highest = functools.reduce(jnp.maximum, places)
    first = _first_with(highest, places)
    # The place of each entry in its tile, against that of the tile's first maximum.
    tiles = [n for size, width in zip(highest.shape, window, strict=True) for n in (size, width)]
    inner = tuple(range(1, len(tiles), 2))
    numbers = np.arange(len(places), dtype=np.int32).reshape(
        [n if i in inner else 1 for i, n in enumerate(tiles)]
    )
    chosen = lax.expand_dims(first, inner) == numbers
    changes = jnp.where(chosen, tangents[0].reshape(tiles), 0)
    return highest, changes.sum(inner)


def _places(x: jax.Array, window: tuple[int, ...]) -> list[jax.Array]:
    """For each position in a tile, the entries of all tiles there; the last axis varies fastest."""
    starts = itertools.product(*map(range, window))
    return [lax.slice(x, start, x.shape, window) for start in starts]


@jax.custom_jvp
def largest(*arrays: jax.Array) -> jax.Array:
    """The elementwise maximum; of equal entries the first array's takes the gradient."""
    return functools.reduce(jnp.maximum, arrays)


@largest.defjvp
def _largest_jvp(
    primals: tuple[jax.Array, ...], tangents: tuple[jax.Array, ...]
) -> tuple[jax.Array, jax.Array]:
    highest = functools.reduce(jnp.maximum, primals)
    first = _first_with(highest, primals)
    changes = [jnp.where(first == n, change, 0) for n, change in enumerate(tangents)]
    return highest, functools.reduce(operator.add, changes)


def _first_with(value: jax.Array, arrays: Sequence[jax.Array]) -> jax.Array:
    """The index of the first array that equals `value`, entry by entry."""
    first = jnp.full(value.shape, len(arrays), jnp.int32)
    for number, array in reversed(list(enumerate(arrays))):
        first = jnp.where(array == value, number, first)
    return first


def average_pool(
    x: jax.Array, window: Sequence[int], strides: Sequence[int], padding: str
) -> jax.Array:
    """The mean of each window's entries; padding does not count.

    `x` is floating; the other arguments and the result are as for `max_pool`.

    Example:
      >>> average_pool(jnp.arange(5.0), (2,), (2,), "same").tolist()
      [0.5, 2.5, 4.0]
    """
    if _fast_without_xla(x):
        sums = _sum_on_cpu(x, tuple(window), tuple(strides), padding)
    else:
        zero = np.array(0, x.dtype)
        sums = lax.reduce_window(x, zero, lax.add, tuple(window), tuple(strides), padding.upper())
    for axis, (size, width, step) in enumerate(zip(x.shape, window, strides, strict=True)):
        if width > 1:
            count = _entries_per_window(size, width, step, padding).astype(x.dtype)
            sums = sums / along(axis, jnp.asarray(count), x.ndim)
    return sums


@functools.partial(jax.jit, static_argnums=(1, 2, 3))
def _sum_on_cpu(
    x: jax.Array, window: tuple[int, ...], strides: tuple[int, ...], padding: str
) -> jax.Array:
    for axis in _pooled(window, strides):
        slices = _windows(x, axis, window[axis], strides[axis], padding, 0)
        x = functools.reduce(operator.add, slices)
    return x


def _pooled(window: Sequence[int], strides: Sequence[int]) -> list[int]:
    """The axes along which a window or a step is not 1."""
    pairs = zip(window, strides, strict=True)
    return [axis for axis, pair in enumerate(pairs) if pair != (1, 1)]


def _windows(
    x: jax.Array, axis: int, width: int, step: int, padding: str, fill: float
) -> list[jax.Array]:
    """For each position in a window along `axis`, the entries of all windows there."""
    pads = explicit_pads(padding, [x.shape[axis]], [width], [step], [1])
    return taps(x, [width], [step], pads, [1], axis=axis, fill=fill)


def _entries_per_window(size: int, width: int, step: int, padding: str) -> Any:
    """The number of entries of an axis in each window, without padding: `[windows]` integers, or
    one where all are equal.
    """
    if padding == "valid":
        return np.full(1, width)
    windows, before = -(-size // step), missing_entries(size, width, step) // 2
    numpy: Any = np if isinstance(size, int) else jnp
    starts = numpy.arange(windows) * step - before
    return numpy.minimum(starts + width, size) - numpy.maximum(starts, 0)
