"""Figures of a training run: learning curves and predictions.

Laws:
  - Invalid data raise an error before the figure is created.
  - Color never carries a meaning alone: dashes, markers and words repeat it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from jkeras.core.errors import WrongTypeError, describe
from jkeras.display.curves import curves_figure
from jkeras.display.figures import new_figure, saved
from jkeras.display.labels import check_same_length, class_labels, classes_of, unit_brightness

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

_RED = "#C00000"
_LONGEST_NAME = 14


def learning_curves(
    history: Mapping[str, Sequence[float]],
    path: str | os.PathLike[str] | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """One panel for each metric over the epochs, with its validation curve dashed beside it.

    Args:
      history: values for each epoch, as in `History.history`; `val_loss` joins the panel of `loss`.
      path: the path of a PNG to write; no file when left out.
      title: a line above all panels.

    Returns:
      The figure.

    Raises:
      ImportError: matplotlib is not installed.
      ValueError: no metrics, no epochs, or metrics of different lengths.

    Example:
      >>> figure = learning_curves({"loss": [0.6, 0.3], "val_loss": [0.5, 0.4]})
      >>> [axes.get_title() for axes in figure.axes]
      ['loss']
    """
    epochs = range(1, _checked_epochs(history) + 1)
    curves = {name: (epochs, values) for name, values in history.items()}
    return curves_figure(curves, path, title=title)


def prediction_grid(
    images: ArrayLike,
    y_true: ArrayLike | None = None,
    y_pred: ArrayLike | None = None,
    *,
    class_names: Sequence[str] | None = None,
    rows: int = 3,
    columns: int = 6,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    r"""The first images with their predictions; a wrong one is red and names the true class.

    Args:
      images: `[n, height, width]`, or with 1 (grey), 3 (RGB) or 4 (RGBA) channels behind; integers
        from 0 to 255, or floats, which are stretched when they leave 0..1.
      y_true: classes or one-hot targets of all images, or None when unknown.
      y_pred: classes, or probabilities (then the winner's is shown in percent), or None.
      class_names: the names of classes 0, 1, ...; their numbers when left out.
      rows: the largest number of rows in the grid; empty rows are left out.
      columns: images in a row.
      path: the path of a PNG to write; no file when left out.

    Returns:
      The figure.

    Raises:
      ImportError: matplotlib is not installed.
      ValueError: wrong rank, no images, different lengths, or more classes than names.

    Example:
      >>> images = np.zeros((2, 8, 8), np.uint8)
      >>> figure = prediction_grid(images, [3, 5], [3, 8], columns=2)
      >>> [axes.get_title() for axes in figure.axes]
      ['3', '8\ntrue: 5']
    """
    for name, value in (("rows", rows), ("columns", columns)):
        if value < 1:
            raise ValueError(f"prediction_grid: expected `{name}` of at least 1, got {value}.")
    pixels = _checked_images(images)
    captions = _captions(pixels, y_true, y_pred, class_names)
    shown = min(len(pixels), rows * columns)
    columns = min(columns, shown)
    rows = math.ceil(shown / columns)
    brightness = unit_brightness(pixels[:shown])
    figure = new_figure(1.5 * columns, 1.95 * rows)
    for index in range(shown):
        image, (caption, wrong) = brightness[index], captions[index]
        image = image.squeeze(-1) if image.shape[-1] == 1 else image
        axes = figure.add_subplot(rows, columns, index + 1)
        axes.imshow(image, cmap="gray", vmin=0, vmax=1)
        axes.set_title(caption, fontsize=9, color=_RED if wrong else "black")
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set(color=_RED if wrong else "0.6", linewidth=2.0 if wrong else 0.5)
    return saved(figure, path)


def _captions(
    images: np.ndarray,
    y_true: ArrayLike | None,
    y_pred: ArrayLike | None,
    class_names: Sequence[str] | None,
) -> list[tuple[str, bool]]:
    """For each image its caption, and whether the prediction is wrong."""
    true = None if y_true is None else classes_of(y_true, "y_true")
    predicted = None if y_pred is None else classes_of(y_pred, "y_pred")
    check_same_length(images=images, y_true=true, y_pred=predicted)
    largest = [classes.max() for classes in (true, predicted) if classes is not None]
    count = int(max(largest, default=-1)) + 1
    names = class_labels(class_names, count, longest=_LONGEST_NAME)
    if predicted is None:
        return [("", False)] * len(images) if true is None else [(names[i], False) for i in true]
    texts = [names[i] for i in predicted]
    scores = np.asarray(y_pred)
    is_probability = scores.ndim == 2 and scores.shape[1] > 1 and scores.dtype.kind == "f"
    if is_probability and scores.min() >= 0 and np.allclose(scores.sum(axis=1), 1, atol=1e-2):
        shares = scores.max(axis=1)
        texts = [f"{text} ({share:.0%})" for text, share in zip(texts, shares, strict=True)]
    if true is None:
        return [(text, False) for text in texts]
    return [
        (text, False) if p == t else (f"{text}\ntrue: {names[t]}", True)
        for text, p, t in zip(texts, predicted, true, strict=True)
    ]


def _checked_epochs(history: Mapping[str, Sequence[float]]) -> int:
    if not isinstance(history, Mapping):
        raise WrongTypeError(
            "learning_curves: expected `history` to map names to values, such as "
            f"{{'loss': [0.6, 0.3]}}, got {describe(history)}. Pass `model.fit(...).history`."
        )
    lengths = {name: len(values) for name, values in history.items()}
    if not any(lengths.values()):
        raise ValueError("learning_curves: expected at least one epoch in `history`, got none.")
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ValueError(
            "learning_curves: expected one value an epoch for every metric in `history`, got "
            f"lengths {listed}. Fill the epochs without a value with float('nan')."
        )
    return next(iter(lengths.values()))


def _checked_images(images: ArrayLike) -> np.ndarray:
    """The images as `[n, height, width, channels]`."""
    array = np.asarray(images)
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[-1] not in (1, 3, 4) or not array.size:
        raise ValueError(
            "prediction_grid: expected `images` [n, height, width] or [n, height, width, channels] "
            f"with 1, 3 or 4 channels, got shape {np.shape(images)}. "
            "For one image write image[None]."
        )
    return array
