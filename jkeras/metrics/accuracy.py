"""How often predictions are right: one function for each way to write down a class.

Every function gives 1.0 or 0.0 for each prediction, in float32; the metric of the same name is the
mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from jkeras.core.description import option
from jkeras.losses.base import check_field, floating_dtype
from jkeras.losses.shapes import Array, broadcastable, index_pair, one_hot_pair
from jkeras.metrics.means import FormulaMetric, MeanMetric

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """1 where `y_pred` equals `y_true`.

    Args:
      y_true: `[..., d]`.
      y_pred: `[..., d]`.

    Returns:
      `[..., d]` float32.

    Raises:
      ValueError: the shapes do not match.

    Example:
      >>> accuracy(jnp.array([[1], [2]]), jnp.array([[1], [3]])).tolist()
      [[1.0], [0.0]]

    Source: `keras.metrics.Accuracy`.
    """
    y_true, y_pred = broadcastable("accuracy", y_true, y_pred)
    return (y_true == y_pred).astype(jnp.float32)


def binary_accuracy(y_true: ArrayLike, y_pred: ArrayLike, threshold: float = 0.5) -> Array:
    """1 where `y_pred` > `threshold` says what `y_true` says.

    Args:
      y_true: `[..., d]` of 0 and 1.
      y_pred: `[..., d]`.
      threshold: in units of `y_pred`; 0 for logits.

    Returns:
      `[..., d]` float32.

    Raises:
      ValueError: the shapes do not match.

    Example:
      >>> binary_accuracy(jnp.array([[1, 0]]), jnp.array([[0.7, 0.6]])).tolist()
      [[1.0, 0.0]]

    Source: `keras.metrics.binary_accuracy`.
    """
    y_true, y_pred = broadcastable("binary_accuracy", y_true, y_pred)
    return (y_true == (y_pred > threshold).astype(y_true.dtype)).astype(jnp.float32)


def categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """1 where the largest prediction is at the largest target.

    Args:
      y_true: `[..., classes]`, one-hot or probabilities.
      y_pred: `[..., classes]`.

    Returns:
      `[...]` float32.

    Raises:
      ValueError: the shapes differ.

    Example:
      >>> categorical_accuracy(jnp.array([[0, 1]]), jnp.array([[0.1, 0.9]])).tolist()
      [1.0]

    Source: `keras.metrics.categorical_accuracy`.
    """
    y_true, y_pred = one_hot_pair("categorical_accuracy", y_true, y_pred, -1)
    return (jnp.argmax(y_true, -1) == jnp.argmax(y_pred, -1)).astype(jnp.float32)


def sparse_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """1 where the largest prediction is at the class index `y_true`.

    Args:
      y_true: `[...]` or `[..., 1]`, class indices.
      y_pred: `[..., classes]`.

    Returns:
      `[...]` float32.

    Raises:
      ValueError: the shapes do not match.

    Example:
      >>> scores = jnp.array([[0.1, 0.9], [0.8, 0.2]])
      >>> sparse_categorical_accuracy(jnp.array([1, 1]), scores).tolist()
      [1.0, 0.0]

    Source: `keras.metrics.sparse_categorical_accuracy`.
    """
    labels, y_pred = index_pair("sparse_categorical_accuracy", y_true, y_pred)
    return (labels == jnp.argmax(y_pred, -1).astype(jnp.int32)).astype(jnp.float32)


def top_k_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike, k: int = 5) -> Array:
    """1 where the largest target is among the `k` largest predictions.

    Args:
      y_true: `[..., classes]`, one-hot or probabilities.
      y_pred: `[..., classes]`.
      k: positive; equal predictions share the better place.

    Returns:
      `[...]` float32.

    Raises:
      ValueError: the shapes differ.

    Example:
      >>> scores = jnp.array([[5.0, 4.0, 3.0]])
      >>> top_k_categorical_accuracy(jnp.array([[0, 1, 0]]), scores, k=2).tolist()
      [1.0]

    Source: `keras.metrics.top_k_categorical_accuracy`.
    """
    y_true, y_pred = one_hot_pair("top_k_categorical_accuracy", y_true, y_pred, -1)
    return _among_top(jnp.argmax(y_true, -1).astype(jnp.int32), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, k: int = 5, from_sorted_ids: bool = False
) -> Array:
    """1 where the class index `y_true` is among the `k` largest predictions.

    Args:
      y_true: `[...]` or `[..., 1]`, class indices.
      y_pred: `[..., classes]`; with `from_sorted_ids` class indices, the best first.
      k: positive; equal predictions share the better place.
      from_sorted_ids: `y_pred` holds class indices instead of scores.

    Returns:
      `[...]` float32.

    Raises:
      ValueError: the shapes do not match.

    Example:
      >>> scores = jnp.array([[5.0, 4.0, 3.0]])
      >>> sparse_top_k_categorical_accuracy(jnp.array([2]), scores, k=2).tolist()
      [0.0]

    Source: `keras.metrics.sparse_top_k_categorical_accuracy`.
    """
    labels, y_pred = index_pair("sparse_top_k_categorical_accuracy", y_true, y_pred)
    if from_sorted_ids:
        hits = labels[..., None].astype(y_pred.dtype) == y_pred[..., :k]
        return jnp.any(hits, axis=-1).astype(jnp.float32)
    return _among_top(labels, y_pred, k)


def _among_top(labels: Array, scores: Array, k: int) -> Array:
    """Whether fewer than `k` scores are larger than the label's; a NaN score is the smallest."""
    classes = jnp.arange(scores.shape[-1], dtype=jnp.int32).reshape((1,) * labels.ndim + (-1,))
    at_label = jnp.where(labels[..., None] == classes, scores, -jnp.inf)
    at_label = jnp.max(jnp.where(jnp.isnan(at_label), -jnp.inf, at_label), axis=-1, keepdims=True)
    return (jnp.sum(scores > at_label, axis=-1) < k).astype(jnp.float32)


