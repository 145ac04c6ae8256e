"""Arithmetic over trees of gradients and averages, for every optimizer.

Laws:
  - Clipping never lengthens a gradient, and keeps zeros and NaN as they are.
  - Every function is pure and keeps the structure and dtypes of its tree, except `widen`, which
    casts narrow floats to float32.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras.core.trees import Tree
from jkeras.optimizers.arguments import Number

Array = jax.Array


def wide_dtype(dtype: DTypeLike) -> Any:
    """The dtype of the arithmetic for a parameter of this dtype: float32 for narrower ones."""
    return dtype if jnp.finfo(dtype).bits >= 32 else jnp.float32


def widen(x: Array) -> Array:
    """`x` in `wide_dtype` of its dtype."""
    return x.astype(wide_dtype(x.dtype))


def incremented(count: Array) -> Array:
    """`count + 1`, saturated at the largest number of the dtype.

    Example:
      >>> int(incremented(jnp.int32(7))), int(incremented(jnp.int32(2**31 - 1))) == 2**31 - 1
      (8, True)
    """
    return jnp.where(count == jnp.iinfo(count.dtype).max, count, count + 1)


def clip_each(gradients: Tree, limit: Number) -> Tree:
    """Each gradient scaled down to a norm of at most `limit`, one by one."""
    return jax.tree.map(lambda g: g * _shrink(jnp.sum(g * g), limit), gradients)


def clip_together(gradients: Tree, limit: Number) -> Tree:
    """All gradients multiplied by one factor, so that their global norm is at most `limit`."""
    squares = [jnp.sum(g * g).astype(jnp.float32) for g in jax.tree.leaves(gradients)]
    factor = _shrink(sum(squares, start=jnp.float32(0)), limit)
    return jax.tree.map(lambda g: g * factor.astype(g.dtype), gradients)


def clip_values(gradients: Tree, limit: Number) -> Tree:
    """Each element clipped to [-limit, limit]."""
    return jax.tree.map(lambda g: jnp.clip(g, -limit, limit), gradients)


def _shrink(square: Array, limit: Number) -> Array:
    """The factor, at most 1, that scales a vector of this squared norm to a norm of `limit`."""
    return limit / jnp.sqrt(jnp.maximum(square, limit**2))


def toward(old: Array, new: Array, share: Number | Array) -> Array:
    """`old` moved by the fraction `share` of the way to `new`: one step of a moving average."""
    return old + (new - old) * share


def moving_averages(averages: Tree, values: Tree, momentum: Array) -> Tree:
    """The new averages: momentum · average + (1 - momentum) · value, leaf by leaf.

    Args:
      averages: wide floating arrays.
      values: the same structure and shapes, maybe narrower.
      momentum: float32 scalar in [0, 1].
    """

    def follow(average: Array, value: Array) -> Array:
        kept = momentum.astype(average.dtype)
        return kept * average + (1 - kept) * value.astype(average.dtype)

    return jax.tree.map(follow, averages, values)
