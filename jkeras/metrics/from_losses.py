"""Every loss as a metric: the mean of its values over all examples seen.

The formulas are those of `jkeras.losses`; names and arguments are those of `keras.metrics`, where
CosineSimilarity is the cosine itself and not minus it.
"""

from __future__ import annotations

import jax.numpy as jnp

from jkeras import losses
from jkeras.losses.shapes import Array, broadcastable
from jkeras.metrics.base import Sums
from jkeras.metrics.means import FormulaMetric


class MeanSquaredError(FormulaMetric):
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
    metric_fn = staticmethod(losses.mean_squared_error)


def _squared_error(y_true: Array, y_pred: Array) -> Array:
    y_true, y_pred = broadcastable("root_mean_squared_error", y_true, y_pred)
    return jnp.square(y_true - y_pred)


class RootMeanSquaredError(FormulaMetric):
    """The square root of the mean of (y_true - y_pred)². Arguments: as `MeanSquaredError`."""

    name: str | None = "root_mean_squared_error"
    metric_fn = staticmethod(_squared_error)

    def compute(self, sums: Sums) -> Array:
        """The root of the mean."""
        return jnp.sqrt(super().compute(sums))


class MeanAbsoluteError(FormulaMetric):
    """The mean of `jkeras.losses.mean_absolute_error`. Arguments: as `MeanSquaredError`."""

    name: str | None = "mean_absolute_error"
    metric_fn = staticmethod(losses.mean_absolute_error)


class MeanAbsolutePercentageError(FormulaMetric):
    """The mean of `jkeras.losses.mean_absolute_percentage_error`. Arguments: as
    `MeanSquaredError`.
    """

    name: str | None = "mean_absolute_percentage_error"
    metric_fn = staticmethod(losses.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(FormulaMetric):
    """The mean of `jkeras.losses.mean_squared_logarithmic_error`. Arguments: as
    `MeanSquaredError`.
    """

    name: str | None = "mean_squared_logarithmic_error"
    metric_fn = staticmethod(losses.mean_squared_logarithmic_error)


class LogCoshError(FormulaMetric):
    """The mean of `jkeras.losses.log_cosh`. Arguments: as `MeanSquaredError`."""

    name: str | None = "logcosh"
    metric_fn = staticmethod(losses.log_cosh)


class Hinge(FormulaMetric):
    """The mean of `jkeras.losses.hinge`. Arguments: as `MeanSquaredError`."""

    name: str | None = "hinge"
    metric_fn = staticmethod(losses.hinge)


class SquaredHinge(FormulaMetric):
    """The mean of `jkeras.losses.squared_hinge`. Arguments: as `MeanSquaredError`."""

    name: str | None = "squared_hinge"
    metric_fn = staticmethod(losses.squared_hinge)


class CategoricalHinge(FormulaMetric):
    """The mean of `jkeras.losses.categorical_hinge`. Arguments: as `MeanSquaredError`."""

    name: str | None = "categorical_hinge"
    metric_fn = staticmethod(losses.categorical_hinge)


class KLDivergence(FormulaMetric):
    """The mean of `jkeras.losses.kl_divergence`. Arguments: as `MeanSquaredError`."""

    name: str | None = "kl_divergence"
    metric_fn = staticmethod(losses.kl_divergence)


class Poisson(FormulaMetric):
    """The mean of `jkeras.losses.poisson`. Arguments: as `MeanSquaredError`."""

    name: str | None = "poisson"
    metric_fn = staticmethod(losses.poisson)


class CosineSimilarity(FormulaMetric):
    """The mean cosine between vectors on `axis`; other arguments: as `MeanSquaredError`."""

    name: str | None = "cosine_similarity"
    axis: int = -1
    metric_fn = staticmethod(losses.cosine_similarity)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """The cosines: the shape without `axis`."""
        return -super().values(y_true, y_pred)


class BinaryCrossentropy(FormulaMetric):
    """The mean of `jkeras.losses.binary_crossentropy`, with its options."""

    name: str | None = "binary_crossentropy"
    from_logits: bool = False
    label_smoothing: float = 0
    metric_fn = staticmethod(losses.binary_crossentropy)


class CategoricalCrossentropy(FormulaMetric):
    """The mean of `jkeras.losses.categorical_crossentropy`, with its options."""

    name: str | None = "categorical_crossentropy"
    from_logits: bool = False
    label_smoothing: float = 0
    axis: int = -1
    metric_fn = staticmethod(losses.categorical_crossentropy)


class SparseCategoricalCrossentropy(FormulaMetric):
    """The mean of `jkeras.losses.sparse_categorical_crossentropy`, with its options.

    Elements of `ignore_class` never count, as in the loss. Keras counts them as zeros when no
    sample weights are given, so that its metric and its loss differ.
    """

    name: str | None = "sparse_categorical_crossentropy"
    from_logits: bool = False
    ignore_class: int | None = None
    axis: int = -1
    metric_fn = staticmethod(losses.sparse_categorical_crossentropy)

    def counted(self, y_true: Array, values: Array) -> Array | None:
        """False where the label is `ignore_class`."""
        return losses.SparseCategoricalCrossentropy(ignore_class=self.ignore_class).mask(
            y_true, values
        )
