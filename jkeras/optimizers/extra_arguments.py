"""Transformations of optax that need more than gradients: the loss, a function of it, slow weights.

    opt_state = init_state(optimizer, params)
    updates, opt_state = compute_updates(
        optimizer, grads, opt_state, params, value=loss, value_fn=loss_fn
    )

Laws:
  - A transformation gets the arguments that its `update` accepts, and no others; those that only
    take gradients, state and params cost nothing more.
  - No array of the state is one of `params`, so that both may be donated.
  - `optax.lookahead`, which wants `LookaheadParams`, has its slow weights in the state; `params`
    are the fast ones.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from jkeras.core.trees import Tree
from jkeras.optimizers.resolve import apply_updates

if TYPE_CHECKING:
    from jkeras.optimizers.resolve import Transformation


class WithSlowWeights(NamedTuple):
    """The state of a transformation for `optax.LookaheadParams`, with its slow weights."""

    inner: Any
    slow: Tree


def init_state(optimizer: Transformation, params: Tree) -> Tree:
    """The first state of any transformation."""
    own = {id(leaf) for leaf in jax.tree.leaves(params)}

    def apart(tree: Tree) -> Tree:
        return jax.tree.map(lambda leaf: jnp.copy(leaf) if id(leaf) in own else leaf, tree)

    state = _quietly(optimizer.init, params)
    nodes = jax.tree.leaves(state, is_leaf=_is_lookahead)
    if not any(map(_is_lookahead, nodes)):
        return apart(state)
    from optax import LookaheadParams

    return apart(WithSlowWeights(optimizer.init(LookaheadParams(params, params)), params))


def compute_updates(
    optimizer: Transformation,
    grads: Tree,
    state: Tree,
    params: Tree,
    *,
    value: jax.Array,
    value_fn: Callable[[Tree], jax.Array],
) -> tuple[Tree, Tree]:
    """One update by any transformation.

    Args:
      optimizer: the transformation.
      grads: the gradients, a tree shaped like `params`.
      state: of `init_state` or the last update.
      params: the parameters.
      value: the loss at `params`.
      value_fn: the pure function from parameters to the loss, for searches along a line and for
        curvature.

    Returns:
      The updates, to be added to the parameters, and the new state.
    """

    def loss_fn(params: Tree, grad_fn: object = None, obj_fn: object = None) -> jax.Array:
        del grad_fn, obj_fn  # line searches hand on what they do not know
        return value_fn(params)

    def grad_fn(params: Tree, number: int = 0) -> Tree:
        del number  # all adversarial steps of `optax.contrib.sam` see the same batch
        return jax.grad(value_fn)(params)

    extra: dict[str, Any] = {"value": value, "grad": grads, "value_fn": loss_fn, "grad_fn": grad_fn}
    extra["obj_fn"] = loss_fn  # the name in `optax.contrib.sophia`
    taken = inspect.signature(optimizer.update).parameters.values()
    if not any(p.kind is p.VAR_KEYWORD for p in taken):
        extra = {p.name: extra[p.name] for p in taken if p.name in extra}
    if not isinstance(state, WithSlowWeights):
        return optimizer.update(grads, state, params, **extra)
    from optax import LookaheadParams

    both = LookaheadParams(params, state.slow)
    updates, inner = optimizer.update(grads, state.inner, both, **extra)
    return updates.fast, WithSlowWeights(inner, apply_updates(state.slow, updates.slow))


def _is_lookahead(node: object) -> bool:
    return type(node).__name__ == "LookaheadState"


def _quietly(function: Callable[[Tree], Tree], params: Tree) -> Tree:
    """The result of a function, without the warning of `optax.lookahead` of other params."""
    logger = logging.getLogger("absl")
    before, logger.disabled = logger.disabled, True
    try:
        return function(params)
    finally:
        logger.disabled = before
