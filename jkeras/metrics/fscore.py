"""Precision and recall in one number, class by class: the F-scores.

Their weighted harmonic mean is (1 + beta²)·P·R / (beta²·P + R). The sums are counts for each class,
or one count for all with average="micro". Laws: as in `jkeras.metrics.base`; the score lies between
precision and recall.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import jax.numpy as jnp

from jkeras.core.description import option
from jkeras.core.trees import widest_float
from jkeras.losses.base import floating_dtype
from jkeras.losses.shapes import EPSILON, Array, at_least_float32
from jkeras.metrics.base import Metric, Sums
from jkeras.metrics.counts import (
    counts_of_predictions,
    name_or_none,
    number_of,
    weights_of,
    zero_counts,
)
from jkeras.metrics.means import arrays

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


COUNTED = ("true_positives", "false_positives", "false_negatives")


_average = name_or_none("average", "micro", "macro", "weighted")


def _threshold(value: object) -> float | None:
    if value is not None and not 0 < number_of(value) <= 1:
        raise ValueError(f"expected a number above 0 and up to 1, got {value!r}. Use 0.5.")
    return None if value is None else number_of(value)


def _beta(value: object) -> float:
    if not number_of(value) > 0:
        raise ValueError(f"expected a number above 0, got {value!r}. Use 1.0.")
    return number_of(value)


class _FScore(Metric):
    """Base of FBetaScore and F1Score."""

    average = cast("str | None", None)
    beta = 1.0
    threshold = cast("float | None", None)

    def init(self) -> Sums:
        """Zero counts: `[1]` each, which stands for all classes; scalars for "micro"."""
        return zero_counts(*(() if self.average == "micro" else (1,)), names=COUNTED)

    def update(
        self, sums: Sums, y_true: ArrayLike, y_pred: ArrayLike, weight: ArrayLike | None = None
    ) -> Sums:
        """Adds a batch.

        Args:
          sums: the result of `init` or of an earlier `update`.
          y_true: `[batch, classes]`, 0 and 1.
          y_pred: `[batch, classes]`, scores.
          weight: `[batch]`; ones when left out.
        """
        y_true, y_pred = arrays(y_true, y_pred)
        if y_true.shape != y_pred.shape or y_pred.ndim != 2:
            raise ValueError(
                f"{self.who}: expected `y_true` and `y_pred` [batch, classes], got shapes "
                f"{y_true.shape} and {y_pred.shape}. For class indices pass one-hot targets: "
                f"jkeras.utils.to_categorical(y, {y_pred.shape[-1]})."
            )
        score = at_least_float32(y_pred)
        if self.threshold is not None:
            predicted = score > self.threshold
        else:
            predicted = score >= jnp.max(score, axis=-1, keepdims=True)
            predicted &= jnp.abs(score) > 1e-9
        counts = counts_of_predictions(
            y_true.astype(widest_float()),
            predicted[None],
            weights_of(weight, score),
            None if self.average == "micro" else (0, 1),
        )
        return self.merge(sums, {name: counts[name] for name in COUNTED})

    def compute(self, sums: Sums) -> Array:
        """`[classes]` without `average`, else a scalar; 0 where there is nothing to divide by."""
        right, wrong, missed = (sums[name] for name in COUNTED)
        precision = right / (right + wrong + EPSILON)
        recall = right / (right + missed + EPSILON)
        squared = self.beta * self.beta
        score = (1 + squared) * precision * recall / (squared * precision + recall + EPSILON)
        if self.average == "weighted":
            true = right + missed
            score = jnp.sum(score * true / (jnp.sum(true) + EPSILON))
        elif self.average is not None:
            score = jnp.mean(score)
        return self._in_dtype(score)


class FBetaScore(_FScore):
    """The F-score that cares for recall `beta` times as much as for precision.

    Args:
      average: None for one score a class; "macro" for their mean; "weighted" for their mean by how
        often classes are true; "micro" for the score of all predictions together.
      beta: positive.
      threshold: a score above the threshold is a positive prediction; without one the largest
        score of a row is.
      name: how logs call it.
      dtype: the dtype of the result; float32 when left out.

    Raises:
      ValueError: an argument is out of range.

    Example:
      >>> metric = FBetaScore(beta=2.0, threshold=0.5)
      >>> y_true = jnp.array([[1, 1, 1], [1, 0, 0], [1, 1, 0]])
      >>> y_pred = jnp.array([[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]])
      >>> score = metric.compute(metric.update(metric.init(), y_true, y_pred))
      >>> [f"{value:.4f}" for value in score]
      ['0.3846', '0.9091', '0.8333']

    Source: van Rijsbergen 1979, Information Retrieval; `keras.metrics.FBetaScore`.
    """

    average: str | None = option(default=None, convert=_average)
    beta: float = option(default=1.0, convert=_beta)
    threshold: float | None = option(default=None, convert=_threshold)
    name: str | None = "fbeta_score"
    dtype: Any = option(default=None, convert=floating_dtype)


class F1Score(_FScore):
    """`FBetaScore` with beta = 1: the harmonic mean of precision and recall. Arguments: as there.

    Source: `keras.metrics.F1Score`.
    """

    average: str | None = option(default=None, convert=_average)
    threshold: float | None = option(default=None, convert=_threshold)
    name: str | None = "f1_score"
    dtype: Any = option(default=None, convert=floating_dtype)
