"""The best of one rate where another is good enough, over the thresholds from 0 to 1.

A threshold trades sensitivity (recall) for specificity, or for precision. Each metric here is the
largest value of one rate over the thresholds at which the other rate reaches a level. Laws: as in
`jkeras.metrics.base`; a higher level never gives a larger value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import jax.numpy as jnp

from jkeras.core.description import option
from jkeras.losses.base import floating_dtype
from jkeras.losses.shapes import Array
from jkeras.metrics.base import Metric, Sums
from jkeras.metrics.counts import (
    are_even,
    binary_predictions,
    check_class_id,
    counts_above,
    even_levels,
    number_of,
    precision_of,
    recall_of,
    specificity_of,
    zero_counts,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def share_of(value: object) -> float:
    """A number from 0 to 1, as a float.

    Raises:
      TypeError: `value` is not a number.
      ValueError: `value` is outside [0, 1].

    Example:
      >>> share_of(1)
      1.0
    """
    if not 0 <= number_of(value) <= 1:
        raise ValueError(f"expected a number between 0 and 1, got {value!r}. Use 0.5.")
    return number_of(value)


class _AtLevel(Metric):
    """Base of the four metrics: everything but the two rates."""

    num_thresholds = 200
    class_id = cast("int | None", None)

    def check(self) -> None:
        """Raises unless `num_thresholds` is positive and `class_id` not negative."""
        if self.num_thresholds < 1:
            raise ValueError(
                f"{self.who}: expected `num_thresholds` > 0, got {self.num_thresholds!r}. "
                "Keras uses num_thresholds=200."
            )
        check_class_id(self, self.class_id)

    def init(self) -> Sums:
        """Zero counts, `[thresholds]` each."""
        return zero_counts(self.num_thresholds)

    def update(
        self, sums: Sums, y_true: ArrayLike, y_pred: ArrayLike, weight: ArrayLike | None = None
    ) -> Sums:
        """Adds a batch; arguments as for `Metric.update`."""
        predictions = binary_predictions(self, y_true, y_pred, weight)
        check_class_id(self, self.class_id, predictions.score.shape[-1])
        levels = even_levels(self.num_thresholds)
        counts = counts_above(
            levels, predictions.of_class(self.class_id).as_one_group(), are_even(levels)
        )
        return self.merge(sums, {name: count[:, 0] for name, count in counts.items()})

    def compute(self, sums: Sums) -> Array:
        """A scalar; 0 where no threshold reaches the level."""
        level, constrained, maximized = self._rates(sums)
        return self._in_dtype(jnp.max(jnp.where(constrained >= level, maximized, 0)))

    def _rates(self, sums: Sums) -> tuple[float, Array, Array]:
        """The level, the rate that has to reach the level, and the rate that is maximized."""
        raise NotImplementedError(f"{type(self).__name__}: expected a method `_rates`.")


class SensitivityAtSpecificity(_AtLevel):
    """The best sensitivity, TP / (TP + FN), where the specificity TN / (TN + FP) is high enough.

    Args:
      specificity: the least specificity, in [0, 1].
      num_thresholds: the number of thresholds that are tried, at equal distances from 0 to 1.
      class_id: the one class that counts, an index into the last axis; all classes when left out.
      name: how logs call it.
      dtype: the dtype of the result; float32 when left out.

    Raises:
      ValueError: an argument is out of range.

    Example:
      >>> metric = SensitivityAtSpecificity(0.5)
      >>> y_true, y_pred = jnp.array([0, 0, 0, 1, 1]), jnp.array([0.0, 0.3, 0.8, 0.3, 0.8])
      >>> float(metric.compute(metric.update(metric.init(), y_true, y_pred)))
      0.5

    Source: `keras.metrics.SensitivityAtSpecificity`.
    """

    specificity: float = option(convert=share_of)
    num_thresholds: int = 200
    class_id: int | None = None
    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)

    def _rates(self, sums: Sums) -> tuple[float, Array, Array]:
        return self.specificity, specificity_of(sums), recall_of(sums)


class SpecificityAtSensitivity(_AtLevel):
    """The best specificity where the sensitivity is high enough: `sensitivity`, then the arguments
    of `SensitivityAtSpecificity`.
    """

    sensitivity: float = option(convert=share_of)
    num_thresholds: int = 200
    class_id: int | None = None
    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)

    def _rates(self, sums: Sums) -> tuple[float, Array, Array]:
        return self.sensitivity, recall_of(sums), specificity_of(sums)


class PrecisionAtRecall(_AtLevel):
    """The best precision where the recall is high enough: `recall`, then the arguments of
    `SensitivityAtSpecificity`.
    """

    recall: float = option(convert=share_of)
    num_thresholds: int = 200
    class_id: int | None = None
    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)

    def _rates(self, sums: Sums) -> tuple[float, Array, Array]:
        return self.recall, recall_of(sums), precision_of(sums)


class RecallAtPrecision(_AtLevel):
    """The best recall where the precision is high enough: `precision`, then the arguments of
    `SensitivityAtSpecificity`.
    """

    precision: float = option(convert=share_of)
    num_thresholds: int = 200
    class_id: int | None = None
    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)

    def _rates(self, sums: Sums) -> tuple[float, Array, Array]:
        return self.precision, precision_of(sums), recall_of(sums)
