"""Masks: bool arrays that say which steps count, or who may look at what."""

from __future__ import annotations

import jax
import jax.numpy as jnp

Array = jax.Array


def causal_mask(queries: int, keys: int) -> Array:
    """`[t, s]` bool: query i may look at the keys 0 to i.

    Example:
      >>> causal_mask(2, 3).astype(int).tolist()
      [[1, 0, 0], [1, 1, 0]]
    """
    return jnp.tri(queries, keys, dtype=bool)


def window_mask(queries: int, keys: int, window: int) -> Array:
    """`[t, s]` bool: query i may look at the keys that are less than `window` away from i.

    Example:
      >>> window_mask(3, 3, 2).astype(int).tolist()
      [[1, 1, 0], [1, 1, 1], [0, 1, 1]]
    """
    return jnp.tri(queries, keys, window - 1, dtype=bool) & ~jnp.tri(
        queries, keys, -window, dtype=bool
    )


def joined(*masks: Array | None) -> Array | None:
    """What all masks allow; None stands for one that allows everything. Shapes broadcast."""
    given = [mask for mask in masks if mask is not None]
    if not given:
        return None
    found = given[0]
    for mask in given[1:]:
        found = found & mask
    return found
