"""The metrics that are a weighted mean of values: Σ w·v over Σ w.

`MeanMetric` is the base. The values are those of a function with options (`FormulaMetric`), of a
user's function (`FunctionMetric`) or of a loss (`LossMetric`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.arrays import as_jax
from jkeras.core.description import option
from jkeras.core.trees import widest_float
from jkeras.core.value_reads import naming_user_code
from jkeras.losses.base import (
    Loss,
    batch_values,
    fill_rows,
    floating_dtype,
    function_name,
    gives_one_number,
    options_of,
)
from jkeras.losses.reduction import aligned, divide_or_zero
from jkeras.losses.shapes import Array, floats, same_rank
from jkeras.metrics.base import Metric, Sums, missing_method

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from jkeras.core.typing import ArraySpec


class MeanMetric(Metric):
    """Base of metrics that are a weighted mean of `values`: Σ w·v over Σ w.

    Example:
      >>> class Bias(MeanMetric):
      ...     def values(self, y_true, y_pred):
      ...         return y_pred - y_true
      >>> bias = Bias()
      >>> sums = bias.update(bias.init(), jnp.zeros((2, 1)), jnp.array([[1.0], [3.0]]))
      >>> float(bias.compute(sums))
      2.0
    """

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """One value an example, or more: `[batch, ...]`. Every mean defines it."""
        raise missing_method(self, "values(self, y_true, y_pred)", "one value an example")

    def counted(self, y_true: Array, values: Array) -> Array | None:
        """Which values count, bool in the shape of `values`; None for all of them."""
        del y_true, values
        return None

    def init(self) -> Sums:
        """Zero weighted values, zero weights."""
        return {"total": jnp.zeros((), widest_float()), "count": jnp.zeros((), widest_float())}

    def update(
        self, sums: Sums, y_true: ArrayLike, y_pred: ArrayLike, weight: ArrayLike | None = None
    ) -> Sums:
        """Adds a batch; arguments as for `Metric.update`."""
        y_true, y_pred = arrays(y_true, y_pred)
        with naming_user_code(self.log_name):
            values = self._values_of(y_true, y_pred, weight)
        return self.merge(sums, weighted_sums(values, weight, self.counted(y_true, values)))

    def _values_of(self, y_true: Array, y_pred: Array, weight: ArrayLike | None) -> Array:
        del weight
        return self.values(y_true, y_pred)

    def compute(self, sums: Sums) -> Array:
        """The weighted mean; 0 before the first example."""
        return self._in_dtype(divide_or_zero(sums["total"], sums["count"]))


class FormulaMetric(MeanMetric):
    """Base of the means of a function, whose options are the fields of the metric.

    Args:
      name: how logs call it.
      dtype: the dtype of the result; float32 when left out.
    """

    metric_fn: ClassVar[Callable[..., Array]]
    """A function `(y_true, y_pred, **options)` that returns `[batch, ...]`."""

    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """The values of `metric_fn`."""
        return self.metric_fn(y_true, y_pred, **options_of(self, self.metric_fn))


def arrays(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
    """Targets and predictions as arrays of one rank, if a last axis of size one is the difference.

    Predictions become floats, and `[batch]` becomes `[batch, 1]`.
    """
    y_pred = floats(y_pred)
    return same_rank(as_jax(y_true), y_pred[:, None] if y_pred.ndim == 1 else y_pred)


def weighted_sums(
    values: Array, weight: ArrayLike | None = None, counted: Array | None = None
) -> Sums:
    """Σ w·v and Σ w over examples, each the mean over the example's own axes.

    Args:
      values: `[batch, ...]`.
      weight: `[batch]`, `[batch, time]` …, or a number; ones when left out.
      counted: bool in the shape of `values`; False is weight zero.

    Returns:
      `total` and `count`, float32 scalars. A value of weight zero may be NaN.

    Example:
      >>> sums = weighted_sums(jnp.array([1.0, jnp.nan]), jnp.array([2.0, 0.0]))
      >>> float(sums["total"]), float(sums["count"])
      (2.0, 2.0)
    """
    values = values.astype(widest_float())
    weight = (
        jnp.ones((), widest_float()) if weight is None else floats(weight).astype(widest_float())
    )
    weight = jnp.broadcast_to(aligned("weight", weight, values), values.shape)
    if counted is not None:
        weight = jnp.where(counted, weight, 0)
    size = values.size // max(values.shape[0], 1)
    total = jnp.sum(jnp.where(weight == 0, 0, weight * values)) / size
    return {"total": total, "count": jnp.sum(weight) / size}


class FunctionMetric(MeanMetric):
    """The mean of what a plain function `(y_true, y_pred)` returns, as a metric.

    The function returns one value an example, or one number for the batch, which counts once for
    each example; `jkeras.losses.base.batch_values` says what becomes of it in a padded batch.
    Targets that are floating arrive in the dtype of the predictions, others as they are.

    Args:
      fn: the function.
      name: how logs call it; the function's name when left out.
      dtype: the dtype of the result; float32 when left out.

    Example:
      >>> def bias(y_true, y_pred):
      ...     return jnp.mean(y_pred - y_true, axis=-1)
      >>> FunctionMetric(bias).log_name
      'bias'
    """

    fn: Callable[[Any, Any], Any]
    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """`[batch, ...]`: what the function returns, with a number spread over the rows."""
        return self._values_of(y_true, y_pred, None)

    def looks_across(self, y_true: ArraySpec, y_pred: ArraySpec) -> bool:
        """Whether the function returns one number for a batch (arrays or specs)."""
        targets, outputs = jax.eval_shape(arrays, y_true, y_pred)
        return gives_one_number(self._returned, targets, outputs, self.log_name)

    def _returned(self, y_true: Array, y_pred: Array) -> Any:
        """What the function returns for these targets in the dtype that they arrive in."""
        floating = jnp.issubdtype(y_true.dtype, jnp.floating)
        return self.fn(y_true.astype(y_pred.dtype) if floating else y_true, y_pred)

    def _values_of(self, y_true: Array, y_pred: Array, weight: ArrayLike | None) -> Array:
        return batch_values(self._returned, y_true, y_pred, weight, self.log_name)

    @property
    def default_name(self) -> str:
        """The function's name in snake case."""
        return function_name(self.fn)


class LossMetric(MeanMetric):
    """The mean of a loss's values as a metric; its reduction plays no part.

    Args:
      loss: a `jkeras.losses.Loss`.
      name: how logs call it; the loss's name when left out.
      dtype: the dtype of the result; float32 when left out.
    """

    loss: Loss
    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """The loss's values, `[batch, ...]`."""
        return self.loss.values(y_true, y_pred)

    def _values_of(self, y_true: Array, y_pred: Array, weight: ArrayLike | None) -> Array:
        """The values of the loss; rows of weight zero are left out of comparisons of examples."""
        if weight is None or np.ndim(weight) == 0:
            return self.values(y_true, y_pred)
        rows = floats(weight).reshape(len(y_pred), -1)
        valid = jnp.any(rows != 0, axis=1)
        y_true, y_pred = fill_rows(y_true, valid), fill_rows(y_pred, valid)
        return self.loss.values(y_true, y_pred, valid=valid)

    def looks_across(self, y_true: ArraySpec, y_pred: ArraySpec) -> bool:
        """`looks_across` of the loss."""
        return self.loss.looks_across(y_true, y_pred)

    def counted(self, y_true: Array, values: Array) -> Array | None:
        """The mask of the loss: which values count."""
        return self.loss.mask(y_true, values)

    @property
    def default_name(self) -> str:
        """The name of the loss."""
        return self.loss.log_name
