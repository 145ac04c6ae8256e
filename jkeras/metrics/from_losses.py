"""Every loss as a metric: the mean of its values over all examples seen.

The formulas are those of `jkeras.losses`; names and arguments are those of `keras.metrics`, where
CosineSimilarity is the cosine itself and not minus it.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jkeras import losses
from jkeras.core.description import option
from jkeras.losses.base import floating_dtype
from jkeras.losses.shapes import paired
from jkeras.metrics.base import MeanMetric, Sums

Array = jax.Array


class MeanSquaredError(MeanMetric):
    """The mean of `jkeras.losses.mean_squared_error`.

    Args:
      name: how logs call it.
      dtype: the dtype of the result; float32 when left out.

    Example:
      >>> metric = MeanSquaredError()
      >>> sums = metric.update(metric.init(), jnp.zeros((2, 1)), jnp.array([[1.0], [3.0]]))
      >>> float(metric.compute(sums))
      5.0
    """

    name: str | None = "mean_squared_error"
    dtype: Any = option(default=None, convert=floating_dtype)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """`[batch, ...]`."""
        return losses.mean_squared_error(y_true, y_pred)


class RootMeanSquaredError(MeanMetric):
    """The square root of the mean of (y_true - y_pred)². Arguments: as `MeanSquaredError`."""

    name: str | None = "root_mean_squared_error"
    dtype: Any = option(default=None, convert=floating_dtype)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """The squares, `[batch, ...]`."""
        y_true, y_pred = paired("root_mean_squared_error", y_true, y_pred)
        return jnp.square(y_true - y_pred)

    def compute(self, sums: Sums) -> Array:
        """The root of the mean."""
        return jnp.sqrt(super().compute(sums))


class MeanAbsoluteError(MeanMetric):
    """The mean of `jkeras.losses.mean_absolute_error`. Arguments: as `MeanSquaredError`."""

    name: str | None = "mean_absolute_error"
    dtype: Any = option(default=None, convert=floating_dtype)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """`[batch, ...]`."""
        return losses.mean_absolute_error(y_true, y_pred)


class MeanAbsolutePercentageError(MeanMetric):
    """The mean of `jkeras.losses.mean_absolute_percentage_error`. Arguments: as
    `MeanSquaredError`.
    """

    name: str | None = "mean_absolute_percentage_error"
    dtype: Any = option(default=None, convert=floating_dtype)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """`[batch, ...]`."""
        return losses.mean_absolute_percentage_error(y_true, y_pred)


class MeanSquaredLogarithmicError(MeanMetric):
    """The mean of `jkeras.losses.mean_squared_logarithmic_error`. Arguments: as
    `MeanSquaredError`.
    """

    name: str | None = "mean_squared_logarithmic_error"
    dtype: Any = option(default=None, convert=floating_dtype)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """`[batch, ...]`."""
        return losses.mean_squared_logarithmic_error(y_true, y_pred)


class LogCoshError(MeanMetric):
    """The mean of `jkeras.losses.log_cosh`. Arguments: as `MeanSquaredError`."""

    name: str | None = "logcosh"
    dtype: Any = option(default=None, convert=floating_dtype)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """`[batch, ...]`."""
        return losses.log_cosh(y_true, y_pred)


class Hinge(MeanMetric):
    """The mean of `jkeras.losses.hinge`. Arguments: as `MeanSquaredError`."""

    name: str | None = "hinge"
    dtype: Any = option(default=None, convert=floating_dtype)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """`[batch, ...]`."""
        return losses.hinge(y_true, y_pred)


class SquaredHinge(MeanMetric):
    """The mean of `jkeras.losses.squared_hinge`. Arguments: as `MeanSquaredError`."""

    name: str | None = "squared_hinge"
    dtype: Any = option(default=None, convert=floating_dtype)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """`[batch, ...]`."""
        return losses.squared_hinge(y_true, y_pred)


class CategoricalHinge(MeanMetric):
    """The mean of `jkeras.losses.categorical_hinge`. Arguments: as `MeanSquaredError`."""

    name: str | None = "categorical_hinge"
    dtype: Any = option(default=None, convert=floating_dtype)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """`[batch, ...]`."""
        return losses.categorical_hinge(y_true, y_pred)


class KLDivergence(MeanMetric):
    """The mean of `jkeras.losses.kl_divergence`. Arguments: as `MeanSquaredError`."""

    name: str | None = "kl_divergence"
    dtype: Any = option(default=None, convert=floating_dtype)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """`[batch, ...]`."""
        return losses.kl_divergence(y_true, y_pred)


class Poisson(MeanMetric):
    """The mean of `jkeras.losses.poisson`. Arguments: as `MeanSquaredError`."""

    name: str | None = "poisson"
    dtype: Any = option(default=None, convert=floating_dtype)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """`[batch, ...]`."""
        return losses.poisson(y_true, y_pred)


class CosineSimilarity(MeanMetric):
    """The mean cosine between vectors on `axis`; other arguments: as `MeanSquaredError`."""

    name: str | None = "cosine_similarity"
    dtype: Any = option(default=None, convert=floating_dtype)
    axis: int = -1

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """The cosines: the shape without `axis`."""
        return -losses.cosine_similarity(y_true, y_pred, self.axis)


class BinaryCrossentropy(MeanMetric):
    """The mean of `jkeras.losses.binary_crossentropy`, with its options."""

    name: str | None = "binary_crossentropy"
    dtype: Any = option(default=None, convert=floating_dtype)
    from_logits: bool = False
    label_smoothing: float = 0

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """`[batch, ...]`."""
        return losses.binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing)


class CategoricalCrossentropy(MeanMetric):
    """The mean of `jkeras.losses.categorical_crossentropy`, with its options."""

    name: str | None = "categorical_crossentropy"
    dtype: Any = option(default=None, convert=floating_dtype)
    from_logits: bool = False
    label_smoothing: float = 0
    axis: int = -1

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """The shape without the classes."""
        return losses.categorical_crossentropy(
            y_true, y_pred, self.from_logits, self.label_smoothing, self.axis
        )


class SparseCategoricalCrossentropy(MeanMetric):
    """The mean of `jkeras.losses.sparse_categorical_crossentropy`, with its options.

    Elements of `ignore_class` never count, as in the loss. Keras counts them as zeros when no
    sample weights are given, so that its metric and its loss differ.
    """

    name: str | None = "sparse_categorical_crossentropy"
    dtype: Any = option(default=None, convert=floating_dtype)
    from_logits: bool = False
    ignore_class: int | None = None
    axis: int = -1

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """The shape without the classes."""
        return losses.sparse_categorical_crossentropy(
            y_true, y_pred, self.from_logits, self.ignore_class, self.axis
        )

    def counted(self, y_true: Array, values: Array) -> Array | None:
        """False where the label is `ignore_class`."""
        return losses.SparseCategoricalCrossentropy(ignore_class=self.ignore_class).mask(
            y_true, values
        )
