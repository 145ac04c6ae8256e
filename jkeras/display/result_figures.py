"""Figures of what a model predicts: numbers against their targets, and their errors."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from jkeras.display.figures import new_figure, saved
from jkeras.display.labels import check_same_length

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

_BLUE, _GREY = "#0072B2", "0.45"
_MOST_POINTS = 2000


def regression_plot(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    title: str | None = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Predicted against true numbers, and beside it the residuals.

    Args:
      y_true: true numbers, in any shape.
      y_pred: predicted numbers, as many; a point each, of 2,000 at most, taken at equal distances.
      title: a line above both panels.
      path: the path of a PNG to write; no file when left out.

    Returns:
      The figure; on the line of the left panel predictions are right, on that of the right panel
      residuals (predicted - true) are 0.

    Raises:
      ImportError: matplotlib is not installed.
      ValueError: other numbers of predictions than of targets, or none.

    Example:
      >>> figure = regression_plot([1.0, 2.0, 3.0], [1.1, 1.9, 3.2])
      >>> [axes.get_title() for axes in figure.axes]
      ['predicted and true', 'residuals']
    """
    true, predicted = (np.asarray(a, np.float64).reshape(-1) for a in (y_true, y_pred))
    check_same_length(y_true=true, y_pred=predicted)
    if not len(true):
        raise ValueError("regression_plot: expected at least one example, got none.")
    step = -(-len(true) // _MOST_POINTS)
    true, predicted = true[::step], predicted[::step]
    finite = np.isfinite(true) & np.isfinite(predicted)
    true, predicted = true[finite], predicted[finite]
    figure = new_figure(9.0, 4.2 if title else 3.9, title)
    left, right = figure.subplots(1, 2)
    alpha = 0.9 if len(true) < 100 else 0.4
    left.scatter(true, predicted, s=12, color=_BLUE, alpha=alpha, linewidths=0)
    if len(true):
        ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
        left.plot(ends, ends, color=_GREY, linewidth=1, linestyle="--")
    left.set(title="predicted and true", xlabel="true", ylabel="predicted")
    right.scatter(predicted, predicted - true, s=12, color=_BLUE, alpha=alpha, linewidths=0)
    right.axhline(0, color=_GREY, linewidth=1, linestyle="--")
    right.set(title="residuals", xlabel="predicted", ylabel="predicted - true")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    return saved(figure, path)


def regression_scores(y_true: ArrayLike, y_pred: ArrayLike) -> dict[str, float]:
    """Scores of predicted numbers: "MAE", "RMSE", "R2" (NaN for equal targets) and "bias".

    Args:
      y_true: `[n]` true numbers.
      y_pred: `[n]` predicted ones.

    Example:
      >>> scores = regression_scores([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
      >>> {name: round(value, 4) for name, value in scores.items()}
      {'MAE': 0.3333, 'RMSE': 0.5774, 'R2': 0.5, 'bias': 0.3333}

    Source: `sklearn.metrics.r2_score` and its neighbours; bias is the mean of predicted - true.
    """
    true, predicted = np.asarray(y_true, np.float64), np.asarray(y_pred, np.float64)
    error = predicted - true
    spread = float(np.sum((true - true.mean()) ** 2))
    left = float(np.sum(error**2))
    return {
        "MAE": float(np.mean(np.abs(error))),
        "RMSE": float(np.sqrt(np.mean(error**2))),
        "R2": 1 - left / spread if spread else float("nan"),
        "bias": float(error.mean()),
    }
