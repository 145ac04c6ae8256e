"""Focal and generalized cross-entropies, which weigh examples by how well they are predicted.

The focal losses reduce the weight of well predicted examples; the generalized cross-entropy reduces
that of badly predicted ones, against wrong labels. Laws: with gamma = 0, and alpha = 1 for the
categorical one, a focal loss equals its cross-entropy; for q → 0 the generalized cross-entropy
becomes -log p, and for q → 1 it becomes 1 - p.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.description import option
from jkeras.losses.base import check_field, floating_dtype
from jkeras.losses.classification import (
    binary_log_probabilities,
    check_shares,
    check_smoothing,
    log_probabilities,
)
from jkeras.losses.formula import FormulaLoss
from jkeras.losses.reduction import reduction_name
from jkeras.losses.shapes import (
    Array,
    at_least_float32,
    check_axis,
    equal_shapes,
    index_pair,
    one_hot_pair,
)
from jkeras.losses.targets import Targets, check_classes, check_finite

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def binary_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """Mean of (1 - pₜ)^gamma · (-y·log p - (1 - y)·log(1 - p)) over `axis`.

    pₜ = y·p + (1 - y)·(1 - p) is the probability of the truth. With `apply_class_balancing` an
    element counts alpha·y + (1 - alpha)·(1 - y) times.

    Args:
      y_true: `[..., d]` in [0, 1], any dtype.
      y_pred: `[..., d]`, probabilities, or logits with `from_logits`.
      apply_class_balancing: weigh ones by `alpha` and zeros by 1 - `alpha`.
      alpha: in [0, 1].
      gamma: not negative; how fast well predicted elements lose weight.
      from_logits: p is the sigmoid of `y_pred`.
      label_smoothing: in [0, 1]; moves targets that far from 0 and 1 toward 0.5.
      axis: the axis to average over.

    Returns:
      `[...]`, dtype of `y_pred`.

    Raises:
      ValueError: the shapes do not match.

    Example:
      >>> binary_focal_crossentropy(jnp.array([[1, 0]]), jnp.array([[0.9, 0.5]])).round(4)
      Array([0.0872], dtype=float32)

    Source: Lin et al. 2018, arXiv:1708.02002; `keras.losses.binary_focal_crossentropy`. From
    logits this is the stable form; Keras clips the sigmoid, so it stops at 16.1.
    """
    y_true, y_pred = equal_shapes("binary_focal_crossentropy", y_true, y_pred)
    check_axis("binary_focal_crossentropy", axis, y_pred)
    target, output = at_least_float32(y_true), at_least_float32(y_pred)
    target = target * (1 - label_smoothing) + 0.5 * label_smoothing
    log_p, log_q = binary_log_probabilities(output, from_logits)
    p = jax.nn.sigmoid(output) if from_logits else output
    truth = target * p + (1 - target) * (1 - p)
    values = jnp.power(1 - truth, gamma) * (-target * log_p - (1 - target) * log_q)
    if apply_class_balancing:
        values = values * (target * alpha + (1 - target) * (1 - alpha))
    return jnp.mean(values, axis=axis).astype(y_pred.dtype)


def categorical_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    alpha: ArrayLike = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """-Σ alpha·(1 - p)^gamma·y·log p over the classes.

    Args:
      y_true: `[..., classes]`, one-hot or probabilities, any dtype.
      y_pred: `[..., classes]`, probabilities, or logits with `from_logits`.
      alpha: a number, or one for each class.
      gamma: not negative; how fast well predicted classes lose weight.
      from_logits: p is the softmax of `y_pred`.
      label_smoothing: in [0, 1]; the part of the target spread evenly over all classes.
      axis: the axis of the classes.

    Returns:
      `[...]`, dtype of `y_pred`.

    Raises:
      ValueError: the shapes differ, there is one class only, or `alpha` has another length.

    Example:
      >>> categorical_focal_crossentropy(jnp.array([[0, 1]]), jnp.array([[0.5, 0.5]])).round(4)
      Array([0.0433], dtype=float32)

    Source: Lin et al. 2018, arXiv:1708.02002; `keras.losses.categorical_focal_crossentropy`.
    """
    y_true, y_pred = one_hot_pair("categorical_focal_crossentropy", y_true, y_pred, axis)
    classes = y_pred.shape[axis]
    target = at_least_float32(y_true) * (1 - label_smoothing) + label_smoothing / classes
    log_p = log_probabilities(y_pred, from_logits, axis)
    weight = jnp.power(1 - jnp.exp(log_p), gamma) * _along(alpha, axis % y_pred.ndim, y_pred)
    return -jnp.sum(weight * target * log_p, axis=axis).astype(y_pred.dtype)


def _along(alpha: ArrayLike, axis: int, y_pred: Array) -> Array:
    """`alpha` in the rank of `y_pred`: one number, or one for each class on `axis`."""
    weights = np.asarray(alpha, np.float32)
    if weights.shape not in ((), (y_pred.shape[axis],)):
        raise ValueError(
            "categorical_focal_crossentropy: expected `alpha` to be a number or one number for "
            f"each of the {y_pred.shape[axis]} classes, got shape {weights.shape}. Use alpha=0.25."
        )
    shape = [1] * y_pred.ndim
    shape[axis] = weights.size
    return jnp.asarray(weights.reshape(shape))


def categorical_generalized_cross_entropy(y_true: ArrayLike, y_pred: ArrayLike, q: float) -> Array:
    """(1 - p^q) / q, where p is the probability of the true class.

    Args:
      y_true: `[...]` or `[..., 1]`, class indices of any dtype.
      y_pred: `[..., classes]`, probabilities.
      q: between 0, the cross-entropy, and 1, the absolute error.

    Returns:
      `[...]`, dtype of `y_pred`; at p = 0 the gradient is 0 (Keras's is infinite).

    Raises:
      ValueError: the shapes do not match.

    Example:
      >>> float(categorical_generalized_cross_entropy([1], jnp.array([[0.75, 0.25]]), 0.5)[0])
      1.0

    Source: Zhang and Sabuncu 2018, arXiv:1805.07836;
    `keras.losses.categorical_generalized_cross_entropy`.
    """
    labels, y_pred = index_pair("categorical_generalized_cross_entropy", y_true, y_pred)
    output = at_least_float32(y_pred)
    hit = jax.nn.one_hot(labels, y_pred.shape[-1], dtype=bool)
    p = jnp.sum(jnp.where(hit, output, 0), axis=-1)
    # The smallest normal number: its power is 0 to every digit, and it has a derivative.
    p = jnp.maximum(p, jnp.finfo(p.dtype).tiny)
    return ((1 - jnp.power(p, q)) / q).astype(y_pred.dtype)


def number_or_numbers(value: ArrayLike) -> float | tuple[float, ...]:
    """A number as a float; a list or an array of them as a tuple of floats.

    Example:
      >>> number_or_numbers(1), number_or_numbers(np.array([0.5, 1.0]))
      (1.0, (0.5, 1.0))
    """
    array = np.asarray(value, float)
    return float(array) if array.ndim == 0 else tuple(array.tolist())


class BinaryFocalCrossentropy(FormulaLoss):
    """`binary_focal_crossentropy` as a loss: targets of 0 and 1, with one output for each target.

    Args:
      apply_class_balancing: weigh ones by `alpha` and zeros by 1 - `alpha`.
      alpha: in [0, 1].
      gamma: how fast well predicted elements lose weight.
      from_logits: the outputs are logits, from a last layer without a sigmoid.
      label_smoothing: in [0, 1].
      axis: the axis to average over.
      reduction: how values become a number; see `jkeras.losses.reduce_weighted`.
      name: how logs call it.
      dtype: the dtype to compute in; the predictions' when left out.

    Raises:
      ValueError: `alpha` or `label_smoothing` is outside [0, 1], or `gamma` is negative.
    """

    apply_class_balancing: bool = False
    alpha: float = 0.25
    gamma: float = 2.0
    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1
    reduction: str | None = option(default="sum_over_batch_size", convert=reduction_name)
    name: str | None = "binary_focal_crossentropy"
    dtype: Any = option(default=None, convert=floating_dtype)
    activation: ClassVar[str] = "sigmoid"
    loss_fn = staticmethod(binary_focal_crossentropy)

    def check(self) -> None:
        """Raises unless `alpha` and `label_smoothing` are in [0, 1] and `gamma` is not negative."""
        check_smoothing(self, self.label_smoothing)
        check_field(self, "gamma", self.gamma >= 0, ">= 0")
        check_field(self, "alpha", 0 <= self.alpha <= 1, "between 0 and 1")

    def check_values(self, y_true: Targets, outputs: jax.ShapeDtypeStruct) -> None:
        """Finite numbers between 0 and 1."""
        del outputs
        check_shares(self.log_name, y_true)


class CategoricalFocalCrossentropy(FormulaLoss):
    """`categorical_focal_crossentropy` as a loss: one-hot targets.

    Args:
      alpha: a number, or one for each class.
      gamma: how fast well predicted classes lose weight.
      from_logits: the outputs are logits, from a last layer without a softmax.
      label_smoothing: in [0, 1].
      axis: the axis of the classes.
      reduction: how values become a number; see `jkeras.losses.reduce_weighted`.
      name: how logs call it.
      dtype: the dtype to compute in; the predictions' when left out.

    Raises:
      ValueError: `label_smoothing` is outside [0, 1], or `gamma` is negative.
    """

    alpha: float | tuple[float, ...] = option(default=0.25, convert=number_or_numbers)
    gamma: float = 2.0
    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1
    reduction: str | None = option(default="sum_over_batch_size", convert=reduction_name)
    name: str | None = "categorical_focal_crossentropy"
    dtype: Any = option(default=None, convert=floating_dtype)
    activation: ClassVar[str] = "softmax"
    loss_fn = staticmethod(categorical_focal_crossentropy)

    def check(self) -> None:
        """Raises unless `label_smoothing` is in [0, 1] and `gamma` is not negative."""
        check_smoothing(self, self.label_smoothing)
        check_field(self, "gamma", self.gamma >= 0, ">= 0")


class CategoricalGeneralizedCrossEntropy(FormulaLoss):
    """`categorical_generalized_cross_entropy` as a loss: class indices as targets.

    Args:
      q: between 0 and 1, exclusive; a larger q reduces the effect of wrong labels.
      reduction: how values become a number; see `jkeras.losses.reduce_weighted`.
      name: how logs call it.
      dtype: the dtype to compute in; the predictions' when left out.

    Raises:
      ValueError: `q` is not between 0 and 1.
    """

    q: float = 0.5
    reduction: str | None = option(default="sum_over_batch_size", convert=reduction_name)
    name: str | None = "categorical_generalized_cross_entropy"
    dtype: Any = option(default=None, convert=floating_dtype)
    loss_fn = staticmethod(categorical_generalized_cross_entropy)

    def check(self) -> None:
        """Raises unless 0 < `q` < 1."""
        check_field(self, "q", 0 < self.q < 1, "between 0 and 1, exclusive")

    def check_values(self, y_true: Targets, outputs: jax.ShapeDtypeStruct) -> None:
        """Whole numbers from 0 to the number of classes."""
        check_finite(self.log_name, y_true)
        check_classes(self.log_name, y_true, outputs.shape[-1])
