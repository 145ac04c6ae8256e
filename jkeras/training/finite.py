"""Steps that would make something else than numbers: found, and left out, in the compiled step.

A step is good if its loss is finite, and if the squares of its gradients, and those of the weights
after it, have finite sums in float32. (Norms and second moments want that; and a sum is several
times faster than a look at every number.)

Laws:
  - A step that is left out changes nothing but what counts: `step`, `position`, and `SKIPPED`.
  - Which steps are left out does not depend on how many a dispatch has.
  - Nothing waits for the host: whether a step was good is a number of the program.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core.trees import Tree, widest_float
from jkeras.optimizers import LossScaleState
from jkeras.training.state import TrainState

SKIPPED = "skipped_steps"
"""Where the sums of an epoch count the steps that were left out."""

Step = Callable[[TrainState, Any], tuple[TrainState, Any]]


def none_skipped() -> dict[str, jax.Array]:
    """The count before the first step: `count`, how many steps were left out, and `first`, the
    position of the first of them, both int32.
    """
    return {"count": jnp.zeros((), jnp.int32), "first": jnp.zeros((), jnp.int32)}


def is_finite(tree: Tree) -> jax.Array:
    """Whether the squares of all floating numbers in a tree have a finite sum: a bool scalar.

    Example:
      >>> bool(is_finite({"a": jnp.ones(2), "b": jnp.arange(2)})), bool(is_finite(jnp.log(-1.0)))
      (True, False)
    """
    leaves = (leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.inexact))
    squares = [jnp.sum(jnp.square(leaf.astype(widest_float()))) for leaf in leaves]
    return jnp.all(jnp.isfinite(jnp.array(squares, widest_float())))


def guarded(
    update: Callable[..., tuple[Tree, Tree]], loss: jax.Array, grads: Tree, *values: Tree
) -> tuple[jax.Array, tuple[Tree, Tree]]:
    """An update, if the step is good; else the values as they are.

    Args:
      update: the pure function (grads, params, opt_state) -> (params, opt_state).
      loss: of the step, a scalar.
      grads: of the step. Loss scaling looks at them itself: infinite ones tell it that its factor
        is too large.
      *values: params and opt_state.

    Returns:
      Whether the step is good, a bool scalar, and the params and opt_state after it.
    """

    def is_scaled(node: object) -> bool:
        return isinstance(node, LossScaleState)

    new = update(grads, *values)
    nodes = jax.tree.leaves(values[1], is_leaf=is_scaled)
    judged = None if any(map(is_scaled, nodes)) else grads
    good = jnp.isfinite(loss) & is_finite((judged, new[0]))
    return good, chosen(good, new, values)


def counted(before: TrainState, after: TrainState, good: jax.Array) -> TrainState:
    """The state after a step, with the old state and sums of a bad one, and the count of these.

    Args:
      before: the state before the step, whose sums have `SKIPPED`.
      after: the state after it, whose sums have not.
      good: whether it is good.
    """
    count, first = before.sums[SKIPPED]["count"], before.sums[SKIPPED]["first"]
    is_first = ~good & (count == 0)
    skipped = {
        "count": count + (~good).astype(jnp.int32),
        "first": jnp.where(is_first, before.position, first),
    }
    state, sums = chosen(good, (after.state, after.sums), (before.state, without_count(before)))
    return after.replace(state=state, sums={**sums, SKIPPED: skipped})


def chosen(good: jax.Array, new: Tree, old: Tree) -> Tree:
    """The new values after a good step, else the old ones."""
    return jax.tree.map(lambda a, b: jnp.where(good, a, b), new, old)


def without_count(train_state: TrainState) -> dict[str, Tree]:
    """The sums without `SKIPPED`."""
    return {name: sums for name, sums in train_state.sums.items() if name != SKIPPED}


def skipping(step: Step) -> Step:
    """Any step, as one that leaves itself out where its loss or the new params are not finite.

    Args:
      step: the pure function (train_state, batch) -> (train_state, logs). Its gradients are not
        seen, only what came of them.

    Returns:
      The same for a state whose `sums` have `SKIPPED`. Logs are those of the step, whatever it was.
    """

    def train_step(train_state: TrainState, batch: Tree) -> tuple[TrainState, Any]:
        before = train_state.replace(sums=without_count(train_state))
        after, logs = step(before, batch)
        good = jnp.isfinite(logs.get("loss", jnp.zeros(()))) & is_finite(after.params)
        new, old = ((values.params, values.opt_state) for values in (after, before))
        params, opt_state = chosen(good, new, old)
        after = after.replace(params=params, opt_state=opt_state)
        return counted(train_state, after, good), logs

    return train_step
