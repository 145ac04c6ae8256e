"""The arithmetic of one variable: its dtype, and transformations of optax on its slots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

if TYPE_CHECKING:
    import optax

    from jkeras.core.trees import Tree

Array = jax.Array


def widen(x: Array) -> Array:
    """`x` in the dtype of its arithmetic: float32 for narrower floats."""
    return x if jnp.finfo(x.dtype).bits >= 32 else x.astype(jnp.float32)


def toward(old: Array, new: Array, share: float | Array) -> Array:
    """`old` moved by the fraction `share` of the way to `new`: one step of a moving average."""
    return old + (new - old) * share


def applied(
    rule: optax.GradientTransformation,
    slot_fields: Mapping[str, str],
    gradient: Array,
    variable: Array,
    slots: dict[str, Array],
    now: dict[str, Array],
) -> tuple[Array, dict[str, Array]]:
    """The update by a transformation of optax whose state is in slots, and the new slots.

    Args:
      rule: a transformation, or a chain, for one variable.
      slot_fields: for each slot the field of optax's state that holds it.
      gradient: the input of the transformation.
      variable: the variable.
      slots: the slots of the variable.
      now: the scalars of `Optimizer.step`.
    """
    values = {slot_fields[name]: slot for name, slot in slots.items()}
    first = rule.init(())
    if "count" in dict(_entries(first)):
        # Of a floating dtype: under strict promotion no power of a float by an integer exists.
        values["count"] = now["step"] - 1
    update, state = rule.update(gradient, _filled(first, values), variable)
    new = dict(_entries(state))
    return update, {name: new[slot_fields[name]] for name in slots}


def _filled(state: Tree, values: Mapping[str, Array]) -> Any:
    """A state of optax, of nested tuples, with `values` in the fields of these names."""
    if hasattr(state, "_fields"):
        parts = {name: _filled(part, values) for name, part in state._asdict().items()}
        return state._replace(**{name: values.get(name, part) for name, part in parts.items()})
    return tuple(_filled(part, values) for part in state) if isinstance(state, tuple) else state


def _entries(state: Tree) -> Iterator[tuple[str, Any]]:
    """The fields of all named tuples in a state of optax."""
    if hasattr(state, "_fields"):
        yield from state._asdict().items()
    for part in state if isinstance(state, tuple) else ():
        yield from _entries(part)
