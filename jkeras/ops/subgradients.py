"""Functions that have no finite derivative at an ordinary point: there the derivative is 0.

At the root of 0, the arc cosine of 1 or the angle of (0, 0) a derivative is infinite or undefined.
One padded row of zeros then turns every weight into NaN, because infinity times 0 is NaN. 0 is the
subgradient of a norm there, and the only value that leaves the other rows alone. Values are those
of `jax.numpy`; so are derivatives everywhere else.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

Array = jax.Array


def _zero_at(
    singular_fn: Callable[..., Array], *inside: float
) -> Callable[[Callable[..., Array]], Callable[..., Array]]:
    """A decorator: the derivative is 0 where `singular_fn` of the arguments holds.

    Args:
      singular_fn: from the arguments to booleans.
      *inside: for each argument a number at which the derivative is finite.
    """

    def decorate(function: Callable[..., Array]) -> Callable[..., Array]:
        smooth = jax.custom_jvp(function)

        @smooth.defjvp
        def _(primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> tuple[Array, Array]:
            singular = singular_fn(*primals)
            pairs = zip(primals, inside, strict=True)
            safe = tuple(jnp.where(singular, jnp.asarray(n, x.dtype), x) for x, n in pairs)
            derivative = jax.jvp(function, safe, tangents)[1]
            return smooth(*primals), jnp.where(singular, jnp.zeros_like(derivative), derivative)

        @functools.wraps(function)
        def run(*arrays: Array) -> Array:
            first, *rest = jnp.broadcast_arrays(*arrays)
            wanted = jnp.result_type(*arrays)
            if not jnp.issubdtype(wanted, jnp.inexact):
                wanted = jnp.result_type(float)
            return smooth(*(array.astype(wanted) for array in (first, *rest)))

        return run

    return decorate


@_zero_at(lambda x: x == 0, 1.0)
def sqrt(x: Array) -> Array:
    """The square root; its derivative at 0 counts as 0.

    Example:
      >>> float(jax.grad(lambda w: sqrt(jnp.sum((w * jnp.zeros(3)) ** 2)))(1.0))
      0.0
    """
    return jnp.sqrt(x)


@_zero_at(lambda x: x == 0, 1.0)
def cbrt(x: Array) -> Array:
    """The cube root; its derivative at 0 counts as 0."""
    return jnp.cbrt(x)


@_zero_at(lambda x: jnp.abs(x) == 1, 0.0)
def arccos(x: Array) -> Array:
    """The arc cosine; its derivative at -1 and 1 counts as 0."""
    return jnp.arccos(x)


@_zero_at(lambda x: jnp.abs(x) == 1, 0.0)
def arcsin(x: Array) -> Array:
    """The arc sine; its derivative at -1 and 1 counts as 0."""
    return jnp.arcsin(x)


@_zero_at(lambda x: x == 1, 2.0)
def arccosh(x: Array) -> Array:
    """The inverse of the hyperbolic cosine; its derivative at 1 counts as 0."""
    return jnp.arccosh(x)


@_zero_at(lambda x1, x2: (x1 == 0) & (x2 == 0), 0.0, 1.0)
def arctan2(x1: Array, x2: Array) -> Array:
    """The angle of the point (x2, x1); its derivatives at (0, 0) count as 0."""
    return jnp.arctan2(x1, x2)


@_zero_at(lambda x1, x2: (x1 == 0) & (x2 > 0) & (x2 < 1), 1.0, 1.0)
def _root(x1: Array, x2: Array) -> Array:
    return jnp.power(x1, x2)


def power(x1: Array, x2: Array) -> Array:
    """`x1` to the power of `x2`; for powers between 0 and 1 the derivative at 0 counts as 0."""
    x1, x2 = jnp.asarray(x1), jnp.asarray(x2)
    roots = jnp.issubdtype(x2.dtype, jnp.floating) and not jnp.iscomplexobj(x1)
    return _root(x1, x2) if roots else jnp.power(x1, x2)


def std(x: Array, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Array:
    """The standard deviation; the derivative of that of equal numbers counts as 0."""
    return sqrt(jnp.var(x, axis=axis, keepdims=keepdims))


def nanstd(x: Array, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Array:
    """The standard deviation of the numbers that are not NaN; derivatives as for `std`."""
    return sqrt(jnp.nanvar(x, axis=axis, keepdims=keepdims))


def norm(
    x: Array,
    ord: int | float | str | None = None,
    axis: int | Sequence[int] | None = None,
    keepdims: bool = False,
) -> Array:
    """The norm of vectors or matrices; its derivative at zero vectors counts as 0.

    Args:
      x: floating or complex.
      ord: as for `jax.numpy.linalg.norm`.
      axis: one axis for vectors, two for matrices; None for all.
      keepdims: keep the axes with size 1.
    """
    is_zero = jnp.all(x == 0, axis=axis, keepdims=True)
    safe = jnp.where(is_zero, jnp.ones_like(x), x)
    value = jnp.linalg.norm(safe, ord=ord, axis=axis, keepdims=keepdims)
    return jnp.where(is_zero.reshape(value.shape), jnp.zeros_like(value), value)


__all__ = [
    "arccos",
    "arccosh",
    "arcsin",
    "arctan2",
    "cbrt",
    "nanstd",
    "norm",
    "power",
    "sqrt",
    "std",
]
