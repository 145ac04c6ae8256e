"""The overlap losses: one minus Dice's or Tversky's index of two regions.

A region is an array of numbers from 0 to 1, the targets' y and the predictions' p. With the
intersection S = Σ y·p, Tversky's index is S / (S + alpha·Σ p·(1 - y) + beta·Σ y·(1 - p)); Dice's
has alpha = beta = 1/2.

The argument `axis` selects the axes of the sums: all axes by default, so that a batch has one
index. The value of every example is then this index, so that the mean is the index too, and filler
rows are left out of the sums. Law: as for every loss, padding changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import jax.numpy as jnp
import numpy as np

from jkeras.core.description import option
from jkeras.losses.base import check_field, floating_dtype
from jkeras.losses.formula import FormulaLoss
from jkeras.losses.reduction import reduction_name
from jkeras.losses.shapes import EPSILON, Array, at_least_float32, broadcastable, check_axis, floats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Axes = int | tuple[int, ...] | None


def dice(y_true: ArrayLike, y_pred: ArrayLike, axis: int | Sequence[int] | None = None) -> Array:
    """1 - 2·Σ y·p / (Σ y + Σ p) over `axis`.

    Args:
      y_true: `[...]`, from 0 to 1, any dtype.
      y_pred: `[...]`, from 0 to 1.
      axis: the axis or axes of one region; all axes when left out.

    Returns:
      The shape without `axis`, dtype of `y_pred`.

    Raises:
      ValueError: the shapes do not match, or there is no such axis.

    Example:
      >>> dice(jnp.array([[1.0, 1.0]]), jnp.array([[1.0, 0.0]])).round(4)
      Array(0.3333, dtype=float32)

    Source: Milletari et al. 2016, arXiv:1606.04797; `keras.losses.dice`.
    """
    target, output, axes = _regions("dice", y_true, y_pred, axis)
    both = jnp.sum(target * output, axis=axes)
    size = jnp.sum(target, axis=axes) + jnp.sum(output, axis=axes)
    return (1 - 2 * both / (size + EPSILON)).astype(floats(y_pred).dtype)


def tversky(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    alpha: float = 0.5,
    beta: float = 0.5,
    axis: int | Sequence[int] | None = None,
) -> Array:
    """1 - S / (S + alpha·Σ p·(1 - y) + beta·Σ y·(1 - p)) over `axis`, S = Σ y·p.

    Shapes and errors: as `dice`. `alpha` weighs false positives, `beta` false negatives, as in the
    paper and in Keras's documentation; Keras computes with the two exchanged.

    Example:
      >>> y_true, y_pred = jnp.array([[1.0, 1.0]]), jnp.array([[1.0, 0.0]])
      >>> float(tversky(y_true, y_pred, alpha=0.0, beta=1.0).round(4))
      0.5

    Source: Salehi et al. 2017, arXiv:1706.05721; `keras.losses.tversky`.
    """
    target, output, axes = _regions("tversky", y_true, y_pred, axis)
    both = jnp.sum(target * output, axis=axes)
    missed = jnp.sum(target * (1 - output), axis=axes)
    wrong = jnp.sum(output * (1 - target), axis=axes)
    index = both / (both + alpha * wrong + beta * missed + EPSILON)
    return (1 - index).astype(floats(y_pred).dtype)


def _regions(
    who: str, y_true: ArrayLike, y_pred: ArrayLike, axis: int | Sequence[int] | None
) -> tuple[Array, Array, Any]:
    y_true, y_pred = broadcastable(who, y_true, y_pred)
    axes = None if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    for one in axes or ():
        check_axis(who, one, y_pred)
    return at_least_float32(y_true), at_least_float32(y_pred), None if axes is None else tuple(axes)


class _Overlap(FormulaLoss):
    """Base of Dice and Tversky: a formula that may depend on the whole batch."""

    # Without an annotation it is no field: each subclass puts its arguments in Keras's order.
    axis = cast(Axes, None)

    def __call__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        valid: ArrayLike | None = None,
        mask: ArrayLike | None = None,
    ) -> Array:
        """The loss of a batch; arguments as for `Loss.__call__`.

        An index of the whole batch is one value for "sum", unless the examples have weights.
        """
        total = super().__call__(y_true, y_pred, sample_weight, valid=valid, mask=mask)
        many = sample_weight is not None and np.ndim(sample_weight) > 0
        if self.reduction != "sum" or many or not self._sums_batch(np.ndim(y_pred)):
            return total
        rows = np.shape(y_pred)[0] if valid is None else jnp.sum(jnp.asarray(valid))
        return total / jnp.asarray(rows, total.dtype)

    def call(self, y_true: Array, y_pred: Array) -> Array:
        """`[batch, ...]`: the shape without `axis`; the number of the batch in every row."""
        return self._values_of(y_true, y_pred, None)

    def _values_of(self, y_true: Array, y_pred: Array, valid: Array | None) -> Array:
        if valid is not None:
            # Where both are 0 nothing is added to any of the sums.
            real = valid.reshape(valid.shape + (1,) * (y_pred.ndim - 1))
            y_true = jnp.where(real, y_true, jnp.zeros_like(y_true))
            y_pred = jnp.where(real, y_pred, jnp.zeros_like(y_pred))
        values = super().call(y_true, y_pred)
        if self._sums_batch(y_pred.ndim):
            return jnp.broadcast_to(values[None], (len(y_pred), *values.shape))
        return values

    def _sums_batch(self, rank: int) -> bool:
        axes = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        return any(axis is None or axis % max(rank, 2) == 0 for axis in axes)


class Dice(_Overlap):
    """`dice` as a loss.

    Args:
      reduction: how values become a number; see `jkeras.losses.reduce_weighted`.
      name: how logs call it.
      axis: the axis or axes of one region; without it a batch is one region. For one value an
        image of `[batch, height, width, channels]` use axis=(1, 2, 3).
      dtype: the dtype to compute in; the predictions' when left out.

    Example:
      >>> Dice()(jnp.array([[1.0, 1.0]]), jnp.array([[1.0, 0.0]])).round(4)
      Array(0.3333, dtype=float32)
    """

    reduction: str | None = option(default="sum_over_batch_size", convert=reduction_name)
    name: str | None = "dice"
    axis: Axes = None
    dtype: Any = option(default=None, convert=floating_dtype)
    loss_fn = staticmethod(dice)


class Tversky(_Overlap):
    """`tversky` as a loss: `alpha` and `beta`, then the arguments of `Dice`.

    Raises:
      ValueError: `alpha` or `beta` is negative.
    """

    alpha: float = 0.5
    beta: float = 0.5
    reduction: str | None = option(default="sum_over_batch_size", convert=reduction_name)
    name: str | None = "tversky"
    axis: Axes = None
    dtype: Any = option(default=None, convert=floating_dtype)
    loss_fn = staticmethod(tversky)

    def check(self) -> None:
        """Raises unless `alpha` and `beta` are finite and not negative."""
        for name in ("alpha", "beta"):
            check_field(self, name, 0 <= getattr(self, name) < math.inf, ">= 0")
