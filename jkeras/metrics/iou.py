"""How well two maps of classes cover each other: intersection over union, from one table of counts.

The sums are a confusion matrix: row the true class, column the predicted one, weights in float32.
Laws: as in `jkeras.metrics.base`; labels outside the classes, and those of `ignore_class`, count
nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import jax.numpy as jnp
import numpy as np

from jkeras.core.arrays import as_jax
from jkeras.core.description import option
from jkeras.core.trees import widest_float
from jkeras.losses.base import floating_dtype
from jkeras.losses.shapes import EPSILON, Array, at_least_float32
from jkeras.metrics.base import Metric, Sums
from jkeras.metrics.counts import count_cells, weights_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def _positive(value: int) -> int:
    if not value > 0:
        raise ValueError(f"expected 1 or more, got {value!r}. Count the background as a class.")
    return int(value)


def _ids(value: ArrayLike) -> tuple[int, ...]:
    """Class indices as a tuple of integers."""
    return tuple(int(item) for item in np.asarray(value).reshape(-1))


class _IoU(Metric):
    """Base of the IoU metrics: a confusion matrix, and the mean over some of its classes.

    A subclass without one of the arguments has its fixed value as a class attribute.
    """

    num_classes = 2
    target_class_ids = cast("tuple[int, ...] | None", None)
    ignore_class = cast("int | None", None)
    sparse_y_true = True
    sparse_y_pred = True
    axis = -1

    def check(self) -> None:
        """Raises unless `target_class_ids` are among the classes."""
        outside = [i for i in self._targets() if not 0 <= i < self.num_classes]
        if outside or not self._targets():
            raise ValueError(
                f"{self.who}: expected `target_class_ids` from 0 to {self.num_classes - 1}, got "
                f"{self._targets()}. Classes count from 0."
            )

    def init(self) -> Sums:
        """A matrix of zeros, `[classes, classes]`."""
        return {"confusion_matrix": jnp.zeros((self.num_classes,) * 2, widest_float())}

    def update(
        self, sums: Sums, y_true: ArrayLike, y_pred: ArrayLike, weight: ArrayLike | None = None
    ) -> Sums:
        """Adds a batch.

        Args:
          sums: the result of `init` or of an earlier `update`.
          y_true: class indices `[batch, ...]`; one-hot on `axis` unless `sparse_y_true`.
          y_pred: likewise; scores on `axis` unless `sparse_y_pred`.
          weight: `[batch]`, or one for each label; ones when left out.
        """
        true, predicted = self._classes(as_jax(y_true), as_jax(y_pred))
        if true.size != predicted.size:
            raise ValueError(
                f"{self.who}: expected as many labels in `y_true` as in `y_pred`, got shapes "
                f"{true.shape} and {predicted.shape}. For scores of classes use OneHotIoU, or "
                "sparse_y_pred=False."
            )
        weight = weights_of(weight, true).reshape(-1)
        true, predicted = true.reshape(-1), predicted.reshape(-1)
        counted = self._in_range(true) & self._in_range(predicted)
        if self.ignore_class is not None:
            counted &= true != self.ignore_class
        cell = (jnp.where(counted, true, 0), jnp.where(counted, predicted, 0))
        matrix = count_cells(cell, jnp.where(counted, weight, 0), (self.num_classes,) * 2)
        return self.merge(sums, {"confusion_matrix": matrix})

    def compute(self, sums: Sums) -> Array:
        """The mean of TP / (TP + FP + FN) over the target classes that occur; 0 when none does."""
        matrix = sums["confusion_matrix"]
        right = jnp.diagonal(matrix)
        union = jnp.sum(matrix, axis=0) + jnp.sum(matrix, axis=1) - right
        index = jnp.asarray(self._targets(), jnp.int32)
        right, union = right[index], union[index]
        occurs = union > 1e-9
        shares = jnp.where(occurs, right / (union + EPSILON), 0)
        return self._in_dtype(jnp.sum(shares) / (jnp.sum(occurs, dtype=widest_float()) + EPSILON))

    def _classes(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        """Class indices, int32."""
        true = y_true if self.sparse_y_true else jnp.argmax(y_true, self.axis)
        predicted = y_pred if self.sparse_y_pred else jnp.argmax(y_pred, self.axis)
        return true.astype(jnp.int32), predicted.astype(jnp.int32)

    def _targets(self) -> tuple[int, ...]:
        if self.target_class_ids is None:
            return tuple(range(self.num_classes))
        return self.target_class_ids

    def _in_range(self, labels: Array) -> Array:
        return (labels >= 0) & (labels < self.num_classes)


class IoU(_IoU):
    """The mean intersection over union of some classes.

    Args:
      num_classes: the number of classes.
      target_class_ids: the classes whose scores are averaged.
      name: how logs call it.
      dtype: the dtype of the result; float32 when left out. Weights count as they are; Keras cuts
        them to integers unless its `dtype` is floating.
      ignore_class: true labels that do not count.
      sparse_y_true: targets are class indices, not one-hot.
      sparse_y_pred: predictions are class indices, not scores.
      axis: the axis of the classes where they are not indices.

    Raises:
      ValueError: a target class is not among the classes.

    Example:
      >>> metric = IoU(2, target_class_ids=[0])
      >>> metric(jnp.array([0, 0, 1, 1]), jnp.array([0, 1, 0, 1])).round(4)
      Array(0.3333, dtype=float32)

    Source: `keras.metrics.IoU`.
    """

    num_classes: int = option(convert=_positive)
    target_class_ids: tuple[int, ...] = option(convert=_ids)
    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)
    ignore_class: int | None = None
    sparse_y_true: bool = True
    sparse_y_pred: bool = True
    axis: int = -1


class BinaryIoU(_IoU):
    """`IoU` of two classes, where a prediction of at least `threshold` is class 1.

    Args:
      target_class_ids: (0,), (1,) or both.
      threshold: in units of the predictions.
      name: how logs call it.
      dtype: as for `IoU`.

    Source: `keras.metrics.BinaryIoU`.
    """

    target_class_ids: tuple[int, ...] = option(default=(0, 1), convert=_ids)
    threshold: float = 0.5
    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)

    def _classes(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        positive = at_least_float32(y_pred) >= self.threshold
        return y_true.astype(jnp.int32), positive.astype(jnp.int32)


class MeanIoU(_IoU):
    """`IoU` averaged over all classes. Arguments: as `IoU`, without `target_class_ids`."""

    num_classes: int = option(convert=_positive)
    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)
    ignore_class: int | None = None
    sparse_y_true: bool = True
    sparse_y_pred: bool = True
    axis: int = -1


class OneHotIoU(_IoU):
    """`IoU` of one-hot targets and scores. Arguments: as `IoU`, without `sparse_y_true`."""

    num_classes: int = option(convert=_positive)
    target_class_ids: tuple[int, ...] = option(convert=_ids)
    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)
    ignore_class: int | None = None
    sparse_y_pred: bool = False
    axis: int = -1
    sparse_y_true = False


class OneHotMeanIoU(_IoU):
    """`MeanIoU` of one-hot targets and scores. Arguments: as `MeanIoU`, without
    `sparse_y_true`.
    """

    num_classes: int = option(convert=_positive)
    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)
    ignore_class: int | None = None
    sparse_y_pred: bool = False
    axis: int = -1
    sparse_y_true = False
