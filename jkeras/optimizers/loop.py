"""Loss scaling and averaged parameters: functions of an optimizer's state for a training loop.

    loss = scale_loss(loss, opt_state)             # before the gradients are taken
    params = final_params(params, opt_state)       # at the end of training

Laws:
  - Without `loss_scale_factor` the loss does not change; without `use_ema` the parameters do not.
  - Both are pure, run under `jit` and `vmap`, and look through any nesting (`MultiOptimizer`,
    `optax.chain`, `optax.masked`, ...).
"""

from __future__ import annotations

from typing import Any

import jax

from jkeras.core.errors import describe
from jkeras.core.trees import Tree, named_leaves, path_names
from jkeras.optimizers.base import AVERAGE, Array, OptimizerState
from jkeras.optimizers.loss_scale import LossScaleState


def scale_loss(loss: Array, opt_state: Tree) -> Array:
    """The loss times the optimizer's `loss_scale_factor`, or the factor of a `LossScaleOptimizer`.

    The optimizer expects the gradients of this scaled loss.

    Args:
      loss: floating scalar.
      opt_state: the state of any optimizer.

    Raises:
      ValueError: the state holds several factors, which would divide the gradients twice.

    Example:
      >>> import jax.numpy as jnp
      >>> from jkeras.optimizers import SGD
      >>> state = SGD(loss_scale_factor=1024.0).init({"kernel": jnp.ones(2)})
      >>> float(scale_loss(jnp.float32(0.5), state))
      512.0

    Source: `keras.optimizers.Optimizer.scale_loss`.
    """
    factors = _factors(opt_state)
    return loss * factors[0].astype(loss.dtype) if factors else loss


def scales_loss(opt_state: Tree) -> bool:
    """Whether an optimizer's state holds a `loss_scale_factor`."""
    return bool(_factors(opt_state))


def final_params(params: Tree, opt_state: Tree) -> Tree:
    """The parameters to keep after training: their averages where the optimizer has `use_ema`.

    Args:
      params: the parameters after the last update.
      opt_state: the state of any optimizer.

    Returns:
      A tree like `params`, in its dtypes.

    Raises:
      ValueError: the averages belong to other parameters.

    Example:
      >>> import jax.numpy as jnp
      >>> from jkeras.optimizers import SGD
      >>> rule, params = SGD(1.0, use_ema=True, ema_momentum=0.5), {"kernel": jnp.ones(2)}
      >>> state = rule.init(params)
      >>> for _ in range(2):
      ...     updates, state = rule.update({"kernel": jnp.ones(2)}, state, params)
      ...     params = {"kernel": params["kernel"] + updates["kernel"]}
      >>> params["kernel"].tolist(), final_params(params, state)["kernel"].tolist()
      ([-1.0, -1.0], [-0.5, -0.5])

    Source: `keras.optimizers.Optimizer.finalize_variable_values`.
    """
    averages: dict[str, Array] = {}
    for state in _states(opt_state):
        averages |= named_leaves(state.slots.get(AVERAGE, {}))
    if not averages:
        return params
    _check_belong(averages, named_leaves(params))

    def final(path: tuple[Any, ...], param: Array) -> Array:
        average: Array = averages.get("/".join(path_names(path)), param)
        return average.astype(param.dtype)

    return jax.tree_util.tree_map_with_path(final, params)


def _factors(opt_state: Tree) -> list[Array]:
    name = "loss_scale_factor"
    found = jax.tree.leaves(opt_state, is_leaf=lambda node: isinstance(node, LossScaleState))
    dynamic = [node.dynamic_scale for node in found if isinstance(node, LossScaleState)]
    states = (state for state in _states(opt_state) if name in state.hyperparams)
    return dynamic + [state.hyperparams[name] for state in states]


def _states(opt_state: Tree) -> list[OptimizerState]:
    """The `OptimizerState`s in any nesting of states, in JAX's order."""
    leaves = jax.tree.leaves(opt_state, is_leaf=lambda node: isinstance(node, OptimizerState))
    return [leaf for leaf in leaves if isinstance(leaf, OptimizerState)]


def _check_belong(averages: dict[str, Array], params: dict[str, Array]) -> None:
    for path, average in averages.items():
        if path not in params or params[path].shape != average.shape:
            got = describe(params[path]) if path in params else "none there"
            raise ValueError(
                f"final_params: expected the `params` that the optimizer was made for, with shape "
                f"{average.shape} at {path!r}, got {got}. Pass the params and the state of one "
                "training."
            )
