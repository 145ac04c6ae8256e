"""Whether a function of the user's leaves the examples of a batch apart.

    leaves_examples_apart(jnp.tanh)                       # True
    leaves_examples_apart(lambda x: x - x.mean(axis=0))   # False

Functions of this library, of `jax.nn` and ufuncs do. Any other is traced once for two small
matrices: it does if it consists of operations on single numbers alone. A function that the rule
does not know, such as one that shifts pixels, counts as one that may mix examples, which costs a
program for the last partial batch and never a wrong number.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

_HOMES = ("jkeras.", "jax._src.nn.", "jax.nn")
"""Modules whose functions take one example at a time."""

_SHAPE = (2, 3)

_OF_NUMBERS = frozenset(
    "abs acos acosh add and asin asinh atan atan2 atanh cbrt ceil clamp convert_element_type copy "
    "cos cosh div eq erf erf_inv erfc exp exp2 expm1 floor ge gt integer_pow is_finite le lgamma "
    "log log1p logistic lt max min mul ne neg not or pow rem round rsqrt select_n sign sin sinh "
    "sqrt square sub tan tanh xor".split()
)
_WITH_PROGRAMS = frozenset({"jit", "pjit", "custom_jvp_call", "custom_vjp_call", "closed_call"})


def leaves_examples_apart(function: Callable[..., Any] | None) -> bool:
    """Whether each example of the outputs depends on the same example of the inputs alone.

    Args:
      function: of one array; None for the identity.
    """
    if function is None or isinstance(function, jnp.ufunc):
        return True
    rows = getattr(function, "padded_rows", None)  # of a layer
    if rows is not None:
        return bool(rows == "ignored")
    if str(getattr(function, "__module__", "")).startswith(_HOMES) and hasattr(
        function, "__name__"
    ):
        return True
    try:
        return _is_elementwise(function)
    except TypeError:  # it cannot be remembered
        return _is_elementwise.__wrapped__(function)


@functools.lru_cache(maxsize=256)
def _is_elementwise(function: Callable[[Any], Any]) -> bool:
    """Whether a trace of the function has operations on single numbers alone."""
    try:
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            traced = jax.make_jaxpr(function)(jax.ShapeDtypeStruct(_SHAPE, jnp.float32))
    except Exception:  # any of the user's: it is raised where the function is called
        return False
    if [value.shape for value in traced.out_avals] != [_SHAPE]:
        return False
    return all(map(_is_of_numbers, _equations(traced.jaxpr)))


def _equations(jaxpr: Any) -> Iterator[Any]:
    """The operations of a program, and those of the programs in it."""
    for equation in jaxpr.eqns:
        if equation.primitive.name not in _WITH_PROGRAMS:
            yield equation
            continue
        for part in equation.params.values():
            if hasattr(part, "eqns") or hasattr(part, "jaxpr"):
                yield from _equations(getattr(part, "jaxpr", part))


def _is_of_numbers(equation: Any) -> bool:
    shapes = {value.aval.shape for value in (*equation.invars, *equation.outvars)} - {()}
    if equation.primitive.name == "broadcast_in_dim":
        return shapes <= {_SHAPE} and not equation.invars[0].aval.shape
    return equation.primitive.name in _OF_NUMBERS and shapes <= {_SHAPE}
