"""Losses of a user's class that overrides `__call__`, and with it weights and reduction.

    class Total(Loss):
        def __call__(self, y_true, y_pred, sample_weight=None):
            return ops.sum(y_pred)

Laws: the number that the user's `__call__` returns for a whole batch is the loss of the batch; no
filler rows are in the batch; a mask is folded into `sample_weight`, where each real value counts
total / real, as in Keras.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from jkeras.core.value_reads import naming_user_code
from jkeras.losses.shapes import Array, floats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def complete_own_call(cls: Any) -> None:
    """Makes the `__call__` that a user's class defines the one that training calls.

    Args:
      cls: a subclass of `Loss` whose `__call__` takes no `valid`.
    """
    user_call = vars(cls)["__call__"]
    parameters = inspect.signature(user_call).parameters
    if "valid" in parameters:
        return
    takes_weight = "sample_weight" in parameters or len(parameters) > 3

    @functools.wraps(user_call)
    def __call__(
        self: Any,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        valid: ArrayLike | None = None,
        mask: ArrayLike | None = None,
    ) -> Array:
        if valid is not None:  # a super().__call__ of another such class
            mask = valid if mask is None else jnp.asarray(mask) & jnp.asarray(valid)
        if mask is not None:
            sample_weight = _with_mask(sample_weight, mask)
        weight = () if sample_weight is None or not takes_weight else (sample_weight,)
        with naming_user_code(self.log_name):
            return jnp.asarray(user_call(self, y_true, y_pred, *weight))

    def call(self: Any, y_true: Array, y_pred: Array) -> Array:
        return jnp.broadcast_to(self(y_true, y_pred), y_pred.shape[:1])

    def looks_across(self: Any, y_true: object, y_pred: object) -> bool:
        del self, y_true, y_pred
        return True

    cls.__call__, cls.looks_across, cls.independent = __call__, looks_across, False
    if cls.call.__qualname__ == "Loss.call":  # no class defines it
        cls.call = call


def _with_mask(sample_weight: ArrayLike | None, mask: ArrayLike) -> Array:
    """The weights of the values that a mask leaves, scaled by total / real."""
    real = floats(jnp.asarray(mask).astype("float32"))
    real = real * (real.size / jnp.maximum(real.sum(), 1))
    if sample_weight is None:
        return real
    weight = floats(jnp.asarray(sample_weight))
    extra = (1,) * abs(weight.ndim - real.ndim)
    short, long = sorted((weight, real), key=jnp.ndim)
    return long * short.reshape(short.shape + extra)
