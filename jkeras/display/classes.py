"""Classes one by one: precision, recall, F1 and support, and the pairs that are confused most.

Laws:
  - The numbers are those of scikit-learn's `classification_report`; what would be 0 / 0 is 0.
  - Averages are over the classes that occur, as true or as predicted ones.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Mapping, Sequence, Sized
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from jkeras.core.errors import WrongTypeError, describe
from jkeras.display.confusion import confusion_counts
from jkeras.display.html import table_html
from jkeras.display.labels import classes_of, ids_of_words

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Labels: TypeAlias = Sequence[str] | Mapping[int, str]
"""The names of classes: in the order of their ids, or by id; ids without a name stay numbers."""
COLUMNS = ("class", "precision", "recall", "F1", "support")


class ClassScores(NamedTuple):
    """How well one class is recognized, or the average over classes.

    Attributes:
      name: of the class.
      precision: share of the examples predicted as this class that belong to it.
      recall: share of the examples of this class that are predicted as it.
      f1: harmonic mean of both.
      support: number of examples of this class.
    """

    name: str
    precision: float
    recall: float
    f1: float
    support: int


class Confusion(NamedTuple):
    """How often one class is taken for another.

    Attributes:
      true: name of the true class.
      predicted: name of the predicted class, another one.
      examples: how many.
    """

    true: str
    predicted: str
    examples: int


@dataclasses.dataclass(frozen=True)
class ClassReport:
    """The table of `class_report`; `print` shows it as text, a notebook as a table.

    Attributes:
      classes: the scores of each class, in the order of the ids.
      accuracy: share of the examples that are predicted right.
      macro: mean over the classes that occur.
      weighted: mean over the classes, weighted by their support.
    """

    classes: tuple[ClassScores, ...]
    accuracy: float
    macro: ClassScores
    weighted: ClassScores

    def cells(self) -> list[list[str]]:
        """The rows of the table as texts, under `COLUMNS`."""
        rows = [_cells(scores) for scores in (*self.classes, self.macro, self.weighted)]
        total = f"{self.macro.support:,}"
        rows.insert(len(self.classes), ["accuracy", "", "", f"{self.accuracy:.4f}", total])
        return rows

    def __str__(self) -> str:
        rows = [list(COLUMNS), *self.cells()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = []
        for name, *numbers in rows:
            pairs = zip(numbers, widths[1:], strict=True)
            lines.append("  ".join([name.ljust(widths[0]), *(n.rjust(w) for n, w in pairs)]))
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        return table_html(COLUMNS, self.cells())


def class_report(y_true: ArrayLike, y_pred: ArrayLike, labels: Labels | None = None) -> ClassReport:
    """Precision, recall, F1 and support of every class.

    Args:
      y_true: true classes, as ids or words, or one-hot targets.
      y_pred: predicted classes, probabilities or logits of classes, or probabilities of class 1.
      labels: the names of the classes, as a list or as a dict from id to name; for words those that
        are there, sorted, when left out.

    Raises:
      TypeError: `labels` are neither.
      ValueError: different lengths, no examples, fewer names than classes, or a word that is none.

    Example:
      >>> print(class_report([0, 1, 1, 1], [0, 1, 1, 0], ["cat", "dog"]))
      class         precision  recall      F1  support
      cat              0.5000  1.0000  0.6667        1
      dog              1.0000  0.6667  0.8000        3
      accuracy                         0.7500        4
      macro avg        0.7500  0.8333  0.7333        4
      weighted avg     0.8750  0.7500  0.7667        4

    Source: `sklearn.metrics.classification_report`.
    """
    y_true, y_pred, labels = ids_of_words(y_true, y_pred, labels)
    counts = counts_for(y_true, y_pred, labels)
    return report_of_counts(counts, label_names(labels, len(counts), "class_report"))


def most_confused(
    y_true: ArrayLike, y_pred: ArrayLike, labels: Labels | None = None, min_val: int = 1
) -> list[Confusion]:
    """The pairs of classes that are confused, the most frequent first.

    Args:
      y_true, y_pred, labels: as for `class_report`.
      min_val: the least number of examples of a pair.

    Example:
      >>> most_confused([0, 1, 1, 1], [0, 1, 0, 0], ["cat", "dog"])
      [Confusion(true='dog', predicted='cat', examples=2)]

    Source: fastai's `ClassificationInterpretation.most_confused`.
    """
    y_true, y_pred, labels = ids_of_words(y_true, y_pred, labels)
    counts = counts_for(y_true, y_pred, labels)
    return confusions_of_counts(counts, label_names(labels, len(counts), "most_confused"), min_val)


def counts_for(y_true: ArrayLike, y_pred: ArrayLike, labels: Labels | None) -> np.ndarray:
    """The confusion matrix with a row for each class that is seen or has a name."""
    named = len(labels) if isinstance(labels, Sized) else 0
    if isinstance(labels, Mapping):
        named = 1 + max((key for key in labels if isinstance(key, int | np.integer)), default=-1)
    true, predicted = classes_of(y_true, "y_true"), classes_of(y_pred, "y_pred")
    outputs = np.shape(y_pred)
    known = outputs[1] if len(outputs) == 2 and outputs[1] > 1 else 0
    seen = 1 + int(max(true.max(initial=-1), predicted.max(initial=-1)))
    return confusion_counts(true, predicted, int(max(known, named, seen)))


def report_of_counts(counts: np.ndarray, names: Sequence[str]) -> ClassReport:
    """The report of a confusion matrix, `[classes, classes]`, and the names of its classes."""
    right, support, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    scores = np.stack(
        [
            _share(right, predicted),
            _share(right, support),
            _share(2 * right, support + predicted),
        ],
        axis=1,
    )
    total = int(support.sum())
    occurs = (support + predicted) > 0
    means = scores[occurs].mean(axis=0) if occurs.any() else np.zeros(3)
    weighted = _share(support @ scores, np.full(3, total))
    rows = zip(names, scores, support, strict=True)
    return ClassReport(
        tuple(_scores(name, values, count) for name, values, count in rows),
        float(_share(np.asarray(right.sum()), np.asarray(total))),
        _scores("macro avg", means, total),
        _scores("weighted avg", weighted, total),
    )


def _scores(name: str, values: np.ndarray, support: int) -> ClassScores:
    precision, recall, f1 = map(float, values)
    return ClassScores(name, precision, recall, f1, int(support))


def confusions_of_counts(
    counts: np.ndarray, names: Sequence[str], min_val: int = 1
) -> list[Confusion]:
    """`most_confused` of a confusion matrix and the names of its classes."""
    wrong = counts * (1 - np.eye(len(counts), dtype=counts.dtype))
    places = np.argwhere(wrong >= max(min_val, 1)).tolist()
    pairs = [Confusion(names[i], names[j], int(wrong[i, j])) for i, j in places]
    return sorted(pairs, key=lambda pair: -pair.examples)


def label_names(labels: Labels | None, count: int, who: str) -> list[str]:
    """The name of each class.

    Args:
      labels: names in the order of the ids, or by id; None for numbers.
      count: number of classes.
      who: the function that was called, for messages.

    Raises:
      TypeError: `labels` are neither a list nor a dict of names.
      ValueError: another number of names than classes, or the name of an id that is no class.

    Example:
      >>> label_names({1: "dog"}, 2, "report"), label_names(None, 2, "report")
      (['0', 'dog'], ['0', '1'])
    """
    if labels is None:
        return [str(index) for index in range(count)]
    if isinstance(labels, Mapping):
        for key in labels:
            if not (_is_integer(key) and 0 <= operator.index(key) < count):
                raise ValueError(
                    f"{who}: `labels`: expected class ids from 0 to {count - 1} as keys, got "
                    f"{key!r}."
                )
        return [str(labels.get(index, index)) for index in range(count)]
    if isinstance(labels, str | bytes) or not hasattr(labels, "__len__"):
        raise WrongTypeError(
            f"{who}: `labels`: expected a list of the names of the classes, or a dict from class "
            f"id to name, got {describe(labels)}."
        )
    if len(labels) != count:
        raise ValueError(
            f"{who}: `labels`: expected a name for each of the {count} classes, got {len(labels)}. "
            "A dict from class id to name may leave some out."
        )
    return [str(name) for name in labels]


def _is_integer(value: object) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Part over whole, 0 where both are 0."""
    return np.asarray(part / np.maximum(whole, 1), np.float64)


def _cells(scores: ClassScores) -> list[str]:
    name, *shares, support = scores
    return [str(name), *(f"{float(share):.4f}" for share in shares), f"{support:,}"]
