"""Precision, recall, and the four counts of the confusion matrix, at one threshold or several.

Every element of the predictions is one binary prediction, positive above the threshold, and with
`top_k` only among the `k` largest of its row. Laws: as in `jkeras.metrics.base`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.description import option
from jkeras.losses.base import floating_dtype
from jkeras.losses.shapes import Array
from jkeras.metrics.base import Metric, Sums
from jkeras.metrics.counts import (
    BinaryPredictions,
    Thresholds,
    are_even,
    binary_predictions,
    check_class_id,
    counts_above,
    levels_of,
    precision_of,
    recall_of,
    thresholds_of,
    zero_counts,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class _AtThresholds(Metric):
    """Base of metrics made of some of the four counts at each threshold."""

    thresholds = cast(Thresholds, None)
    top_k = cast("int | None", None)
    class_id = cast("int | None", None)
    counted: ClassVar[tuple[str, ...]]
    """The names of the counts."""

    def init(self) -> Sums:
        """Zero counts, `[thresholds]` each."""
        return zero_counts(len(self._levels()), names=self.counted)

    def update(
        self, sums: Sums, y_true: ArrayLike, y_pred: ArrayLike, weight: ArrayLike | None = None
    ) -> Sums:
        """Adds a batch; arguments as for `Metric.update`. A target counts as positive unless it is
        0. With `top_k`, predictions `[batch]` are one row, as in Keras.
        """
        predictions = binary_predictions(self, y_true, y_pred, weight)
        if self.top_k is not None and np.ndim(y_pred) == 1:
            predictions = BinaryPredictions(*(part.reshape(1, -1) for part in predictions))
        classes = predictions.score.shape[-1]
        check_class_id(self, self.class_id, classes)
        if self.top_k is not None:
            if self.top_k > classes:
                raise ValueError(
                    f"{self.who}: expected `top_k` of at most {classes}, the number of classes, "
                    f"got {self.top_k}. Use a smaller one, or leave it out."
                )
            # Among equal scores the first ones are the largest.
            _, best = jax.lax.top_k(predictions.score, self.top_k)
            among = jnp.any(jax.nn.one_hot(best, classes, dtype=bool), axis=-2)
            score = jnp.where(among, predictions.score, -jnp.inf)
            predictions = predictions._replace(score=score)
        levels = self._levels()
        counts = counts_above(
            levels, predictions.of_class(self.class_id).as_one_group(), are_even(levels)
        )
        return self.merge(sums, {name: counts[name][:, 0] for name in self.counted})

    def compute(self, sums: Sums) -> Array:
        """A scalar for one threshold, else `[thresholds]`; 0 where there is nothing to divide
        by.
        """
        value = self._in_dtype(self._value(sums))
        return value[0] if value.shape == (1,) else value

    def check(self) -> None:
        """Raises unless `top_k` is positive and `class_id` not negative."""
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"{self.who}: expected `top_k` > 0, got {self.top_k!r}. Use top_k=1.")
        check_class_id(self, self.class_id)

    def _value(self, sums: Sums) -> Array:
        """The metric at each threshold, `[thresholds]`; by default the first count itself."""
        return sums[self.counted[0]]

    def _levels(self) -> tuple[float, ...]:
        return levels_of(self.thresholds, 0.5 if self.top_k is None else -float("inf"))


class _Ratio(_AtThresholds):
    """Base of Precision and Recall: their arguments."""

    thresholds: Thresholds = option(default=None, convert=thresholds_of)
    top_k: int | None = None
    class_id: int | None = None
    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)


class Precision(_Ratio):
    """The share of the positive predictions that are right: TP / (TP + FP).

    Args:
      thresholds: a number or several in [0, 1]; 0.5 when left out, and with `top_k` none.
      top_k: only the `k` largest predictions of a row may be positive.
      class_id: the one class that counts, an index into the last axis; all classes when left out.
      name: how logs call it.
      dtype: the dtype of the result; float32 when left out.

    Example:
      >>> metric = Precision()
      >>> sums = metric.update(metric.init(), jnp.array([0, 1, 1]), jnp.array([0.9, 0.8, 0.1]))
      >>> float(metric.compute(sums))
      0.5

    Source: `keras.metrics.Precision`.
    """

    counted: ClassVar[tuple[str, ...]] = ("true_positives", "false_positives")

    def _value(self, sums: Sums) -> Array:
        return precision_of(sums)


class Recall(_Ratio):
    """The share of the positive targets that are found: TP / (TP + FN). Arguments: as `Precision`.

    Source: `keras.metrics.Recall`.
    """

    counted: ClassVar[tuple[str, ...]] = ("true_positives", "false_negatives")

    def _value(self, sums: Sums) -> Array:
        return recall_of(sums)


class _Count(_AtThresholds):
    """Base of the four counts: their arguments."""

    thresholds: Thresholds = option(default=None, convert=thresholds_of)
    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)


class TruePositives(_Count):
    """The number of positive targets predicted positive, or the sum of their weights.

    Args:
      thresholds: a number or several in [0, 1]; 0.5 when left out.
      name: how logs call it.
      dtype: the dtype of the result; float32 when left out.

    Example:
      >>> float(TruePositives()(jnp.array([0, 1, 1, 1]), jnp.array([1, 0, 1, 1])))
      2.0

    Source: `keras.metrics.TruePositives`.
    """

    counted: ClassVar[tuple[str, ...]] = ("true_positives",)


class TrueNegatives(_Count):
    """The number of negative targets predicted negative. Arguments: as `TruePositives`."""

    counted: ClassVar[tuple[str, ...]] = ("true_negatives",)


class FalsePositives(_Count):
    """The number of negative targets predicted positive. Arguments: as `TruePositives`."""

    counted: ClassVar[tuple[str, ...]] = ("false_positives",)


class FalseNegatives(_Count):
    """The number of positive targets predicted negative. Arguments: as `TruePositives`."""

    counted: ClassVar[tuple[str, ...]] = ("false_negatives",)
