"""What Keras's tests import by name, and what has another name or form here."""

from __future__ import annotations

from typing import Any

import jax

import jkeras
from jkeras.core.description import option
from jkeras.losses.base import floating_dtype
from jkeras.losses.reduction import reduction_name
from jkeras.losses.shapes import same_rank as squeeze_or_expand_to_same_rank
from jkeras.ops.random_initializers import fans as compute_fans
from tests.keras_suite.standins import keras_mask


class Loss(jkeras.losses.Loss):
    """The base of Keras's example losses.

    A loss here declares the arguments it wants, and is told what counts; in Keras every loss has
    `reduction`, `name` and `dtype`, and finds a mask on the predictions.
    """

    reduction: str | None = option(default="sum_over_batch_size", convert=reduction_name)
    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> jax.Array:  # type: ignore[override]
        """The loss of a batch, its mask taken from the predictions."""
        return super().__call__(y_true, y_pred, sample_weight, mask=keras_mask(y_pred))


def validate_float_arg(value: Any, name: str) -> float:
    """A regularizer's factor, as the regularizers here take it."""
    del name
    return jkeras.regularizers.L1(value).l1


__all__ = ["Loss", "compute_fans", "squeeze_or_expand_to_same_rank", "validate_float_arg"]
