"""True and false positives and negatives: predictions compared with thresholds and targets.

Every element of the predictions is one binary prediction, positive above a threshold. The four
counts are sums of weights, under Keras's names. Laws: the four counts add up to the weights of all
predictions; the counts of two batches add up; an element of weight zero counts nowhere, whatever
its values; a score of NaN is a negative prediction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import jax.numpy as jnp
import numpy as np

from jkeras.core.errors import WrongTypeError, describe, unknown_name
from jkeras.core.trees import widest_float
from jkeras.losses.reduction import aligned, divide_or_zero
from jkeras.losses.shapes import Array, at_least_float32, floats
from jkeras.metrics.base import Metric, Sums
from jkeras.metrics.means import arrays

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Thresholds = float | tuple[float, ...] | None

COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")
FEW = 8
"""The largest number of thresholds that are compared with every score; more use `searchsorted`."""


def number_of(value: object) -> float:
    """A number as a float.

    Raises:
      TypeError: `value` is not a number.

    Example:
      >>> number_of(1)
      1.0
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise WrongTypeError(f"expected a number, got {describe(value)}.")
    return float(value)


def name_or_none(kind: str, *known: str) -> Callable[[object], str | None]:
    """A converter of an argument that is one of the known names or None.

    Args:
      kind: what the name is, for the message: "average".
      *known: the names.

    Example:
      >>> name_or_none("average", "micro", "macro")("micro")
      'micro'
    """

    def convert(value: object) -> str | None:
        if value is None or value in known:
            return value
        if isinstance(value, str):
            raise unknown_name(kind, value, known)
        listed = ", ".join(known)
        raise WrongTypeError(f"expected a name or None, got {describe(value)}. Known: {listed}.")

    return convert


def thresholds_of(value: object) -> Thresholds:
    """A number or several in [0, 1], as a float or a tuple of floats; None stays None.

    Raises:
      ValueError: a threshold is outside [0, 1].

    Example:
      >>> thresholds_of([0, 0.5])
      (0.0, 0.5)
    """
    if value is None:
        return None
    numbers = value if isinstance(value, list | tuple | np.ndarray) else [value]
    thresholds = tuple(number_of(item) for item in numbers)
    for item in thresholds:
        if not 0 <= item <= 1:
            raise ValueError(f"expected thresholds between 0 and 1, got {item:g}. Use 0.5.")
    return thresholds if numbers is value else thresholds[0]


def levels_of(thresholds: Thresholds, default: float = 0.5) -> tuple[float, ...]:
    """Thresholds as a tuple; `(default,)` for None."""
    if thresholds is None:
        return (default,)
    return thresholds if isinstance(thresholds, tuple) else (thresholds,)


def even_levels(number: int) -> tuple[float, ...]:
    """`number` thresholds from 0 to 1 at equal distances; 0.5 for one threshold.

    Example:
      >>> even_levels(3), even_levels(1)
      ((0.0, 0.5, 1.0), (0.5,))
    """
    return tuple(i / (number - 1) for i in range(number)) if number > 1 else (0.5,)


def are_even(levels: tuple[float, ...]) -> bool:
    """Whether three thresholds or more divide 0 to 1 evenly; Keras then clips scores to [0, 1]."""
    return len(levels) > 2 and np.allclose(levels, even_levels(len(levels)), rtol=0, atol=1e-7)


class BinaryPredictions(NamedTuple):
    """Binary predictions with their targets and weights, arrays of one shape.

    Attributes:
      positive: bool, whether the target is positive.
      score: float32, the prediction.
      weight: float32, the sample weight.
    """

    positive: Array
    score: Array
    weight: Array

    def as_one_group(self) -> BinaryPredictions:
        """All elements as one group: `[elements, 1]`."""
        return BinaryPredictions(*(part.reshape(-1, 1) for part in self))

    def of_class(self, index: int | None) -> BinaryPredictions:
        """The elements of one class, an index into the last axis; all elements for None."""
        return self if index is None else BinaryPredictions(*(part[..., index] for part in self))


def binary_predictions(
    metric: Metric, y_true: ArrayLike, y_pred: ArrayLike, weight: ArrayLike | None
) -> BinaryPredictions:
    """A batch as binary predictions, in the shape of `y_pred`. A target is positive unless it is 0.

    Args:
      metric: named in the message.
      y_true: `[batch, ...]`.
      y_pred: `[batch, ...]`.
      weight: `[batch]`, or one weight for each element of `y_pred`; ones when left out.

    Raises:
      ValueError: the shapes differ.
    """
    y_true, y_pred = arrays(y_true, y_pred)
    if y_true.shape != y_pred.shape:
        raise ValueError(
            f"{metric.who}: expected `y_true` of shape {y_pred.shape} like the outputs, got shape "
            f"{y_true.shape}. For class indices pass one-hot targets: "
            f"jkeras.utils.to_categorical(y, {y_pred.shape[-1]})."
        )
    score = at_least_float32(y_pred)
    return BinaryPredictions(y_true.astype(bool), score, weights_of(weight, score))


