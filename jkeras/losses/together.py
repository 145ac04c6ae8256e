"""A loss of several outputs together: a user's function of nested targets and predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jkeras.core.trees import Tree
from jkeras.core.value_reads import naming_user_code
from jkeras.core.variables import lenient
from jkeras.losses.base import Loss, LossFunction, fill_rows
from jkeras.losses.reduction import reduce_weighted
from jkeras.losses.shapes import Array, floats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def takes_several(loss: Loss) -> bool:
    """Whether a loss is made of a user's function, which may take nested outputs."""
    return isinstance(loss, LossFunction) or loss.is_mutable


def loss_together(
    loss: Loss,
    y_true: Tree,
    y_pred: Tree,
    sample_weight: ArrayLike | None = None,
    valid: ArrayLike | None = None,
) -> Array:
    """The loss of a batch.

    Args:
      loss: one that `takes_several`. Its function returns one value an example, or one number for a
        batch, which may then have no filler rows.
      y_true, y_pred: nested alike, each leaf `[batch, ...]`.
      sample_weight: `[batch]`, or None.
      valid: bool `[batch]`, False for filler rows.
    """
    treedef: Any = jax.tree.structure(y_pred)
    pairs = zip(jax.tree.leaves(y_true), jax.tree.leaves(y_pred), strict=True)
    arrays = [loss.arrays(*pair) for pair in pairs]
    if valid is not None:
        valid = jnp.asarray(valid)
        arrays = [(fill_rows(y, valid), fill_rows(pred, valid)) for y, pred in arrays]
    targets = treedef.unflatten([y.astype(pred.dtype) for y, pred in arrays])
    outputs = treedef.unflatten([pred for _, pred in arrays])
    with naming_user_code(loss.log_name), lenient():
        values = floats(_function(loss)(targets, outputs))
    if values.ndim == 0:
        values = jnp.broadcast_to(values, arrays[0][1].shape[:1])
    return reduce_weighted(values, sample_weight, loss.reduction, valid)


def gives_one_number_together(loss: Loss, y_true: Tree, y_pred: Tree) -> bool:
    """Whether the function returns one number for a batch of these arrays or specs."""
    with naming_user_code(loss.log_name), lenient():
        return jax.eval_shape(_function(loss), y_true, y_pred).ndim == 0


def _function(loss: Loss) -> Callable[[Any, Any], Any]:
    return loss.fn if isinstance(loss, LossFunction) else loss.call
