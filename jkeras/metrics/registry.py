"""From what a user writes to a metric, and from metrics to the names in the logs.

A word is a class's name ("MeanSquaredError"), its snake case ("mean_squared_error"), Keras's short
form ("mse") or any word for a loss; the metric keeps the word as its name. The meaning of
"accuracy", "acc", "crossentropy" and "ce" depends on the shapes: `get` returns a metric that reads
the shapes of every batch, `resolve` the metric for given shapes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from jkeras import losses
from jkeras.core.description import fields
from jkeras.core.errors import WrongTypeError, describe, unknown_name
from jkeras.core.naming import snake_case
from jkeras.core.registry import deserializer
from jkeras.core.serialization import resolved, serialize_keras_object
from jkeras.losses.registry import CROSSENTROPY_WORDS, FUNCTIONS, kind_of_targets
from jkeras.metrics import (
    accuracy,
    auc,
    confusion,
    correlation,
    from_losses,
    fscore,
    iou,
    reduction,
    tradeoffs,
)
from jkeras.metrics.base import Metric, Sums
from jkeras.metrics.means import FunctionMetric, LossMetric, MeanMetric

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from jkeras.core.typing import ArraySpec

_CLASSES: tuple[type[Metric], ...] = (
    accuracy.Accuracy, accuracy.BinaryAccuracy, accuracy.CategoricalAccuracy,
    accuracy.SparseCategoricalAccuracy, accuracy.SparseTopKCategoricalAccuracy,
    accuracy.TopKCategoricalAccuracy,
    auc.AUC,
    confusion.FalseNegatives, confusion.FalsePositives, confusion.Precision, confusion.Recall,
    confusion.TrueNegatives, confusion.TruePositives,
    correlation.ConcordanceCorrelation, correlation.PearsonCorrelation, correlation.R2Score,
    from_losses.BinaryCrossentropy, from_losses.CategoricalCrossentropy,
    from_losses.CategoricalHinge, from_losses.CosineSimilarity, from_losses.Hinge,
    from_losses.KLDivergence, from_losses.LogCoshError, from_losses.MeanAbsoluteError,
    from_losses.MeanAbsolutePercentageError, from_losses.MeanSquaredError,
    from_losses.MeanSquaredLogarithmicError, from_losses.Poisson, from_losses.RootMeanSquaredError,
    from_losses.SparseCategoricalCrossentropy, from_losses.SquaredHinge,
    fscore.F1Score, fscore.FBetaScore,
    iou.BinaryIoU, iou.IoU, iou.MeanIoU, iou.OneHotIoU, iou.OneHotMeanIoU,
    reduction.Mean, reduction.Sum,
    tradeoffs.PrecisionAtRecall, tradeoffs.RecallAtPrecision, tradeoffs.SensitivityAtSpecificity,
    tradeoffs.SpecificityAtSensitivity,
)  # fmt: skip
_SHORT: dict[str, type[Metric]] = {
    "bce": from_losses.BinaryCrossentropy,
    "mae": from_losses.MeanAbsoluteError,
    "mape": from_losses.MeanAbsolutePercentageError,
    "mse": from_losses.MeanSquaredError,
    "msle": from_losses.MeanSquaredLogarithmicError,
}
_BY_CLASS = {metric.__name__: metric for metric in _CLASSES}
_BY_SNAKE = {snake_case(name): metric for name, metric in _BY_CLASS.items()} | _SHORT
_BY_WORD = _BY_CLASS | _BY_SNAKE | {word.upper(): metric for word, metric in _SHORT.items()}
_LOSS_WORDS = {fn.__name__ for fn in FUNCTIONS} | {"kld"}
_ACCURACY_WORDS = ("acc", "accuracy")

MetricLike: TypeAlias = (
    str | Metric | losses.Loss | type[Metric | losses.Loss] | Mapping[str, Any] | Callable[..., Any]
)
"""What `get` makes a metric of: a word, a metric or loss, a class or configuration of one, or a
function.
"""

_BY_FUNCTION: dict[Callable[..., Any], type[Metric]] = {
    accuracy.binary_accuracy: accuracy.BinaryAccuracy,
    accuracy.categorical_accuracy: accuracy.CategoricalAccuracy,
    accuracy.sparse_categorical_accuracy: accuracy.SparseCategoricalAccuracy,
    accuracy.sparse_top_k_categorical_accuracy: accuracy.SparseTopKCategoricalAccuracy,
    accuracy.top_k_categorical_accuracy: accuracy.TopKCategoricalAccuracy,
}


def get(identifier: MetricLike) -> Metric:
    """The metric that `identifier` means.

    Args:
      identifier: a word, a `Metric`, a class of metrics, a `jkeras.losses.Loss`, or a function
        `(y_true, y_pred)` that returns one value an example or one number a batch.

    Raises:
      TypeError: `identifier` is none of these.
      ValueError: an unknown word; the message suggests the nearest.

    Example:
      >>> get("mse"), get("precision"), get(losses.Huber(2.0)).log_name
      (MeanSquaredError(name='mse'), Precision(), 'huber_loss')
    """
    identifier = resolved(identifier, "metrics")
    if isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, losses.Loss):
        return LossMetric(identifier)
    if isinstance(identifier, str):
        return _by_name(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Metric | losses.Loss):
        return get(identifier())
    if not isinstance(identifier, type) and callable(identifier):
        return _by_function(identifier)
    raise WrongTypeError(
        "expected a metric: a name, a Metric, a class of metrics, a Loss or a function "
        f'(y_true, y_pred), got {describe(identifier)}. For example metrics=["accuracy"].'
    )


class ByShape(MeanMetric):
    """A metric that becomes binary, sparse or categorical when it sees a batch.

    Args:
      word: "accuracy", "acc", "crossentropy" or "ce", in any letter case; the logs keep it.
    """

    word: str

    def in_config(self) -> str:
        """The word, as Keras writes it."""
        return self.word

    def update(self, sums: Sums, y_true: Any, y_pred: Any, weight: ArrayLike | None = None) -> Sums:
        """Adds a batch to the sums of the metric that fits the shapes of the batch."""
        return resolve(self.word, y_true, y_pred).update(sums, y_true, y_pred, weight)

    @property
    def log_name(self) -> str:
        """The word as the user wrote it."""
        return self.word


def is_shape_word(word: str) -> bool:
    """Whether `word` means a metric only once the shapes are known."""
    return word.lower() in (*_ACCURACY_WORDS, *CROSSENTROPY_WORDS)


def _by_name(word: str) -> Metric:
    if is_shape_word(word):
        return ByShape(word)
    if word in _BY_WORD:
        return _named(_BY_WORD[word], word)
    if word in _LOSS_WORDS:
        return LossMetric(losses.get(word), name=word)
    candidates = set(_BY_CLASS) if word[:1].isupper() else _LOSS_WORDS | set(_BY_SNAKE) | {"acc"}
    raise unknown_name("metric", word, candidates)


def _named(kind: type[Metric], word: str) -> Metric:
    """A metric of class `kind` with the name that the user wrote."""
    needed = [f.name for f in fields(kind) if f.default is dataclasses.MISSING]
    if needed:
        raise ValueError(
            f"metric {word!r} needs `{'`, `'.join(needed)}`: pass an object, "
            f"jkeras.metrics.{kind.__name__}({', '.join(f'{name}=…' for name in needed)})."
        )
    metric = kind()
    return metric if metric.log_name == word else metric.replace(name=word)


def _by_function(fn: Callable[..., Any]) -> Metric:
    try:
        if fn in _BY_FUNCTION:
            return _BY_FUNCTION[fn]()
        if fn in FUNCTIONS:
            return LossMetric(losses.get(fn))
    except TypeError:
        raise WrongTypeError(
            f"expected a hashable metric function, got {describe(fn)}. Wrap it: "
            "metrics=[lambda y_true, y_pred: fn(y_true, y_pred)]."
        ) from None
    return FunctionMetric(fn)


def resolve(identifier: MetricLike, y_true: ArraySpec, y_pred: ArraySpec) -> Metric:
    """As `get`, with "accuracy", "acc", "crossentropy" and "ce" (in any case) chosen by shapes.

    The rule and the arguments are those of `jkeras.losses.resolve`. The metric keeps the word as
    its name.

    Example:
      >>> import numpy as np
      >>> resolve("acc", np.zeros(32), np.zeros((32, 10)))
      SparseCategoricalAccuracy(name='acc')
    """
    if isinstance(identifier, str) and identifier.lower() in _ACCURACY_WORDS:
        return resolve_accuracy(identifier, y_true, y_pred)
    if isinstance(identifier, str) and identifier.lower() in CROSSENTROPY_WORDS:
        return LossMetric(losses.resolve(identifier, y_true, y_pred), name=identifier)
    return get(identifier)


def resolve_accuracy(word: str, y_true: ArraySpec, y_pred: ArraySpec) -> Metric:
    """The accuracy that fits the shapes, named `word`; arguments as for `resolve`."""
    choice: dict[str, type[Metric]] = {
        "binary": accuracy.BinaryAccuracy,
        "sparse": accuracy.SparseCategoricalAccuracy,
        "categorical": accuracy.CategoricalAccuracy,
    }
    return choice[kind_of_targets(y_true.shape, y_pred.shape)]().replace(name=word)


def log_names(
    metrics: Sequence[Metric],
    weighted: Sequence[Metric] = (),
    *,
    outputs: Sequence[str | None] | None = None,
) -> list[str]:
    """The names in the logs: one for each metric, then one for each weighted metric.

    A name that occurs again gets a number: `mse`, `mse_1`. A weighted metric whose name is taken is
    first called `weighted_mse`.

    Args:
      metrics: metrics that ignore sample weights.
      weighted: metrics that use them.
      outputs: for each metric the name of its output, which is the prefix; None for no prefix.

    Example:
      >>> mse = get("mse")
      >>> log_names([mse, mse], weighted=[mse, mse])
      ['mse', 'mse_1', 'weighted_mse', 'weighted_mse_1']
      >>> log_names([mse, mse], weighted=[mse], outputs=["a", "b", "b"])
      ['a_mse', 'b_mse', 'b_weighted_mse']

    Source: measured on Keras 3.15.1.
    """
    every = [*metrics, *weighted]
    before = [f"{name}_" if name else "" for name in outputs or [None] * len(every)]
    seen: dict[str, int] = {}
    names: list[str] = []
    for number, (metric, prefix) in enumerate(zip(every, before, strict=True)):
        name = f"{prefix}{metric.log_name}"
        taken = number >= len(metrics) and name in seen
        names.append(_numbered(f"{prefix}weighted_{metric.log_name}" if taken else name, seen))
    return names


def _numbered(name: str, seen: dict[str, int]) -> str:
    count = seen.get(name, 0)
    seen[name] = count + 1
    return f"{name}_{count}" if count else name


def serialize(metric: Metric | Callable[..., Any]) -> Any:
    """What a configuration holds for a metric.

    Example:
      >>> serialize(accuracy.BinaryAccuracy())["class_name"]
      'BinaryAccuracy'

    Source: `keras.metrics.serialize`.
    """
    return serialize_keras_object(metric)


deserialize = deserializer(get, "metric", "metrics")
