"""Arrays of constants made by NumPy: outside of programs JAX compiles one for every shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.arrays import on_device
from jkeras.core.jit_once import jit_once
from jkeras.core.seeds import is_tracing
from jkeras.core.trees import is_traced

if TYPE_CHECKING:
    from jax.typing import DTypeLike


def full(shape: tuple[int, ...], value: complex, dtype: DTypeLike) -> jax.Array:
    """`jnp.full`."""
    if is_tracing():
        return jnp.full(shape, value, dtype)
    return on_device(np.full(shape, value, dtype))


def first_values(function: Callable[..., Any], *args: Any) -> Any:
    """`function(*args)`, for a function that makes constants and copies, such as the first state of
    an optimizer; one that computes anything else is compiled.
    """
    if is_traced(args):
        return function(*args)
    closed, specs = jax.make_jaxpr(function, return_shape=True)(*args)
    try:
        outputs = _evaluated(closed.jaxpr, closed.consts, jax.tree.leaves(args))
    except NotImplementedError:
        return jit_once(function)(*args)
    copies = [on_device(np.asarray(output)) for output in outputs]  # no two share a buffer
    return jax.tree.unflatten(jax.tree.structure(specs), copies)


def _evaluated(jaxpr: Any, consts: Sequence[Any], args: Sequence[Any]) -> list[Any]:
    """The outputs of a jaxpr whose operations only fill and copy arrays.

    Raises:
      NotImplementedError: it has another operation.
    """
    values = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *args), strict=True))

    def value_of(atom: Any) -> Any:
        return atom.val if hasattr(atom, "val") else values[atom]

    for equation in jaxpr.eqns:
        operands = [value_of(atom) for atom in equation.invars]
        made: Any
        match equation.primitive.name:
            case "broadcast_in_dim" if np.ndim(operands[0]) == 0:
                aval = equation.outvars[0].aval
                made = [np.full(aval.shape, operands[0], aval.dtype)]
            case "convert_element_type":
                made = [np.asarray(operands[0]).astype(equation.params["new_dtype"])]
            case "copy" | "copy_p":
                made = operands
            case "jit" | "pjit":
                inner = equation.params["jaxpr"]
                made = _evaluated(inner.jaxpr, inner.consts, operands)
            case name:
                raise NotImplementedError(name)
        values.update(zip(equation.outvars, made, strict=True))
    return [value_of(atom) for atom in jaxpr.outvars]
