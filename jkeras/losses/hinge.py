"""Hinge losses, which are zero for a margin of at least one.

Targets are -1 and 1. An array that contains only 0 and 1 is converted to -1 and 1, as in Keras; one
other value anywhere in the array prevents this. The dtype of the predictions is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp

from jkeras.losses.formula import PlainLoss
from jkeras.losses.shapes import Array, broadcastable

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Mean of max(1 - y·p, 0) over the last axis.

    Args:
      y_true: `[..., d]`, of -1 and 1, or of 0 and 1.
      y_pred: `[..., d]`, any real numbers.

    Returns:
      `[...]`, dtype of `y_pred`.

    Raises:
      ValueError: the shapes do not match.

    Example:
      >>> hinge(jnp.array([[0, 1]]), jnp.array([[-0.5, 2.0]])).tolist()
      [0.25]

    Source: `keras.losses.hinge`.
    """
    y_true, y_pred = broadcastable("hinge", y_true, y_pred)
    return jnp.mean(jnp.maximum(1 - _signs(y_true) * y_pred, 0), axis=-1)


def squared_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Mean of max(1 - y·p, 0)² over the last axis. Shapes and errors: as `hinge`.

    Example:
      >>> squared_hinge(jnp.array([[-1, 1]]), jnp.array([[-0.5, 2.0]])).tolist()
      [0.125]

    Source: `keras.losses.squared_hinge`.
    """
    y_true, y_pred = broadcastable("squared_hinge", y_true, y_pred)
    return jnp.mean(jnp.square(jnp.maximum(1 - _signs(y_true) * y_pred, 0)), axis=-1)


def categorical_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """max(1 + max((1 - y)·p) - Σ y·p, 0) over the last axis, y one-hot.

    Shapes and errors: as `hinge`.

    Example:
      >>> categorical_hinge(jnp.array([[0, 1]]), jnp.array([[0.25, 0.75]])).tolist()
      [0.5]

    Source: `keras.losses.categorical_hinge`.
    """
    y_true, y_pred = broadcastable("categorical_hinge", y_true, y_pred)
    right = jnp.sum(y_true * y_pred, axis=-1)
    wrong = jnp.max((1 - y_true) * y_pred, axis=-1)
    return jnp.maximum(wrong - right + 1, 0)


def _signs(y_true: Array) -> Array:
    """-1 and 1 if all targets are 0 or 1, else the targets."""
    binary = jnp.all((y_true == 0) | (y_true == 1))
    return jnp.where(binary, 2 * y_true - 1, y_true)


class Hinge(PlainLoss):
    """`hinge` as a loss. Arguments: as `MeanSquaredError`."""

    name: str | None = "hinge"
    loss_fn = staticmethod(hinge)


class SquaredHinge(PlainLoss):
    """`squared_hinge` as a loss. Arguments: as `MeanSquaredError`."""

    name: str | None = "squared_hinge"
    loss_fn = staticmethod(squared_hinge)


class CategoricalHinge(PlainLoss):
    """`categorical_hinge` as a loss. Arguments: as `MeanSquaredError`."""

    name: str | None = "categorical_hinge"
    loss_fn = staticmethod(categorical_hinge)
