"""Constraints: functions from a weight to an allowed weight, applied after every update.

A constraint is a frozen description called on one array: `MaxNorm(2)(kernel)`. Laws: shape and
dtype are kept, and applying it twice changes nothing more (up to rounding; `MinMaxNorm` only with
rate 1). A plain function weight -> weight serves as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from jkeras.core.description import Description, option
from jkeras.core.errors import WrongTypeError, describe, value_error
from jkeras.core.layer import Array
from jkeras.core.registry import deserializer, function_for
from jkeras.core.serialization import serialize_keras_object
from jkeras.ops import subgradients

if TYPE_CHECKING:
    from jkeras.core.typing import Identifier

Axis = int | tuple[int, ...]

_EPSILON = 1e-7  # Keras's: added to a norm before dividing by it


def _number(value: object) -> float:
    """A norm's bound: a number ≥ 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongTypeError(f"expected a number ≥ 0, got {describe(value)}.")
    if not value >= 0:
        raise ValueError(f"expected a number ≥ 0, got {value!r}.")
    return value


def norms(w: Array, axis: Axis) -> Array:
    """Euclidean norms over `axis`, which stays with size 1."""
    return subgradients.sqrt(jnp.sum(jnp.square(w), axis=axis, keepdims=True))


class Constraint(Description):
    """Base of all constraints: returns `w`. Subclass it, annotate arguments, define `__call__`.

    Example:
      >>> class Box(Constraint):
      ...     half: float = 1.0
      ...     def __call__(self, w):
      ...         return jnp.clip(w, -self.half, self.half)
      >>> Box(0.5)(jnp.array([0.25, -2.0])).tolist()
      [0.25, -0.5]
    """

    def __call__(self, w: Array) -> Array:
        """The allowed weight for `w`, of the same shape and dtype."""
        return w


class MaxNorm(Constraint):
    """Shortens vectors longer than `max_value`; the others stay.

    Args:
      max_value: the largest norm.
      axis: the axis or axes of a vector. 0 is the inputs of a Dense kernel (in, units); for a
        Conv2D kernel (h, w, in, out) use (0, 1, 2).

    Example:
      >>> w = MaxNorm(5.0)(jnp.array([[6.0, 0.3], [8.0, 0.4]]))
      >>> bool(jnp.allclose(w, jnp.array([[3.0, 0.3], [4.0, 0.4]])))
      True

    Source: Srivastava et al. 2014, section 5.1; `keras.constraints.MaxNorm`.
    """

    max_value: float = option(default=2, convert=_number)
    axis: Axis = 0

    def __call__(self, w: Array) -> Array:
        length = norms(w, self.axis)
        return w * (jnp.minimum(length, self.max_value) / (_EPSILON + length))


class NonNeg(Constraint):
    """`max(w, 0)`. Source: `keras.constraints.NonNeg`."""

    def __call__(self, w: Array) -> Array:
        return jnp.maximum(w, 0.0)


class UnitNorm(Constraint):
    """Every vector along `axis` at norm 1; zeros stay. Source: `keras.constraints.UnitNorm`."""

    axis: Axis = 0

    def __call__(self, w: Array) -> Array:
        return w / (_EPSILON + norms(w, self.axis))


class MinMaxNorm(Constraint):
    """Moves norms along `axis` towards [`min_value`, `max_value`].

    Args:
      min_value: the smallest norm.
      max_value: the largest norm.
      rate: the fraction of the correction in one application, in [0, 1].
      axis: the axis or axes of a vector, as for `MaxNorm`.

    Raises:
      ValueError: `min_value` is above `max_value`, or `rate` outside [0, 1].

    Source: `keras.constraints.MinMaxNorm`.
    """

    min_value: float = option(default=0.0, convert=_number)
    max_value: float = option(default=1.0, convert=_number)
    rate: float = option(default=1.0, convert=_number)
    axis: Axis = 0

    def check(self) -> None:
        """Raises if `min_value` is above `max_value`, or `rate` above 1."""
        if self.min_value > self.max_value:
            raise value_error(
                who="MinMaxNorm",
                expected="`min_value` ≤ `max_value`",
                got=f"{self.min_value} and {self.max_value}",
                fix="Swap them.",
            )
        if self.rate > 1:
            raise value_error(who="MinMaxNorm", expected="`rate` from 0 to 1", got=self.rate)

    def __call__(self, w: Array) -> Array:
        length = norms(w, self.axis)
        inside = jnp.clip(length, self.min_value, self.max_value)
        desired = self.rate * inside + (1.0 - self.rate) * length
        return w * (desired / (_EPSILON + length))


max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm

TABLE: dict[str, type[Constraint]] = {
    **{cls.__name__: cls for cls in (Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm)},
    **{"constraint": Constraint, "max_norm": MaxNorm, "min_max_norm": MinMaxNorm},
    **{"non_neg": NonNeg, "unit_norm": UnitNorm},
}
"""Every name that `get` knows."""


def get(identifier: Identifier) -> Callable[[Array], Array] | None:
    """The constraint for an identifier; None for None.

    Args:
      identifier: a name, a constraint, its class or its configuration, or a function
        weight -> weight.

    Raises:
      TypeError: `identifier` is none of these.
      ValueError: an unknown name; the message suggests the nearest.

    Example:
      >>> get("max_norm"), get(NonNeg), get(None)
      (MaxNorm(), NonNeg(), None)
    """
    expected = (
        "a constraint: a name such as 'max_norm', an object such as MaxNorm(2), "
        "a function weight -> weight, or None"
    )
    return function_for(identifier, "constraints", TABLE, base=Constraint, expected=expected)


def serialize(constraint: Callable[..., Any] | None) -> Any:
    """The configuration of a constraint.

    Example:
      >>> serialize(MaxNorm(3))["config"]
      {'max_value': 3, 'axis': 0}

    Source: `keras.constraints.serialize`.
    """
    return serialize_keras_object(constraint)


deserialize = deserializer(get, "constraint", "constraints")


__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]
