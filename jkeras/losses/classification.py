"""The cross-entropies: binary, categorical and sparse categorical.

From probabilities: divide by their sum, clip to [1e-7, 1 - 1e-7], take the logarithm. From logits:
forms that neither overflow nor lose digits. Formulas are computed in float32 or wider, since in
bfloat16 1 - 1e-7 is 1; values have the dtype of the predictions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp

from jkeras.core.description import option
from jkeras.losses.base import Loss, floating_dtype
from jkeras.losses.formula import FormulaLoss
from jkeras.losses.reduction import reduction_name
from jkeras.losses.shapes import (
    EPSILON,
    Array,
    at_least_float32,
    check_axis,
    equal_shapes,
    index_pair,
    one_hot_pair,
)
from jkeras.losses.targets import Targets, check_between, check_classes, check_finite

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def binary_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """Mean of -y·log p - (1 - y)·log(1 - p) over `axis`.

    Args:
      y_true: `[..., d]` in [0, 1], any dtype.
      y_pred: `[..., d]`, probabilities, or logits with `from_logits`.
      from_logits: p is the sigmoid of `y_pred`.
      label_smoothing: in [0, 1]; moves targets that far from 0 and 1 toward 0.5.
      axis: the axis to average over.

    Returns:
      `[...]`, dtype of `y_pred`.

    Raises:
      ValueError: the shapes do not match.

    Example:
      >>> binary_crossentropy(jnp.array([[1, 0]]), jnp.zeros((1, 2)), from_logits=True).round(4)
      Array([0.6931], dtype=float32)

    Source: `keras.losses.binary_crossentropy`.
    """
    y_true, y_pred = equal_shapes("binary_crossentropy", y_true, y_pred)
    check_axis("binary_crossentropy", axis, y_pred)
    target, output = at_least_float32(y_true), at_least_float32(y_pred)
    target = target * (1 - label_smoothing) + 0.5 * label_smoothing
    log_p, log_q = binary_log_probabilities(output, from_logits)
    values = -target * log_p - (1 - target) * log_q
    return jnp.mean(values, axis=axis).astype(y_pred.dtype)


def binary_log_probabilities(output: Array, from_logits: bool) -> tuple[Array, Array]:
    """Log p and log(1 - p) of probabilities, or of logits with `from_logits`."""
    if from_logits:
        return jax.nn.log_sigmoid(output), jax.nn.log_sigmoid(-output)
    p = jnp.clip(output, EPSILON, 1 - EPSILON)
    return jnp.log(p), jnp.log(1 - p)


def categorical_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """-Σ y·log p over the classes.

    Args:
      y_true: `[..., classes]`, one-hot or probabilities, any dtype.
      y_pred: `[..., classes]`, probabilities, or logits with `from_logits`.
      from_logits: p is the softmax of `y_pred`.
      label_smoothing: in [0, 1]; the part of the target spread evenly over all classes.
      axis: the axis of the classes.

    Returns:
      `[...]`, dtype of `y_pred`.

    Raises:
      ValueError: the shapes differ, or there is one class only.

    Example:
      >>> categorical_crossentropy(jnp.array([[0, 1]]), jnp.array([[0.5, 0.5]])).round(4)
      Array([0.6931], dtype=float32)

    Source: `keras.losses.categorical_crossentropy`; with another `axis` than the last, label
    smoothing counts the classes on that axis, where Keras counts the last.
    """
    y_true, y_pred = one_hot_pair("categorical_crossentropy", y_true, y_pred, axis)
    target = at_least_float32(y_true) * (1 - label_smoothing) + label_smoothing / y_pred.shape[axis]
    values = -jnp.sum(target * log_probabilities(y_pred, from_logits, axis), axis=axis)
    return values.astype(y_pred.dtype)


def sparse_categorical_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Array:
    """-log p of the true class.

    Args:
      y_true: `[...]` or `[..., 1]`, class indices of any dtype. An index out of range gives 0.
      y_pred: `[..., classes]`, probabilities, or logits with `from_logits`.
      from_logits: p is the softmax of `y_pred`.
      ignore_class: the index whose loss is 0.
      axis: the axis of the classes.

    Returns:
      `[...]`, dtype of `y_pred`.

    Raises:
      ValueError: the shapes do not match.

    Example:
      >>> sparse_categorical_crossentropy(jnp.array([1]), jnp.array([[0.5, 0.5]])).round(4)
      Array([0.6931], dtype=float32)

    Source: `keras.losses.sparse_categorical_crossentropy`.
    """
    labels, y_pred = index_pair("sparse_categorical_crossentropy", y_true, y_pred, axis)
    kept = jnp.ones(labels.shape, bool) if ignore_class is None else labels != ignore_class
    output = jnp.where(kept[..., None], y_pred, 1)
    classes = jnp.arange(y_pred.shape[-1], dtype=jnp.int32)
    hit = labels[..., None] == classes.reshape((1,) * labels.ndim + (-1,))
    log_p = jnp.where(hit, log_probabilities(output, from_logits, -1), 0)
    return jnp.where(kept, -jnp.sum(log_p, axis=-1), 0).astype(y_pred.dtype)


def log_probabilities(output: Array, from_logits: bool, axis: int) -> Array:
    """The logarithms of the classes' probabilities, in float32 or better.

    Args:
      output: `[..., classes]`, probabilities up to a factor, or logits with `from_logits`.
      from_logits: take the softmax first.
      axis: the axis of the classes.
    """
    output = at_least_float32(output)
    if from_logits:
        return jax.nn.log_softmax(output, axis=axis)
    output = output / jnp.sum(output, axis=axis, keepdims=True)
    return jnp.log(jnp.clip(output, EPSILON, 1 - EPSILON))


def check_smoothing(loss: Loss, amount: float) -> None:
    """Raises unless `label_smoothing` is in [0, 1].

    Raises:
      ValueError: `label_smoothing` is outside [0, 1].
    """
    if not 0 <= amount <= 1:
        raise ValueError(
            f"{type(loss).__name__}: expected `label_smoothing` between 0 and 1, got {amount!r}. "
            "A usual value is 0.1."
        )


def check_shares(who: str, y_true: Targets) -> None:
    """Raises unless the targets are finite numbers between 0 and 1.

    Raises:
      ValueError: a target is not finite, or outside [0, 1].
    """
    check_finite(who, y_true)
    fix = (
        "For labels -1 and 1 pass (y + 1) / 2; for classes 0, 1, 2, … use a softmax and "
        'loss="sparse_categorical_crossentropy".'
    )
    check_between(who, y_true, 0, 1, fix)


class _Smoothed(FormulaLoss):
    """Base of the binary and the categorical cross-entropy: their arguments."""

    independent: ClassVar[bool] = True

    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1
    reduction: str | None = option(default="sum_over_batch_size", convert=reduction_name)
    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)

    def check(self) -> None:
        """Raises unless `label_smoothing` is in [0, 1]."""
        check_smoothing(self, self.label_smoothing)


class BinaryCrossentropy(_Smoothed):
    """`binary_crossentropy` as a loss: targets of 0 and 1, with one output for each target.

    Args:
      from_logits: the outputs are logits, from a last layer without a sigmoid.
      label_smoothing: in [0, 1].
      axis: the axis to average over.
      reduction: how values become a number; see `jkeras.losses.reduce_weighted`.
      name: how logs call it.
      dtype: the dtype to compute in; the predictions' when left out.
    """

    name: str | None = "binary_crossentropy"
    activation: ClassVar[str] = "sigmoid"
    loss_fn = staticmethod(binary_crossentropy)

    def check_values(self, y_true: Targets, outputs: jax.ShapeDtypeStruct) -> None:
        """Finite numbers between 0 and 1."""
        del outputs
        check_shares(self.log_name, y_true)


class CategoricalCrossentropy(_Smoothed):
    """`categorical_crossentropy` as a loss: one-hot targets. Arguments: as `BinaryCrossentropy`.

    `from_logits` is for a last layer without a softmax, `axis` is the axis of the classes.
    """

    name: str | None = "categorical_crossentropy"
    activation: ClassVar[str] = "softmax"
    loss_fn = staticmethod(categorical_crossentropy)


class SparseCategoricalCrossentropy(FormulaLoss):
    """`sparse_categorical_crossentropy` as a loss: class indices as targets.

    Args:
      from_logits: the outputs are logits, from a last layer without a softmax.
      ignore_class: the index of elements that count neither in the sum nor in the number of
        elements.
      reduction: how values become a number; see `jkeras.losses.reduce_weighted`.
      axis: the axis of the classes.
      name: how logs call it.
      dtype: the dtype to compute in; the predictions' when left out.
    """

    independent: ClassVar[bool] = True

    from_logits: bool = False
    ignore_class: int | None = None
    reduction: str | None = option(default="sum_over_batch_size", convert=reduction_name)
    axis: int = -1
    name: str | None = "sparse_categorical_crossentropy"
    dtype: Any = option(default=None, convert=floating_dtype)
    activation: ClassVar[str] = "softmax"
    loss_fn = staticmethod(sparse_categorical_crossentropy)

    def mask(self, y_true: Array, values: Array) -> Array | None:
        """False where the label is `ignore_class`."""
        if self.ignore_class is None:
            return None
        return y_true.astype(jnp.int32).reshape(values.shape) != self.ignore_class

    def check_values(self, y_true: Targets, outputs: jax.ShapeDtypeStruct) -> None:
        """Whole numbers from 0 to the number of classes, or `ignore_class`."""
        check_finite(self.log_name, y_true)
        check_classes(self.log_name, y_true, outputs.shape[self.axis], self.ignore_class)
