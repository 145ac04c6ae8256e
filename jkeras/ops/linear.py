"""Bias addition along any axis."""

from __future__ import annotations

import jax
from jax import lax


def along(axis: int, values: jax.Array, rank: int) -> jax.Array:
    """`values` (one axis) reshaped to rank `rank` so that it lies along `axis`.

    Example:
      >>> import jax.numpy as jnp
      >>> along(1, jnp.zeros(3), 4).shape
      (1, 3, 1, 1)
    """
    return lax.expand_dims(values, [i for i in range(rank) if i != axis % rank])


def add_bias(outputs: jax.Array, bias: jax.Array, axis: int = -1) -> jax.Array:
    """`outputs + bias` with `bias` (one axis) along `axis` of `outputs`."""
    return outputs + along(axis, bias, outputs.ndim)
