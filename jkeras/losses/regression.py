"""The regression losses, averaged over the last axis.

Laws: zero for equal arrays (CosineSimilarity: minus one), never negative otherwise, and the dtype
of the predictions is kept. Targets of any dtype are cast to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp

from jkeras.core.description import option
from jkeras.losses.base import check_field, floating_dtype
from jkeras.losses.formula import FormulaLoss, PlainLoss
from jkeras.losses.reduction import reduction_name
from jkeras.losses.shapes import EPSILON, Array, broadcastable, check_axis

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Mean of (y_true - y_pred)² over the last axis.

    Args:
      y_true: `[..., d]`.
      y_pred: `[..., d]`.

    Returns:
      `[...]`, dtype of `y_pred`.

    Raises:
      ValueError: the shapes do not match.

    Example:
      >>> mean_squared_error(jnp.array([[0.0, 1.0]]), jnp.array([[2.0, 1.0]])).tolist()
      [2.0]

    Source: `keras.losses.mean_squared_error`.
    """
    y_true, y_pred = broadcastable("mean_squared_error", y_true, y_pred)
    return jnp.mean(jnp.square(y_true - y_pred), axis=-1)


def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Mean of |y_true - y_pred| over the last axis. Shapes, errors: as `mean_squared_error`.

    Example:
      >>> mean_absolute_error(jnp.array([[0.0, 1.0]]), jnp.array([[2.0, 1.0]])).tolist()
      [1.0]

    Source: `keras.losses.mean_absolute_error`.
    """
    y_true, y_pred = broadcastable("mean_absolute_error", y_true, y_pred)
    return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)


def mean_absolute_percentage_error(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Mean of 100 · |y_true - y_pred| / max(|y_true|, 1e-7), in percent, over the last axis.

    Example:
      >>> mean_absolute_percentage_error(jnp.array([[4.0]]), jnp.array([[3.0]])).tolist()
      [25.0]

    Source: `keras.losses.mean_absolute_percentage_error`.
    """
    y_true, y_pred = broadcastable("mean_absolute_percentage_error", y_true, y_pred)
    return 100 * jnp.mean(
        jnp.abs((y_true - y_pred) / jnp.maximum(jnp.abs(y_true), EPSILON)), axis=-1
    )


def mean_squared_logarithmic_error(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Mean of (log(1 + y_true) - log(1 + y_pred))² over the last axis; values below 1e-7 count as
    1e-7.

    Example:
      >>> mean_squared_logarithmic_error(jnp.array([[3.0]]), jnp.array([[3.0]])).tolist()
      [0.0]

    Source: `keras.losses.mean_squared_logarithmic_error`.
    """
    y_true, y_pred = broadcastable("mean_squared_logarithmic_error", y_true, y_pred)
    logs = [jnp.log(jnp.maximum(y, EPSILON) + 1) for y in (y_true, y_pred)]
    return jnp.mean(jnp.square(logs[0] - logs[1]), axis=-1)


def huber(y_true: ArrayLike, y_pred: ArrayLike, delta: float = 1.0) -> Array:
    """Mean Huber error over the last axis.

    Per element, with e = y_pred - y_true: e²/2 where |e| ≤ delta, else delta · (|e| - delta/2).

    Args:
      y_true: `[..., d]`.
      y_pred: `[..., d]`.
      delta: positive, in units of `y_true`.

    Returns:
      `[...]`, dtype of `y_pred`.

    Example:
      >>> float(huber(jnp.zeros((1, 2)), jnp.array([[0.5, 2.0]]))[0])
      0.8125

    Source: Huber 1964, doi:10.1214/aoms/1177703732; `keras.losses.huber`.
    """
    y_true, y_pred = broadcastable("huber", y_true, y_pred)
    error = jnp.abs(y_pred - y_true)
    small = jnp.square(error) / 2
    return jnp.mean(jnp.where(error <= delta, small, delta * error - delta * delta / 2), axis=-1)


def log_cosh(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Mean of log cosh(y_pred - y_true) over the last axis: e²/2 for small e, |e| - log 2 for
    large.

    Computed as e + softplus(-2e) - log 2, which does not overflow.

    Example:
      >>> log_cosh(jnp.zeros((1, 1)), jnp.zeros((1, 1))).tolist()
      [0.0]

    Source: `keras.losses.log_cosh`.
    """
    y_true, y_pred = broadcastable("log_cosh", y_true, y_pred)
    error = y_pred - y_true
    log_two = jnp.log(jnp.asarray(2, error.dtype))
    return jnp.mean(error + jax.nn.softplus(-2 * error) - log_two, axis=-1)


def cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Array:
    """Minus the cosine of the angle between vectors: -1 for the same direction, 1 for the opposite.

    Args:
      y_true: `[..., d]`.
      y_pred: `[..., d]`.
      axis: the axis of the vectors.

    Returns:
      The shape without `axis`; zero where a vector is zero.

    Example:
      >>> cosine_similarity(jnp.array([[3.0, 0.0]]), jnp.array([[2.0, 0.0]])).tolist()
      [-1.0]

    Source: `keras.losses.cosine_similarity`.
    """
    y_true, y_pred = broadcastable("cosine_similarity", y_true, y_pred)
    check_axis("cosine_similarity", axis, y_pred)
    return -jnp.sum(_unit(y_true, axis) * _unit(y_pred, axis), axis=axis)


def _unit(x: Array, axis: int) -> Array:
    """Vectors of length one; lengths below 1e-7 count as 1e-7, which keeps the gradient at zero
    finite.
    """
    square = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(square, EPSILON**2))


