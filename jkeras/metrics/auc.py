"""The area under a curve over all thresholds: ROC, precision over recall, or their gains.

The counts at `num_thresholds` thresholds are the points of the curve, so the area is a Riemann sum
of them, not the exact one. Points run from the lowest threshold (all predictions positive) to the
highest (none). Laws: as in `jkeras.metrics.base`; reversing the order of all scores turns an area
under ROC of a into 1 - a.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.description import option
from jkeras.core.errors import WrongTypeError, describe, look_up
from jkeras.core.trees import widest_float
from jkeras.losses.base import floating_dtype
from jkeras.losses.reduction import divide_or_zero
from jkeras.losses.shapes import EPSILON, Array
from jkeras.metrics.base import Metric, Sums
from jkeras.metrics.counts import (
    Thresholds,
    are_even,
    binary_predictions,
    counts_above,
    even_levels,
    levels_of,
    precision_of,
    recall_of,
    thresholds_of,
    zero_counts,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def _word(kind: str, known: tuple[str, ...], value: object) -> str:
    """The known word for `value`, in any letter case or as a member of Keras's enumeration."""
    value = getattr(value, "value", value)
    if not isinstance(value, str):
        raise WrongTypeError(f"expected a {kind}'s name, got {describe(value)}. Known: {known}.")
    folded = {word.lower(): word for word in known}
    return folded[value.lower()] if value.lower() in folded else look_up(kind, value, dict(folded))


_curve = partial(_word, "curve", ("ROC", "PR", "PRGAIN"))
_summation = partial(_word, "summation method", ("interpolation", "minoring", "majoring"))


def _numbers_or_none(value: ArrayLike | None) -> tuple[float, ...] | None:
    return None if value is None else tuple(float(item) for item in np.asarray(value).reshape(-1))


class AUC(Metric):
    """The area under the curve of a binary classifier.

    Args:
      num_thresholds: how many thresholds from 0 to 1, 2 or more.
      curve: "ROC" (true over false positive rate), "PR" (precision over recall) or "PRGAIN".
      summation_method: "interpolation" (the middle of two points; for "PR" the interpolation of
        counts), "minoring" (the lower one) or "majoring" (the higher one).
      name: how logs call it.
      dtype: the dtype of the result; float32 when left out.
      thresholds: the thresholds between 0 and 1, instead of `num_thresholds`.
      multi_label: one curve for each label, `[batch, labels]`; the result is the areas' mean.
      num_labels: the number of labels of `multi_label`; needed only if `init` runs before the
        shape of a batch is known.
      label_weights: one weight for each label, of the area of the label; without `multi_label` of
        the predictions of the label.
      from_logits: the predictions are logits.

    Raises:
      ValueError: too few thresholds, an unknown word, or `num_labels` without `multi_label`.

    Example:
      >>> metric = AUC(num_thresholds=3)
      >>> y_true, y_pred = jnp.array([0, 0, 1, 1]), jnp.array([0.0, 0.5, 0.3, 0.9])
      >>> float(metric.compute(metric.update(metric.init(), y_true, y_pred)))
      0.75

    Source: Davis and Goadrich 2006, doi:10.1145/1143844.1143874 (interpolation of "PR"); Flach and
    Kull 2015 ("PRGAIN"); `keras.metrics.AUC`.
    """

    num_thresholds: int = 200
    curve: str = option(default="ROC", convert=_curve)
    summation_method: str = option(default="interpolation", convert=_summation)
    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)
    thresholds: Thresholds = option(default=None, convert=thresholds_of)
    multi_label: bool = False
    num_labels: int | None = None
    label_weights: tuple[float, ...] | None = option(default=None, convert=_numbers_or_none)
    from_logits: bool = False

    def check(self) -> None:
        """Raises unless `num_thresholds` is above 1, and `num_labels` only with `multi_label`."""
        if self.thresholds is None and not self.num_thresholds > 1:
            raise ValueError(
                f"{self.who}: expected `num_thresholds` > 1, got {self.num_thresholds!r}. "
                "Keras uses num_thresholds=200."
            )
        if self.num_labels is not None and not self.multi_label:
            raise ValueError(
                f"{self.who}: expected `num_labels` only with multi_label=True, got "
                f"{self.num_labels!r}. Add multi_label=True, or leave it out."
            )

    def init(self) -> Sums:
        """Zero counts, `[thresholds]` each; with `multi_label` `[thresholds, labels]`."""
        labels = (self.num_labels or 1,) if self.multi_label else ()
        return zero_counts(len(self._levels()), *labels)

    def update(
        self, sums: Sums, y_true: ArrayLike, y_pred: ArrayLike, weight: ArrayLike | None = None
    ) -> Sums:
        """Adds a batch; arguments as for `Metric.update`, `[batch, labels]` with `multi_label`."""
        predictions = binary_predictions(self, y_true, y_pred, weight)
        if self.from_logits:
            predictions = predictions._replace(score=jax.nn.sigmoid(predictions.score))
        self._check_labels(predictions.score.shape)
        levels = self._levels()
        clips = self.thresholds is None or are_even((0.0, *levels[1:-1], 1.0))
        if self.multi_label:
            return self.merge(sums, counts_above(levels, predictions, clips))
        if self.label_weights is not None:
            weights = jnp.asarray(self.label_weights, widest_float())
            weights = weights.reshape((1,) * (predictions.weight.ndim - 1) + (-1,))
            predictions = predictions._replace(weight=predictions.weight * weights)
        counts = counts_above(levels, predictions.as_one_group(), clips)
        return self.merge(sums, {name: count[:, 0] for name, count in counts.items()})

    def compute(self, sums: Sums) -> Array:
        """A scalar; 0 before the first example."""
        interpolates = self.summation_method == "interpolation"
        if self.curve == "PR" and interpolates:
            parts = _pr_parts(sums)
        else:
            x, y = _POINTS[self.curve](sums)
            low, high = jnp.minimum(y[:-1], y[1:]), jnp.maximum(y[:-1], y[1:])
            bound = low if self.summation_method == "minoring" else high
            parts = (x[:-1] - x[1:]) * ((y[:-1] + y[1:]) / 2 if interpolates else bound)
        areas = jnp.sum(parts, axis=0)
        if self.multi_label and self.label_weights is not None:
            weights = jnp.asarray(self.label_weights, widest_float())
            area = divide_or_zero(jnp.sum(areas * weights), jnp.sum(weights))
        else:
            area = jnp.mean(areas)
        return self._in_dtype(area)

    def _levels(self) -> tuple[float, ...]:
        if self.thresholds is None:
            inner = even_levels(self.num_thresholds)[1:-1]
        else:
            inner = tuple(sorted(levels_of(self.thresholds)))
        return (-EPSILON, *inner, 1 + EPSILON)  # as in Keras

    def _check_labels(self, shape: tuple[int, ...]) -> None:
        if self.multi_label and (len(shape) != 2 or self.num_labels not in (None, shape[1])):
            labels = "labels" if self.num_labels is None else self.num_labels
            raise ValueError(
                f"{self.who}: expected `y_pred` [batch, {labels}], got shape {shape}. "
                "With multi_label=True every column is a label of its own."
            )
        if self.label_weights is not None and len(self.label_weights) != shape[-1]:
            raise ValueError(
                f"{self.who}: expected `label_weights` with one number for each of {shape[-1]} "
                f"labels, got {len(self.label_weights)} numbers."
            )