def weights_of(weight: ArrayLike | None, values: Array) -> Array:
    """One float32 weight for each value: `weight` beside the first axes, ones when left out."""
    weight = (
        jnp.ones((), widest_float()) if weight is None else floats(weight).astype(widest_float())
    )
    return jnp.broadcast_to(aligned("weight", weight, values), values.shape)


def check_class_id(metric: Metric, class_id: int | None, classes: int | None = None) -> None:
    """Raises unless `class_id` is None, or the index of a class.

    Args:
      metric: named in the message.
      class_id: the index.
      classes: the number of classes; None while the outputs are unknown.

    Raises:
      ValueError: `class_id` is negative, or not below `classes`.
    """
    if class_id is not None and class_id < 0:
        raise ValueError(
            f"{metric.who}: expected `class_id` >= 0, got {class_id!r}. Classes count from 0."
        )
    if class_id is not None and classes is not None and class_id >= classes:
        raise ValueError(
            f"{metric.who}: expected `class_id` from 0 to {classes - 1}, got {class_id} for "
            f"outputs of {classes} classes. Classes count from 0."
        )


def counts_above(levels: tuple[float, ...], predictions: BinaryPredictions, clip: bool) -> Sums:
    """The four counts at each threshold; a score above the threshold is a positive prediction.

    Args:
      levels: the thresholds.
      predictions: `[elements, groups]`.
      clip: whether scores are first clipped to [0, 1].

    Returns:
      Each of `COUNTS`, `[levels, groups]` float32.
    """
    score = jnp.clip(predictions.score, 0, 1) if clip else predictions.score
    predictions = predictions._replace(score=jnp.where(jnp.isnan(score), -jnp.inf, score))
    if len(levels) <= FEW or list(levels) != sorted(levels):
        predicted = (
            predictions.score[None] > jnp.asarray(levels, predictions.score.dtype)[:, None, None]
        )
        return counts_of_predictions(
            predictions.positive.astype(widest_float()), predicted, predictions.weight, 1
        )
    return _counts_by_bucket(levels, predictions)


def counts_of_predictions(
    target: Array, predicted: Array, weight: Array, axis: int | tuple[int, ...] | None
) -> Sums:
    """The four counts of predictions p: Σ w·y·p, Σ w·(1 - y)·p and so on over `axis`.

    Args:
      target: `[...]` float32, from 0 to 1.
      predicted: `[levels, ...]` bool.
      weight: `[...]` float32.
      axis: the axis or axes of `predicted` that are summed.
    """
    target = jnp.where(weight == 0, 0, target)
    right, wrong = (weight * target)[None], (weight * (1 - target))[None]
    sums = [
        jnp.sum(jnp.where(chosen, part, 0), axis=axis)
        for chosen in (predicted, ~predicted)
        for part in (right, wrong)
    ]
    names = ("true_positives", "false_positives", "false_negatives", "true_negatives")
    return dict(zip(names, sums, strict=True))


def _counts_by_bucket(levels: tuple[float, ...], predictions: BinaryPredictions) -> Sums:
    """`counts_above` for many ascending thresholds.

    The bucket of an element is the number of thresholds below its score; the counts at a threshold
    are the sums over the buckets on either side.
    """
    bucket = jnp.searchsorted(
        jnp.asarray(levels, predictions.score.dtype), predictions.score
    ).astype(jnp.int32)
    group = jnp.arange(predictions.score.shape[1], dtype=jnp.int32)[None]
    group = jnp.broadcast_to(group, bucket.shape)
    shape = (2, len(levels) + 1, predictions.score.shape[1])
    sizes = count_cells(
        (predictions.positive.astype(jnp.int32), bucket, group), predictions.weight, shape
    )
    below = jnp.cumsum(sizes, axis=1)[:, :-1]
    above = jnp.flip(jnp.cumsum(jnp.flip(sizes, 1), axis=1), 1)[:, 1:]
    return {
        "true_positives": above[1],
        "false_positives": above[0],
        "true_negatives": below[0],
        "false_negatives": below[1],
    }


def count_cells(index: tuple[Array, ...], weight: Array, shape: tuple[int, ...]) -> Array:
    """The weights that fall into each cell of a table.

    Args:
      index: for each axis of the table an int32 array, all of one shape, in range.
      weight: float32, of that shape.
      shape: the shape of the table.
    """
    return jnp.zeros(shape, widest_float()).at[index].add(weight, mode="promise_in_bounds")


def zero_counts(*shape: int, names: tuple[str, ...] = COUNTS) -> Sums:
    """The counts before the first batch."""
    return {name: jnp.zeros(shape, widest_float()) for name in names}


def precision_of(sums: Sums) -> Array:
    """TP / (TP + FP); 0 without positive predictions."""
    right = sums["true_positives"]
    return divide_or_zero(right, right + sums["false_positives"])


def recall_of(sums: Sums) -> Array:
    """TP / (TP + FN), also called sensitivity; 0 without positive targets."""
    right = sums["true_positives"]
    return divide_or_zero(right, right + sums["false_negatives"])


def specificity_of(sums: Sums) -> Array:
    """TN / (TN + FP); 0 without negative targets."""
    right = sums["true_negatives"]
    return divide_or_zero(right, right + sums["false_positives"])
