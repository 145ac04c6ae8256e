"""Attention masks: bool arrays, True where a query attends to a key."""

from __future__ import annotations

import functools
import operator

import jax
import jax.numpy as jnp

Array = jax.Array


def causal_mask(queries: int, keys: int) -> Array:
    """`[t, s]` bool: query i attends to the keys 0 to i.

    Example:
      >>> causal_mask(2, 3).astype(int).tolist()
      [[1, 0, 0], [1, 1, 0]]
    """
    return jnp.tri(queries, keys, dtype=bool)


def window_mask(queries: int, keys: int, window: int) -> Array:
    """`[t, s]` bool: query i attends to the keys at a distance of less than `window` from i.

    Example:
      >>> window_mask(3, 3, 2).astype(int).tolist()
      [[1, 1, 0], [1, 1, 1], [0, 1, 1]]
    """
    return jnp.tri(queries, keys, window - 1, dtype=bool) & ~jnp.tri(
        queries, keys, -window, dtype=bool
    )


def joined(*masks: Array | None) -> Array | None:
    """The conjunction of all masks, whose shapes broadcast; None is a mask of True."""
    present = [mask for mask in masks if mask is not None]
    return functools.reduce(operator.and_, present) if present else None
