"""Correlation of targets and predictions: R², Pearson's and the concordance correlation.

R² compares examples with each other, so its sums are moments of each output; the correlations
compare the numbers of one example, and are means over examples. Laws: as in `jkeras.metrics.base`;
predictions equal to the targets score 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from jkeras.core.description import option
from jkeras.core.trees import widest_float
from jkeras.losses.base import floating_dtype
from jkeras.losses.reduction import divide_or_zero
from jkeras.losses.shapes import EPSILON, Array, at_least_float32, broadcastable, check_axis, floats
from jkeras.metrics.base import Metric, Sums
from jkeras.metrics.counts import name_or_none, weights_of
from jkeras.metrics.means import FormulaMetric, arrays

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def pearson_correlation(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Array:
    """The covariance over `axis`, divided by both standard deviations: from -1 to 1.

    Args:
      y_true: `[..., d]`.
      y_pred: `[..., d]`.
      axis: the axis of the numbers that are compared.

    Returns:
      The shape without `axis`, dtype of `y_pred`; NaN where one side is constant.

    Raises:
      ValueError: the shapes do not match.

    Example:
      >>> y_true, y_pred = jnp.array([[0.0, 1.0, 2.0]]), jnp.array([[1.0, 3.0, 5.0]])
      >>> pearson_correlation(y_true, y_pred).round(4).tolist()
      [1.0]

    Source: `keras.metrics.pearson_correlation`.
    """
    true, predicted = _centered("pearson_correlation", y_true, y_pred, axis)
    covariance = jnp.mean(true[0] * predicted[0], axis=axis)
    scale = jnp.sqrt(_variance(true[0], axis)) * jnp.sqrt(_variance(predicted[0], axis))
    return (covariance / scale).astype(floats(y_pred).dtype)


def concordance_correlation(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Array:
    """Twice the covariance over `axis`, divided by both variances and the squared distance of the
    means: 1 only where the numbers are equal.

    Shapes and errors: as `pearson_correlation`; 0 where both sides are constant.

    Example:
      >>> y_true, y_pred = jnp.array([[0.0, 1.0, 2.0]]), jnp.array([[1.0, 2.0, 3.0]])
      >>> concordance_correlation(y_true, y_pred).round(4)
      Array([0.5714], dtype=float32)

    Source: Lin 1989, doi:10.2307/2532051; `keras.metrics.concordance_correlation`.
    """
    true, predicted = _centered("concordance_correlation", y_true, y_pred, axis)
    covariance = jnp.mean(true[0] * predicted[0], axis=axis)
    distance = jnp.squeeze(jnp.square(true[1] - predicted[1]), axis)
    scale = _variance(true[0], axis) + _variance(predicted[0], axis) + distance
    return (2 * covariance / (scale + EPSILON)).astype(floats(y_pred).dtype)


def _centered(
    who: str, y_true: ArrayLike, y_pred: ArrayLike, axis: int
) -> list[tuple[Array, Array]]:
    """Targets and predictions minus their mean over `axis`, and the two means."""
    sides = broadcastable(who, y_true, y_pred)
    check_axis(who, axis, sides[1])
    means = [jnp.mean(at_least_float32(side), axis=axis, keepdims=True) for side in sides]
    return [(at_least_float32(side) - mean, mean) for side, mean in zip(sides, means, strict=True)]


def _variance(centered: Array, axis: int) -> Array:
    return jnp.mean(jnp.square(centered), axis=axis)


class _Correlation(FormulaMetric):
    axis: int = -1

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """`[batch, ...]`.

        Raises:
          ValueError: `axis` is the batch's.
        """
        if self.axis in (0, -y_pred.ndim):
            raise ValueError(
                f"{self.who}: expected `axis` not to be the batch's, got axis={self.axis} for "
                f"outputs of shape {y_pred.shape}: batches would not add up. Use R2Score, or the "
                "function."
            )
        return super().values(y_true, y_pred)


class PearsonCorrelation(_Correlation):
    """The mean of `pearson_correlation` over examples; `axis` is not the batch's.

    Args:
      name: how logs call it.
      dtype: the dtype of the result; float32 when left out.
      axis: the axis of the numbers that are compared.
    """

    name: str | None = "pearson_correlation"
    metric_fn = staticmethod(pearson_correlation)


class ConcordanceCorrelation(_Correlation):
    """The mean of `concordance_correlation` over examples. Arguments: as `PearsonCorrelation`."""

    name: str | None = "concordance_correlation"
    metric_fn = staticmethod(concordance_correlation)


_aggregation = name_or_none("class aggregation", "uniform_average", "variance_weighted_average")


class R2Score(Metric):
    """1 minus the squared errors over the targets' squared distances from their mean.

    Args:
      class_aggregation: "uniform_average" for the mean over outputs, "variance_weighted_average"
        for their mean by variance, None for one score an output.
      num_regressors: how many predictors the model had; above 0 the score is the adjusted one,
        1 - (1 - R²)·(n - 1) / (n - num_regressors - 1), where n is the number of examples whose
        weight is not 0. It stays R² while that divisor is not positive.
      name: how logs call it.
      dtype: the dtype of the result; float32 when left out.

    Raises:
      ValueError: an argument is out of range.

    Example:
      >>> metric = R2Score()
      >>> y_true, y_pred = jnp.array([[1.0], [4.0], [3.0]]), jnp.array([[2.0], [4.0], [4.0]])
      >>> metric.compute(metric.update(metric.init(), y_true, y_pred)).round(4)
      Array(0.5714, dtype=float32)

    Source: `keras.metrics.R2Score`. Where targets do not vary the score is 0, also for predictions
    without an error, where Keras gives NaN.
    """

    class_aggregation: str | None = option(default="uniform_average", convert=_aggregation)
    num_regressors: int = 0
    name: str | None = "r2_score"
    dtype: Any = option(default=None, convert=floating_dtype)

    def check(self) -> None:
        """Raises unless `num_regressors` is 0 or more."""
        if self.num_regressors < 0:
            raise ValueError(
                f"{self.who}: expected `num_regressors` >= 0, got {self.num_regressors!r}. "
                "With 0 the score is not adjusted."
            )

    def init(self) -> Sums:
        """Zero moments: `[1]` each, which stands for all outputs."""
        zeros = {
            name: jnp.zeros(1, widest_float()) for name in ("sum", "squares", "errors", "count")
        }
        return zeros | ({"examples": jnp.zeros((), widest_float())} if self.num_regressors else {})

    def update(
        self, sums: Sums, y_true: ArrayLike, y_pred: ArrayLike, weight: ArrayLike | None = None
    ) -> Sums:
        """Adds a batch.

        Args:
          sums: the result of `init` or of an earlier `update`.
          y_true: `[batch, outputs]`, or `[batch]`.
          y_pred: likewise.
          weight: `[batch]`, or one for each target; ones when left out.
        """
        y_true, y_pred = (y.astype(widest_float()) for y in arrays(y_true, y_pred))
        if y_true.shape != y_pred.shape or y_pred.ndim != 2:
            raise ValueError(
                f"{self.who}: expected `y_true` and `y_pred` [batch, outputs], got shapes "
                f"{y_true.shape} and {y_pred.shape}. Flatten what stands behind the batch axis."
            )
        weight = weights_of(weight, y_pred)
        true = jnp.where(weight == 0, 0, y_true)
        error = jnp.where(weight == 0, 0, y_true - y_pred)
        parts = {"sum": true, "squares": true * true, "errors": error * error}
        new = {name: jnp.sum(weight * part, axis=0) for name, part in parts.items()}
        new["count"] = jnp.sum(weight, axis=0)
        if self.num_regressors:
            new["examples"] = jnp.sum(jnp.any(weight != 0, axis=1), dtype=widest_float())
        return self.merge(sums, new)

    def compute(self, sums: Sums) -> Array:
        """A scalar, or `[outputs]` without aggregation; 0 before the first example."""
        mean = divide_or_zero(sums["sum"], sums["count"])
        total = sums["squares"] - sums["sum"] * mean
        scores = jnp.where(total == 0, 0, 1 - divide_or_zero(sums["errors"], total))
        if self.class_aggregation == "uniform_average":
            scores = jnp.mean(scores)
        elif self.class_aggregation is not None:
            scores = divide_or_zero(jnp.sum(total * scores), jnp.sum(total))
        if self.num_regressors:
            free = sums["examples"] - self.num_regressors - 1
            adjusted = 1 - divide_or_zero((1 - scores) * (sums["examples"] - 1), free)
            scores = jnp.where(free > 0, adjusted, scores)
        return self._in_dtype(scores)
