"""The Kullback-Leibler divergence and the Poisson loss.

Laws: the divergence is never negative, and zero for equal distributions; the dtype of the
predictions is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp

from jkeras.losses.formula import PlainLoss
from jkeras.losses.shapes import EPSILON, Array, at_least_float32, broadcastable

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def kl_divergence(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Σ y·log(y / p) over the last axis, both clipped to [1e-7, 1].

    Args:
      y_true: `[..., d]`, probabilities.
      y_pred: `[..., d]`, probabilities.

    Returns:
      `[...]`, dtype of `y_pred`.

    Raises:
      ValueError: the shapes do not match.

    Example:
      >>> kl_divergence(jnp.array([[0.5, 0.5]]), jnp.array([[0.5, 0.5]])).tolist()
      [0.0]

    Source: `keras.losses.kl_divergence`.
    """
    y_true, y_pred = broadcastable("kl_divergence", y_true, y_pred)
    target, output = (jnp.clip(at_least_float32(y), EPSILON, 1) for y in (y_true, y_pred))
    return jnp.sum(target * jnp.log(target / output), axis=-1).astype(y_pred.dtype)


def poisson(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Mean of p - y·log(p + 1e-7) over the last axis, for counts `y_true` and rates `y_pred`.

    Shapes and errors: as `kl_divergence`.

    Example:
      >>> poisson(jnp.array([[2]]), jnp.array([[1.0]])).round(4).tolist()
      [1.0]

    Source: `keras.losses.poisson`.
    """
    y_true, y_pred = broadcastable("poisson", y_true, y_pred)
    return jnp.mean(y_pred - y_true * jnp.log(y_pred + EPSILON), axis=-1)


class KLDivergence(PlainLoss):
    """`kl_divergence` as a loss. Arguments: as `MeanSquaredError`."""

    name: str | None = "kl_divergence"
    loss_fn = staticmethod(kl_divergence)


class Poisson(PlainLoss):
    """`poisson` as a loss. Arguments: as `MeanSquaredError`."""

    name: str | None = "poisson"
    loss_fn = staticmethod(poisson)
