"""Weighted sums of neighbors along an axis, and the weights of a Gaussian."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

Array = jax.Array


def gaussian_weights(
    size: int, sigma: ArrayLike, dtype: DTypeLike, radius: Array | None = None
) -> Array:
    """A window of weights with the sum 1.

    Args:
      size: how many.
      sigma: the standard deviation, in entries.
      dtype: of the weights.
      radius: weights further than this from the middle are 0; all count when left out.
    """
    places = jnp.arange(size, dtype=dtype) - (size - 1) / 2
    weights = jnp.exp(-0.5 * jnp.square(places / jnp.asarray(sigma, dtype)))
    if radius is not None:
        weights = jnp.where(jnp.abs(places) <= radius, weights, jnp.zeros_like(weights))
    return weights / jnp.sum(weights)


def filtered(x: Array, weights: Array, axis: int, padding: str) -> Array:
    """The weighted sums of neighbors along one axis; behind the ends lie zeros.

    Args:
      x: floating.
      weights: `[n]`.
      axis: of `x`.
      padding: "SAME", or "VALID" for sums of real neighbors alone.
    """
    rows = jnp.moveaxis(x, axis, -1)
    flat = rows.reshape(-1, 1, rows.shape[-1])
    sums = jax.lax.conv_general_dilated(flat, weights[None, None], (1,), padding)
    return jnp.moveaxis(sums.reshape(*rows.shape[:-1], sums.shape[-1]), -1, axis)
