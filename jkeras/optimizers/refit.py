"""The optimizer's state after a change of the trained weights, such as freezing layers.

    state = refitted(optimizer, state, before, params)

Laws:
  - The slots of a weight that is trained before and after do not change, nor do counts and rates.
  - A newly trained weight has the slots of `init`; the slots of a frozen weight are dropped.
  - Refitting to the same weights changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax

from jkeras.core.trees import Tree
from jkeras.optimizers.extra_arguments import init_state
from jkeras.optimizers.multi import MultiOptimizer, MultiState

if TYPE_CHECKING:
    from jkeras.optimizers.resolve import Transformation


def refitted(optimizer: Transformation, state: Tree, before: Tree, params: Tree) -> Tree:
    """The state for the parameters `params`, with the entries of `state` for common parameters.

    Args:
      optimizer: anything with `init` and `update`.
      state: the state of the optimizer.
      before: the parameters of `state`, or their specs; None in place of frozen parameters.
      params: the parameters that are trained from now on; None in place of frozen parameters.

    Example:
      >>> import jax.numpy as jnp
      >>> from jkeras.optimizers import SGD
      >>> rule, ones = SGD(0.1, momentum=0.9), jnp.ones(1)
      >>> before = {"body": None, "head": ones}
      >>> _, state = rule.update(before, rule.init(before), before)
      >>> after = refitted(rule, state, before, {"body": ones, "head": ones})
      >>> {name: round(float(slot[0]), 2) for name, slot in after.slots["momentum"].items()}
      {'body': 0.0, 'head': -0.1}
    """
    if isinstance(optimizer, MultiOptimizer):
        return _each(optimizer, state, before, params)
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is not None:
        return state._replace(inner=refitted(inner, state.inner, before, params))
    leaves = jax.tree_util.tree_leaves_with_path(state)
    known = {jax.tree_util.keystr(path): leaf for path, leaf in leaves}

    def kept(path: tuple[Any, ...], leaf: Any) -> Any:
        old = known.get(jax.tree_util.keystr(path), leaf)
        return old if getattr(old, "shape", ()) == getattr(leaf, "shape", ()) else leaf

    return jax.tree_util.tree_map_with_path(kept, init_state(optimizer, params))


def _each(optimizer: MultiOptimizer, state: MultiState, before: Tree, params: Tree) -> MultiState:
    """The states of a `MultiOptimizer`, each refitted to the weights of its optimizer."""
    old = dict(zip(optimizer.parts(before), state.states, strict=True))
    states = []
    for rule, part in optimizer.parts(params).items():
        known = optimizer.parts(before).get(rule)
        new = rule.init(part) if known is None else refitted(rule, old[rule], known, part)
        states.append(new)
    return MultiState(tuple(states))
