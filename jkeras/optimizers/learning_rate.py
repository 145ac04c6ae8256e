"""Reading and changing the learning rate inside an optimizer state.

Laws:
  - `get_learning_rate(set_learning_rate(state, rate)) == rate`, and nothing else changes.
  - The new state has the structure, shapes, dtypes and placement of the old state, so a compiled
    step accepts the new state without compiling again.

All search any nesting (`optax.chain`, `optax.masked`, ...) for the one state with a rate: an
`OptimizerState`, or the state of `optax.inject_hyperparams`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.global_arrays import put
from jkeras.core.trees import Tree
from jkeras.optimizers.base import Array, Scheduled

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def get_learning_rate(opt_state: Tree) -> Array | None:
    """The learning rate of the next update; None if the state has no rate or several.

    Example:
      >>> from jkeras.optimizers import SGD
      >>> float(get_learning_rate(SGD(0.5).init({"kernel": jnp.ones(2)})))
      0.5
    """
    nodes = _holders(opt_state)
    if len(nodes) != 1:
        return None
    rate = nodes[0].hyperparams["learning_rate"]
    return rate.value if isinstance(rate, Scheduled) else rate


def set_learning_rate(opt_state: Tree, value: ArrayLike) -> Tree:
    """A state like `opt_state` whose next update uses the rate `value`.

    Args:
      opt_state: the state of an optimizer with a number, not a schedule, as its learning rate.
      value: a number of at least 0, or an array (traced or not): a scalar, or of the old rate's
        shape.

    Raises:
      TypeError: the rate comes from a schedule, or `value` is not a number.
      ValueError: the state holds no rate, or several; `value` is negative, NaN or of a wrong shape.

    Example:
      >>> from jkeras.optimizers import SGD
      >>> state = SGD(0.5).init({"kernel": jnp.ones(2)})
      >>> float(get_learning_rate(set_learning_rate(state, 0.25)))
      0.25
    """
    who, nodes = "set_learning_rate", _holders(opt_state)
    _check_one(who, nodes)
    _check_settable(who, nodes)
    _check_value(who, value)
    return _with_rate(opt_state, _like(who, value, nodes[0].hyperparams["learning_rate"]))


def override_learning_rate(
    opt_state: Tree, value: ArrayLike, *, who: str = "override_learning_rate"
) -> Tree:
    """A state like `opt_state` whose next update uses the rate `value`, also where a schedule of
    the optimizer sets the rate: the update after that has the schedule's rate again.

    Args:
      opt_state: as for `set_learning_rate`.
      value: a number of at least 0.
      who: the method that needs it, for messages.

    Raises:
      TypeError: a schedule sets the rate where the state cannot: `optax.inject_hyperparams`.
      ValueError: the state holds no rate, or several.

    Example:
      >>> from jkeras.optimizers import SGD, schedules
      >>> state = SGD(schedules.ExponentialDecay(0.5, 1, 0.5)).init({"kernel": jnp.ones(2)})
      >>> float(get_learning_rate(override_learning_rate(state, 0.25)))
      0.25
    """
    nodes = _holders(opt_state)
    _check_one(who, nodes)
    _check_value(who, value)
    rate = nodes[0].hyperparams["learning_rate"]
    if not isinstance(rate, Scheduled):
        _check_settable(who, nodes)
        return _with_rate(opt_state, _like(who, value, rate))
    return _with_rate(opt_state, Scheduled(_like(who, value, rate.value)))


def _with_rate(opt_state: Tree, rate: Array | Scheduled) -> Tree:
    """The state with another entry for the rate, where it holds one."""

    def changed(node: Tree) -> Any:
        if not _holds_rate(node):
            return node
        return node._replace(hyperparams={**node.hyperparams, "learning_rate": rate})

    return jax.tree.map(changed, opt_state, is_leaf=_holds_rate)


def _holds_rate(node: object) -> bool:
    hyperparams = getattr(node, "hyperparams", None)
    return isinstance(hyperparams, dict) and "learning_rate" in hyperparams


def _holders(opt_state: Tree) -> list[Any]:
    return [node for node in jax.tree.leaves(opt_state, is_leaf=_holds_rate) if _holds_rate(node)]


def _check_one(who: str, nodes: list[Any]) -> None:
    if not nodes:
        raise ValueError(
            f"{who}: expected an optimizer state that holds its learning rate, got one "
            "that holds none. Use an optimizer of jkeras.optimizers, or build optax's with its "
            "rate in the state: optax.inject_hyperparams(optax.adam)(learning_rate=0.001)."
        )
    if len(nodes) > 1:
        raise ValueError(
            f"{who}: expected an optimizer state with one learning rate, "
            f"got {len(nodes)}. Set each one in its own part of the state."
        )


def _check_settable(who: str, nodes: list[Any]) -> None:
    ours = isinstance(nodes[0].hyperparams["learning_rate"], Scheduled)
    if ours or "learning_rate" in getattr(nodes[0], "hyperparams_states", {}):  # as optax has it
        raise WrongTypeError(
            f"{who}: expected an optimizer with a number as its `learning_rate`, got "
            "one with a schedule, which sets the rate at every step. To set it by hand, make the "
            "optimizer with a number: Adam(learning_rate=0.001)."
        )


def _check_value(who: str, value: ArrayLike) -> None:
    if isinstance(value, jax.Array):
        return  # taken as it is: looking into it would wait for the device, or fail in a trace
    rates = np.asarray(value)
    if callable(value) or rates.dtype.kind not in "iufV":
        raise WrongTypeError(f"{who}: expected `value` to be a number, got {describe(value)}.")
    if not np.all((rates >= 0) & (rates < np.inf)):
        raise ValueError(
            f"{who}: expected `value` to be a number of at least 0, got {describe(value)}."
        )


def _like(who: str, value: ArrayLike, old: Array) -> Array:
    """`value` with the shape, dtype and placement of `old`."""
    new = jnp.asarray(value, dtype=old.dtype)
    if new.shape not in ((), old.shape):
        raise ValueError(
            f"{who}: expected `value` of shape {old.shape}, got shape {new.shape}. "
            "For one rate per model, make the states with jax.vmap."
        )
    new = jnp.broadcast_to(new, old.shape)
    placed = not isinstance(old, jax.core.Tracer) and old.committed
    return put(new, old.sharding) if placed else new