class MeanSquaredError(PlainLoss):
    """`mean_squared_error` as a loss.

    Args:
      reduction: how values become a number; see `jkeras.losses.reduce_weighted`.
      name: how logs call it.
      dtype: the dtype to compute in; the predictions' when left out.

    Example:
      >>> float(MeanSquaredError()(jnp.zeros((2, 1)), jnp.array([[1.0], [3.0]])))
      5.0
    """

    name: str | None = "mean_squared_error"
    loss_fn = staticmethod(mean_squared_error)


class MeanAbsoluteError(PlainLoss):
    """`mean_absolute_error` as a loss. Arguments: as `MeanSquaredError`."""

    name: str | None = "mean_absolute_error"
    loss_fn = staticmethod(mean_absolute_error)


class MeanAbsolutePercentageError(PlainLoss):
    """`mean_absolute_percentage_error` as a loss. Arguments: as `MeanSquaredError`."""

    name: str | None = "mean_absolute_percentage_error"
    loss_fn = staticmethod(mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(PlainLoss):
    """`mean_squared_logarithmic_error` as a loss. Arguments: as `MeanSquaredError`."""

    name: str | None = "mean_squared_logarithmic_error"
    loss_fn = staticmethod(mean_squared_logarithmic_error)


class LogCosh(PlainLoss):
    """`log_cosh` as a loss. Arguments: as `MeanSquaredError`."""

    name: str | None = "log_cosh"
    loss_fn = staticmethod(log_cosh)


class Huber(FormulaLoss):
    """`huber` as a loss: `delta`, in units of the targets, then the arguments of
    `MeanSquaredError`.

    Raises:
      ValueError: `delta` is not positive.
    """

    independent: ClassVar[bool] = True

    delta: float = 1.0
    reduction: str | None = option(default="sum_over_batch_size", convert=reduction_name)
    name: str | None = "huber_loss"
    dtype: Any = option(default=None, convert=floating_dtype)
    loss_fn = staticmethod(huber)

    def check(self) -> None:
        """Raises unless `delta` is positive."""
        check_field(self, "delta", self.delta > 0, "> 0")


class CosineSimilarity(FormulaLoss):
    """`cosine_similarity` as a loss: `axis` of the vectors, then the arguments of
    `MeanSquaredError`.
    """

    independent: ClassVar[bool] = True

    axis: int = -1
    reduction: str | None = option(default="sum_over_batch_size", convert=reduction_name)
    name: str | None = "cosine_similarity"
    dtype: Any = option(default=None, convert=floating_dtype)
    loss_fn = staticmethod(cosine_similarity)
