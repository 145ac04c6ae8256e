"""Sorting and picking by comparisons, for a runtime that has neither.

Each number is compared with each other one along an axis, so axes are short: up to `LONGEST`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

LONGEST = 512


def sort(*operands: Array, dimension: int, num_keys: int, **_: Any) -> list[Array]:
    """The first operand in its order, and the others in the same one."""
    size = operands[0].shape[dimension]
    if num_keys != 1 or not isinstance(size, int) or size > LONGEST:
        return NotImplemented
    rows = [jnp.moveaxis(x, dimension, -1) for x in operands]
    places = _places(rows[0], lax.lt)
    return [jnp.moveaxis(_put(x, places, size), -1, dimension) for x in rows]


def top_k(x: Array, *, k: int, axis: int, **_: Any) -> list[Array]:
    """The largest numbers and their indices."""
    size = x.shape[axis]
    if not isinstance(size, int) or size > LONGEST:
        return NotImplemented
    rows = jnp.moveaxis(x, axis, -1)
    places = _places(rows, lax.gt)
    indices = lax.broadcast_in_dim(jnp.arange(size, dtype="int32"), rows.shape, (rows.ndim - 1,))
    return [jnp.moveaxis(_put(each, places, k), -1, axis) for each in (rows, indices)]


def _places(x: Array, precedes: Callable[[Array, Array], Array]) -> Array:
    """The place of each number of the last axis: how many stand before it, equal ones in order."""
    size = x.shape[-1]
    shape = (*x.shape[:-1], size, size)
    this = lax.broadcast_in_dim(x, shape, (*range(x.ndim - 1), x.ndim - 1))
    other = lax.broadcast_in_dim(x, shape, (*range(x.ndim - 1), x.ndim))
    earlier = jnp.asarray(np.tri(size, k=-1, dtype=bool))
    earlier = lax.broadcast_in_dim(earlier, shape, (x.ndim - 1, x.ndim))
    before = precedes(other, this) | (lax.eq(other, this) & earlier)
    return jnp.sum(before.astype("int32"), -1)


def _put(x: Array, places: Array, count: int) -> Array:
    """The numbers of the last axis at their places, of which the first `count` are given."""
    return picked(x, places, jnp.arange(count, dtype="int32"))


def picked(x: Array, labels: Array, wanted: Array) -> Array:
    """For each wanted label the sum of the numbers of the last axis that have it.

    Args:
      x: `[..., n]`.
      labels: `[..., n]` or `[n]`.
      wanted: `[..., m]` or `[m]`.
    """
    count, axes = wanted.shape[-1], range(x.ndim - 1)
    shape = (*x.shape[:-1], count, x.shape[-1])

    def spread(array: Array, axis: int) -> Array:
        return lax.broadcast_in_dim(array, shape, (*axes, axis) if array.ndim > 1 else (axis,))

    found = lax.eq(spread(labels, x.ndim), spread(wanted, x.ndim - 1))
    numbers = jnp.where(found, spread(x, x.ndim), jnp.zeros((), x.dtype))
    return jnp.sum(numbers, -1, dtype=x.dtype)


def along_axis(
    x: Array,
    indices: Array,
    *,
    numbers: lax.GatherDimensionNumbers,
    sizes: Sequence[int],
    mode: Any,
) -> Array:
    """`take_along_axis`: indices along one axis for each place of the others."""
    batch, axes = numbers.operand_batching_dims, numbers.start_index_map
    rest = tuple(axis for axis in range(x.ndim) if axis not in axes)
    order = numbers.start_indices_batching_dims
    single = all(size == 1 for size in sizes) and len(axes) == 1 and not numbers.offset_dims
    if not single or batch != rest or indices.ndim != x.ndim + 1 or x.shape[axes[0]] > LONGEST:
        return NotImplemented
    (free,) = (axis for axis in range(x.ndim) if axis not in order)
    size = x.shape[axes[0]]
    wanted = jnp.transpose(indices[..., 0], (*order, free))
    known = jnp.arange(size, dtype=wanted.dtype)
    inside = jnp.clip(wanted, 0, size - 1)
    values = picked(jnp.moveaxis(x, axes[0], -1), known, inside)
    if mode == lax.GatherScatterMode.FILL_OR_DROP and jnp.issubdtype(x.dtype, jnp.floating):
        values = jnp.where(inside == wanted, values, jnp.asarray(jnp.nan, x.dtype))
    return jnp.transpose(values, np.argsort((*order, free)).tolist())
