"""Losses of a function `(y_true, y_pred, **options)`, whose options are their fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import jax.numpy as jnp

from jkeras.core.description import option
from jkeras.core.logits import LARGEST, logits_of
from jkeras.losses.base import Loss, floating_dtype, options_of
from jkeras.losses.reduction import reduction_name
from jkeras.losses.shapes import Array, at_least_float32

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class FormulaLoss(Loss):
    """Base of the losses that a function has, too, whose options are the fields of the loss."""

    loss_fn: ClassVar[Callable[..., Array]]
    """A function `(y_true, y_pred, **options)` that returns `[batch, ...]`."""
    activation: ClassVar[str] = ""
    """That of the last layer, "sigmoid" or "softmax", which `from_logits=True` stands for."""

    def of_logits(self, y_pred: ArrayLike) -> tuple[Any, Loss | None]:
        """Those of a cross-entropy of probabilities which a sigmoid or softmax computes."""
        known = logits_of(y_pred)
        fields_only: Any = self
        unchanged = type(self).call is FormulaLoss.call
        if known is None or not self.activation or fields_only.from_logits or not unchanged:
            return None, None
        of_softmax = self.activation == "softmax"
        logits = known.of_softmax(fields_only.axis) if of_softmax else known.of_sigmoid()
        if logits is None:
            return None, None
        logits = jnp.clip(at_least_float32(logits), -LARGEST, LARGEST)
        return logits, self.replace(from_logits=True)

    def call(self, y_true: Array, y_pred: Array) -> Array:
        """The values of `loss_fn`."""
        return self.loss_fn(y_true, y_pred, **options_of(self, self.loss_fn))


class PlainLoss(FormulaLoss):
    """Base of the losses of one example without options.

    Args:
      reduction: how values become a number; see `jkeras.losses.reduce_weighted`.
      name: how logs call it.
      dtype: the dtype to compute in; the predictions' when left out.
    """

    independent: ClassVar[bool] = True

    reduction: str | None = option(default="sum_over_batch_size", convert=reduction_name)
    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)