class Accuracy(FormulaMetric):
    """How often `y_pred` equals `y_true`: the mean of `accuracy`.

    Args:
      name: how logs call it.
      dtype: the dtype of the result; float32 when left out.

    Example:
      >>> metric = Accuracy()
      >>> sums = metric.update(metric.init(), jnp.array([1, 2, 3, 4]), jnp.array([0, 2, 3, 4]))
      >>> float(metric.compute(sums))
      0.75
    """

    name: str | None = "accuracy"
    metric_fn = staticmethod(accuracy)


class BinaryAccuracy(FormulaMetric):
    """The mean of `binary_accuracy`. Arguments: as `Accuracy`, and `threshold`."""

    name: str | None = "binary_accuracy"
    threshold: float = 0.5
    metric_fn = staticmethod(binary_accuracy)


class CategoricalAccuracy(FormulaMetric):
    """The mean of `categorical_accuracy`. Arguments: as `Accuracy`."""

    name: str | None = "categorical_accuracy"
    metric_fn = staticmethod(categorical_accuracy)


class SparseCategoricalAccuracy(FormulaMetric):
    """The mean of `sparse_categorical_accuracy`. Arguments: as `Accuracy`."""

    name: str | None = "sparse_categorical_accuracy"
    metric_fn = staticmethod(sparse_categorical_accuracy)


class TopKCategoricalAccuracy(MeanMetric):
    """The mean of `top_k_categorical_accuracy`: `k`, then the arguments of `Accuracy`."""

    k: int = 5
    name: str | None = "top_k_categorical_accuracy"
    dtype: Any = option(default=None, convert=floating_dtype)

    def check(self) -> None:
        """Raises unless `k` is positive."""
        check_field(self, "k", self.k > 0, "> 0")

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """1.0 or 0.0 for each prediction."""
        return top_k_categorical_accuracy(y_true, y_pred, self.k)


class SparseTopKCategoricalAccuracy(MeanMetric):
    """The mean of `sparse_top_k_categorical_accuracy`: its arguments, and those of `Accuracy`."""

    k: int = 5
    name: str | None = "sparse_top_k_categorical_accuracy"
    dtype: Any = option(default=None, convert=floating_dtype)
    from_sorted_ids: bool = False

    def check(self) -> None:
        """Raises unless `k` is positive."""
        check_field(self, "k", self.k > 0, "> 0")

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """1.0 or 0.0 for each prediction."""
        return sparse_top_k_categorical_accuracy(y_true, y_pred, self.k, self.from_sorted_ids)