def _roc(sums: Sums) -> tuple[Array, Array]:
    """The false positive rates, and the true ones."""
    false = sums["false_positives"]
    return divide_or_zero(false, false + sums["true_negatives"]), recall_of(sums)


def _pr_gain(sums: Sums) -> tuple[Array, Array]:
    """Recall gain, not below 0, and precision gain: the gain over always predicting positive."""
    right = sums["true_positives"]
    odds = divide_or_zero(
        right + sums["false_negatives"], sums["true_negatives"] + sums["false_positives"]
    )
    recall = 1 - odds * divide_or_zero(sums["false_negatives"], right)
    precision = 1 - odds * divide_or_zero(sums["false_positives"], right)
    recall = jnp.where(right == 0, 0, jnp.maximum(recall, 0))
    return recall, jnp.where(right == 0, 1, precision)


_POINTS: dict[str, Callable[[Sums], tuple[Array, Array]]] = {
    "ROC": _roc,
    "PR": lambda sums: (recall_of(sums), precision_of(sums)),
    "PRGAIN": _pr_gain,
}
"""For each curve, its points: the coordinates x and y at each threshold."""


def _pr_parts(sums: Sums) -> Array:
    """The areas under precision over recall, with counts interpolated between thresholds.

    Between two points true positives grow linearly in all positives, TP = intercept + slope · P, so
    the precision's integral has a logarithm.
    """
    right = sums["true_positives"]
    predicted_positive = right + sums["false_positives"]
    rise = right[:-1] - right[1:]
    slope = divide_or_zero(rise, jnp.maximum(predicted_positive[:-1] - predicted_positive[1:], 0))
    intercept = right[1:] - slope * predicted_positive[1:]
    both = (predicted_positive[:-1] > 0) & (predicted_positive[1:] > 0)
    ratio = jnp.where(both, divide_or_zero(predicted_positive[:-1], predicted_positive[1:]), 1)
    true = right[1:] + sums["false_negatives"][1:]
    return divide_or_zero(slope * (rise + intercept * jnp.log(ratio)), true)
