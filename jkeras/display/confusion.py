"""The confusion matrix: counts of true and predicted classes, and their plot.

Laws:
  - `confusion_counts(y, y)` is diagonal.
  - The counts sum to the number of examples; row `i` sums to the examples of class `i`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jkeras.core.errors import describe
from jkeras.display.figures import new_figure, saved
from jkeras.display.labels import check_same_length, class_labels, classes_of, ids_of_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

_LONGEST_NAME, _MOST_NUMBERED_CLASSES = 18, 20


def confusion_counts(
    y_true: ArrayLike, y_pred: ArrayLike, num_classes: int | None = None
) -> np.ndarray:
    """The confusion matrix of true and predicted classes.

    Args:
      y_true: true classes, as ids or words (sorted), or one-hot targets.
      y_pred: predicted classes or probabilities, one for each of `y_true`.
      num_classes: by default one more than the largest class seen.

    Returns:
      `[num_classes, num_classes]` int64; row: true class, column: predicted class.

    Raises:
      ValueError: different lengths, no examples, or a class beyond `num_classes`.

    Example:
      >>> confusion_counts([0, 1, 1], [0, 1, 0])
      array([[1, 0],
             [1, 1]])
    """
    y_true, y_pred, _ = ids_of_words(y_true, y_pred)
    true, predicted = classes_of(y_true, "y_true"), classes_of(y_pred, "y_pred")
    check_same_length(y_true=true, y_pred=predicted)
    if not len(true):
        raise ValueError("confusion_counts: expected at least one example, got none.")
    largest = int(max(true.max(), predicted.max()))
    count = largest + 1 if num_classes is None else num_classes
    if largest >= count:
        raise ValueError(
            f"confusion_counts: expected classes below `num_classes` = {count}, got {largest}. "
            f"Use num_classes={largest + 1}, or leave it out."
        )
    return np.bincount(true * count + predicted, minlength=count * count).reshape(count, count)


def confusion_matrix_plot(
    matrix: ArrayLike,
    class_names: Sequence[str] | None = None,
    *,
    normalize: bool = False,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """A plot of a confusion matrix: shaded cells with the counts as text.

    Args:
      matrix: `[classes, classes]` counts, true classes down and predicted ones across; or the tuple
        `(y_true, y_pred)`, in any form that `confusion_counts` takes.
      class_names: the names of classes 0, 1, ...; when left out their numbers, or the words in
        `y_true` and `y_pred`, sorted.
      normalize: show shares of each true class instead of counts.
      path: the path of a PNG to write; no file when left out.

    Returns:
      The figure.

    Raises:
      ImportError: matplotlib is not installed.
      ValueError: not a square matrix of counts, or another number of names.

    Example:
      >>> figure = confusion_matrix_plot(([0, 1, 1], [0, 1, 0]), ["cat", "dog"])
      >>> [text.get_text() for text in figure.axes[0].texts]
      ['1', '0', '1', '1']
    """
    if isinstance(matrix, tuple) and len(matrix) == 2:  # a matrix is a list or an array
        true, predicted, class_names = ids_of_words(*matrix, class_names)
        had_words = true is not matrix[0] or predicted is not matrix[1]
        count = len(class_names) if had_words and class_names is not None else None
        matrix = confusion_counts(true, predicted, count)
    counts = np.asarray(matrix)
    square = counts.ndim == 2 and counts.shape[0] == counts.shape[1] and counts.size > 0
    if not square or not np.issubdtype(counts.dtype, np.integer) or counts.min() < 0:
        raise ValueError(
            "confusion_matrix_plot: expected a square `matrix` of counts, "
            f"got {describe(counts)}. From labels: confusion_matrix_plot((y_true, y_pred))."
        )
    names = class_labels(class_names, len(counts), longest=_LONGEST_NAME, exact=True)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(max(3.6, 0.55 * len(counts) + 1.6), 16.0)
    figure = new_figure(side + 0.9, side)
    axes = figure.add_subplot()
    _draw_matrix(axes, shares if normalize else counts, names)
    return saved(figure, path)


def _draw_matrix(axes: Axes, values: np.ndarray, names: Sequence[str]) -> None:
    image = axes.imshow(values, cmap="Blues", vmin=0)
    axes.figure.colorbar(image, ax=axes, fraction=0.046, pad=0.04)
    places = range(len(names))
    long = max(map(len, names)) > 3
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(places, names, **(slanted if long else {}))
    axes.set_yticks(places, names)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    if len(names) > _MOST_NUMBERED_CLASSES:
        return
    form = "d" if np.issubdtype(values.dtype, np.integer) else ".2f"
    for (row, column), value in np.ndenumerate(values):
        color = "white" if value > values.max() / 2 else "black"
        text = format(value, form)
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=8)
