"""The reduction of a loss: weights, masks of filler rows, and the sum or mean.

    reduce_weighted(values, sample_weight, reduction, valid)

Laws: filler rows change nothing, whatever their values; weights of one change nothing; "sum" over
the number of elements is "sum_over_batch_size". As in Keras 3, "sum_over_batch_size" divides by the
number of elements and not by the sum of the weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from jkeras.core.errors import WrongTypeError, describe, look_up
from jkeras.losses.shapes import Array, at_least_float32, floats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


_REDUCTIONS = {
    "sum_over_batch_size": "sum_over_batch_size",
    "mean": "sum_over_batch_size",
    "mean_with_sample_weight": "mean_with_sample_weight",
    "sum": "sum",
    "none": None,
}


def reduction_name(value: object) -> str | None:
    """The reduction of this name: "mean" is "sum_over_batch_size", "none" is None.

    Raises:
      TypeError: `value` is neither a string nor None.
      ValueError: an unknown word.

    Example:
      >>> reduction_name("mean"), reduction_name("none")
      ('sum_over_batch_size', None)
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise WrongTypeError(
            f"expected a reduction's name or None, got {describe(value)}. "
            f"Known: {', '.join(sorted(_REDUCTIONS))}."
        )
    return look_up("reduction", value, _REDUCTIONS)


def reduce_weighted(
    values: Array,
    sample_weight: ArrayLike | None = None,
    reduction: str | None = "sum_over_batch_size",
    valid: ArrayLike | None = None,
) -> Array:
    """Multiplies values by weights, leaves the invalid ones out, and reduces.

    Per element w · v, then: "sum": Σ w·v; "sum_over_batch_size" (or "mean"): Σ w·v over the number
    of valid elements; "mean_with_sample_weight": Σ w·v over Σ w, each weight counted once; None (or
    "none"): w · v, zero where invalid. A denominator of zero gives zero.

    Args:
      values: `[batch, ...]` floating.
      sample_weight: number, or `[batch]`, `[batch, time]` …, broadcast along the first axes of
        `values` (Keras aligns the last axes, which fails for `[batch]` and `[batch, time]`).
      reduction: one of the words above.
      valid: bool, shaped like a `sample_weight`; an element with False counts neither in the sum
        nor in the number of elements, and may be NaN.

    Returns:
      A scalar, or `[batch, ...]` without reduction, in the dtype of `values`. Sums are formed in
      float32.

    Raises:
      ValueError: a shape does not fit `values`, or an unknown reduction.

    Example:
      >>> float(reduce_weighted(jnp.array([1.0, 2.0]), jnp.array([3.0, 1.0])))
      2.5
      >>> float(reduce_weighted(jnp.array([1.0, jnp.nan]), valid=jnp.array([True, False])))
      1.0

    Source: `keras.losses.Loss`.
    """
    kept = values.dtype
    total, divisor = weighted_parts(values, sample_weight, reduction, valid)
    return (total if divisor is None else divide_or_zero(total, divisor)).astype(kept)


def weighted_parts(
    values: Array,
    sample_weight: ArrayLike | None = None,
    reduction: str | None = "sum_over_batch_size",
    valid: ArrayLike | None = None,
) -> tuple[Array, Array | None]:
    """The numerator and the denominator of `reduce_weighted`; None for no denominator.

    Both are sums over the batch, so the parts of its slices add up to those of the batch.

    Example:
      >>> total, divisor = weighted_parts(jnp.array([1.0, 2.0]), jnp.array([3.0, 1.0]))
      >>> float(total), float(divisor)
      (5.0, 2.0)
    """
    reduction, values = reduction_name(reduction), at_least_float32(values)
    weights = (
        None if sample_weight is None else aligned("sample_weight", floats(sample_weight), values)
    )
    mask = None if valid is None else aligned("valid", jnp.asarray(valid), values)
    if mask is not None:
        values = jnp.where(mask, values, 0)
        weights = None if weights is None else jnp.where(mask, weights, 0)
    if weights is not None:
        weights = weights.astype(values.dtype)
        values = values * weights
    if reduction is None:
        return values, None
    if reduction == "sum":
        return jnp.sum(values), None
    if reduction == "mean_with_sample_weight" and weights is not None:
        divisor: Any = jnp.sum(weights)
    elif mask is None:
        divisor = np.asarray(values.size, values.dtype)  # no operation in the program
    else:
        divisor = jnp.sum(jnp.broadcast_to(mask, values.shape), dtype=values.dtype)
    return jnp.sum(values), divisor


def divide_or_zero(a: Array, b: Array | np.ndarray) -> Array:
    """The quotient a / b, and 0 where b is 0, with finite gradients there."""
    if isinstance(b, np.ndarray) and b.ndim == 0:
        return a / b if b else jnp.zeros_like(a)
    return jnp.where(b == 0, 0, a / jnp.where(b == 0, 1, b))


def aligned(name: str, x: Array, values: Array) -> Array:
    """`x` with the rank of `values`, its axes aligned with the first axes of `values`.

    A number counts for every element. Last axes of size one beyond the rank of `values` are
    dropped.

    Raises:
      ValueError: an axis of `x` has neither size one nor the size of the axis of `values`.

    Example:
      >>> aligned("sample_weight", jnp.ones(3), jnp.zeros((3, 4))).shape
      (3, 1)
    """
    if x.ndim == 0:
        return jnp.broadcast_to(x, values.shape)
    shape = x.shape
    while len(shape) > max(values.ndim, 1) and shape[-1] == 1:
        shape = shape[:-1]
    fits = len(shape) <= values.ndim and all(
        m in (1, n) for m, n in zip(shape, values.shape, strict=False)
    )
    if not fits:
        raise ValueError(
            f"expected `{name}` with one number an example, shape {values.shape[:1]}, or one for "
            f"each of the values, shape {values.shape}, got shape {x.shape}."
        )
    return x.reshape(shape + (1,) * (values.ndim - len(shape)))
