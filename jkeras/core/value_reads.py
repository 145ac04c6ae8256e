"""Errors of code that reads values while a program is compiled: `float`, NumPy, Python's `if`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core.errors import type_error
from jkeras.core.tracing import is_guessing_values, is_shapes_only
from jkeras.core.trees import Tree

UNKNOWN_VALUES = (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError)
"""The errors of JAX for reading a value that a program does not have while it is traced."""

_FIX = (
    "Use jkeras.ops or jax.numpy in place of NumPy, and jkeras.ops.where in place of `if`. Code of "
    "other libraries runs in a metric, without a gradient: jax.pure_callback(f, "
    "jax.ShapeDtypeStruct((), 'float32'), y_true, y_pred)."
)


def reads_values(error: Exception, fix: str, **parts: str) -> TypeError:
    """The error in place of JAX's.

    Args:
      error: that of JAX.
      fix: what to do, in sentences.
      **parts: `who` and others, as for `Message`.
    """
    first = str(error).partition("\n")[0]
    text = "it looks at values, which are not known while a program is compiled."
    return type_error(f"{text} {fix} JAX says: {first}", **parts)


@contextlib.contextmanager
def naming_user_code(who: str) -> Iterator[None]:
    """Names the user's loss or metric in errors of code that reads values.

    Raises:
      TypeError: in place of JAX's error.
    """
    try:
        yield
    except UNKNOWN_VALUES as error:
        raise reads_values(error, _FIX, who=who) from error


def guesses(error: Exception) -> bool:
    """Whether code that looked at values may run again on `ones_of` its arguments: shapes alone are
    needed, and what runs later has values.
    """
    return isinstance(error, UNKNOWN_VALUES) and is_shapes_only() and is_guessing_values()


def ones_of(tree: Tree) -> Any:
    """Ones in the place of traced arrays."""

    def known(leaf: Any) -> Any:
        traced = isinstance(leaf, jax.core.Tracer)
        return jnp.ones(leaf.shape, leaf.dtype) if traced else leaf

    with jax.ensure_compile_time_eval():
        return jax.tree.map(known, tree)


def on_values(function: Callable[..., Any], *args: Any) -> Any:
    """`function(*args)`; of ones, where it looks at values and shapes alone are needed."""
    try:
        return function(*args)
    except UNKNOWN_VALUES as error:
        if not guesses(error):
            raise
        with jax.ensure_compile_time_eval():
            return function(*ones_of(args))
