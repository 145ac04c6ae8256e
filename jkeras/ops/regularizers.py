"""Regularizers: functions from a weight to a scalar penalty, which training adds to the loss.

A regularizer is a frozen description called on one array: `L2(0.01)(kernel)`. Laws: the result is a
scalar in the weight's dtype, never negative, and 0 where every factor is 0. A plain function
weight -> scalar serves as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.description import Description, one_of, option
from jkeras.core.errors import WrongTypeError, describe, value_error
from jkeras.core.layer import Array
from jkeras.core.registry import deserializer, function_for
from jkeras.core.serialization import serialize_keras_object

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.typing import HoldsArray, Identifier

_TINY = 1e-7  # Keras's epsilon: the smallest norm that OrthogonalRegularizer divides by


def _factor(value: object) -> float:
    """`value` as a float, finite and not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise WrongTypeError(f"expected a finite number ≥ 0, got {describe(value)}.")
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"expected a finite number ≥ 0, got {float(value)!r}.")
    return float(value)


def _factor_or(default: float) -> Callable[[Any], float]:
    """A converter like `_factor` under which None means `default`."""
    return lambda value: default if value is None else _factor(value)


class Regularizer(Description):
    """Base of all regularizers: 0. Subclass it, annotate the arguments, define `__call__`.

    Example:
      >>> class Peak(Regularizer):
      ...     factor: float = 0.5
      ...     def __call__(self, x):
      ...         return self.factor * jnp.max(jnp.abs(x))
      >>> float(Peak()(jnp.array([1.0, -3.0])))
      1.5
    """

    def __call__(self, x: ArrayLike | HoldsArray) -> Array:
        """The penalty of the weight `x`, an array or what holds one: a scalar in its dtype."""
        return jnp.zeros((), jnp.asarray(x).dtype)


class L1(Regularizer):
    """`l1 · Σ |x|`. Source: `keras.regularizers.L1`."""

    l1: float = option(default=0.01, convert=_factor_or(0.01))

    def __call__(self, x: ArrayLike | HoldsArray) -> Array:
        return self.l1 * jnp.sum(jnp.abs(jnp.asarray(x)))


class L2(Regularizer):
    """`l2 · Σ x²` (no half). Source: `keras.regularizers.L2`.

    Example:
      >>> float(L2(0.5)(jnp.array([1.0, 3.0])))
      5.0
    """

    l2: float = option(default=0.01, convert=_factor_or(0.01))

    def __call__(self, x: ArrayLike | HoldsArray) -> Array:
        return self.l2 * jnp.sum(jnp.square(jnp.asarray(x)))


class L1L2(Regularizer):
    """`l1 · Σ |x| + l2 · Σ x²`. Source: `keras.regularizers.L1L2`."""

    l1: float = option(default=0.0, convert=_factor_or(0.0))
    l2: float = option(default=0.0, convert=_factor_or(0.0))

    def __call__(self, x: ArrayLike | HoldsArray) -> Array:
        x = jnp.asarray(x)
        return self.l1 * jnp.sum(jnp.abs(x)) + self.l2 * jnp.sum(jnp.square(x))


class OrthogonalRegularizer(Regularizer):
    """`factor` times the mean `|cosine|` between pairs of rows (or of columns) of a matrix.

    Differs from Keras where Keras gives NaN: a single row has no pairs and costs 0, and a row of
    zeros has a finite gradient.

    Args:
      factor: number ≥ 0.
      mode: "rows" or "columns".

    Raises:
      ValueError: the weight is not a matrix.

    Example:
      >>> rule = OrthogonalRegularizer(factor=1.0)
      >>> float(rule(jnp.eye(3))), float(rule(jnp.ones((3, 4))))
      (0.0, 1.0)

    Source: Brock et al. 2016, arXiv:1609.07093; `keras.regularizers.OrthogonalRegularizer`.
    """

    factor: float = option(default=0.01, convert=_factor)
    mode: Literal["rows", "columns"] = option(default="rows", convert=one_of("rows", "columns"))

    def __call__(self, x: ArrayLike | HoldsArray) -> Array:
        x = jnp.asarray(x)
        if x.ndim != 2:
            raise value_error(
                who="OrthogonalRegularizer",
                expected="a weight [rows, columns]",
                got=f"shape {x.shape}",
                fix="For a convolution kernel use L2.",
            )
        rows = x if self.mode == "rows" else x.T
        rows = rows * jax.lax.rsqrt(jnp.sum(rows * rows, axis=1, keepdims=True).clip(_TINY**2))
        cosines = jnp.abs(rows @ rows.T) * (1.0 - jnp.eye(len(rows), dtype=x.dtype))
        pairs = max(len(rows) * (len(rows) - 1), 1)
        return self.factor * jnp.sum(cosines) / pairs


l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer

TABLE: dict[str, type[Regularizer]] = {
    **{cls.__name__: cls for cls in (L1, L2, L1L2, OrthogonalRegularizer, Regularizer)},
    **{"l1": L1, "l2": L2, "l1_l2": L1L2, "l1l2": L1L2, "regularizer": Regularizer},
    "orthogonal_regularizer": OrthogonalRegularizer,
}
"""Every name that `get` knows."""


def get(identifier: Identifier) -> Callable[[Array], Array] | None:
    """The regularizer for an identifier; None for None.

    Args:
      identifier: a name, a regularizer, its class or its configuration, or a function
        weight -> scalar.

    Raises:
      TypeError: `identifier` is none of these.
      ValueError: an unknown name; the message suggests the nearest.

    Example:
      >>> get("l2"), get(L1), get(None)
      (L2(), L1(), None)
    """
    expected = (
        "a regularizer: a name such as 'l2', an object such as L2(0.01), "
        "a function weight -> scalar, or None"
    )
    return function_for(identifier, "regularizers", TABLE, base=Regularizer, expected=expected)


def serialize(regularizer: Callable[..., Any] | None) -> Any:
    """The configuration of a regularizer.

    Example:
      >>> serialize(L2(0.5))["config"]
      {'l2': 0.5}

    Source: `keras.regularizers.serialize`.
    """
    return serialize_keras_object(regularizer)


deserialize = deserializer(get, "regularizer", "regularizers")


__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]
