"""Pooling: a maximum or a mean over windows of some axes.

A window is given per axis of the array, 1 where nothing is pooled. Laws: a window of ones is the
identity; the maximum is at least the mean; padding is never seen, neither as a maximum nor in a
mean.
"""

from __future__ import annotations

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
    # Folding windows into an axis and taking its maximum is faster on some backends, but splits the
    # gradient between equal entries, which relu makes common; Keras gives it to the first.
    lowest = -np.inf if jnp.issubdtype(x.dtype, jnp.floating) else np.iinfo(x.dtype).min
    return lax.reduce_window(
        x, np.array(lowest, x.dtype), lax.max, tuple(window), tuple(strides), padding.upper()
    )


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
