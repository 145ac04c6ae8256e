"""Connectionist temporal classification (CTC): a loss for sequences without alignment.

A path has one symbol, or the blank, at every step; without repetitions and blanks it is a label
sequence. The loss is -log of the probability of all paths of the target. Class 0 is the blank, and
also the padding at the end of targets. Law: the padding of a target changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jkeras.core.arrays import as_jax
from jkeras.core.description import option
from jkeras.losses.base import floating_dtype
from jkeras.losses.formula import FormulaLoss
from jkeras.losses.reduction import reduction_name
from jkeras.losses.shapes import Array, at_least_float32, floats
from jkeras.losses.targets import Targets, check_classes, check_finite
from jkeras.ops.ctc import ctc_of_lengths

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def ctc(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """-log Σ over paths of Π over steps of p(symbol).

    Args:
      y_true: `[batch, labels]`, class indices from 1, with 0 after the last one.
      y_pred: `[batch, steps, classes]`, logits; class 0 is the blank.

    Returns:
      `[batch]`, dtype of `y_pred`. A target that needs more steps than there are gives about 1e5.

    Raises:
      ValueError: the shapes do not match.

    Example:
      >>> ctc(jnp.array([[1]]), jnp.zeros((1, 2, 2))).round(4)  # 3 of 4 paths
      Array([0.2877], dtype=float32)

    Source: Graves et al. 2006, doi:10.1145/1143844.1143891; `keras.losses.ctc`.
    """
    y_true, y_pred = as_jax(y_true), floats(y_pred)
    if y_true.ndim != 2 or y_pred.ndim != 3 or len(y_true) != len(y_pred):
        raise ValueError(
            "ctc: expected `y_true` [batch, labels] beside `y_pred` [batch, steps, classes], got "
            f"shapes {y_true.shape} and {y_pred.shape}. Fill short targets up with 0."
        )
    labels, log_p = y_true.astype(jnp.int32), jax.nn.log_softmax(at_least_float32(y_pred), axis=-1)
    counts = jnp.sum(labels != 0, axis=1, dtype=jnp.int32)
    steps = jnp.full(len(labels), log_p.shape[1], jnp.int32)
    return jax.vmap(ctc_of_lengths)(labels, log_p, counts, steps).astype(y_pred.dtype)


class CTC(FormulaLoss):
    """`ctc` as a loss: targets `[batch, labels]`, and logits `[batch, steps, classes]`.

    Args:
      reduction: how values become a number; see `jkeras.losses.reduce_weighted`.
      name: how logs call it.
      dtype: the dtype to compute in; the predictions' when left out.
    """

    reduction: str | None = option(default="sum_over_batch_size", convert=reduction_name)
    name: str | None = "ctc"
    dtype: Any = option(default=None, convert=floating_dtype)
    loss_fn = staticmethod(ctc)

    def check_values(self, y_true: Targets, outputs: jax.ShapeDtypeStruct) -> None:
        """Whole numbers from 0 to the number of classes, with zeros at the end only."""
        check_finite(self.log_name, y_true)
        check_classes(self.log_name, y_true, outputs.shape[-1])
        late = (y_true[:, :-1] == 0) & (y_true[:, 1:] != 0)
        if late.any():
            row = int(late.any(axis=1).argmax())
            raise ValueError(
                f"{self.log_name}: expected `y_true` with 0 only after the last label, got "
                f"{y_true[row].tolist()} at row {row}. Class 0 is the blank: count labels from 1."
            )
