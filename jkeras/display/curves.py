"""Curves of a training run over its epochs or steps, with the validation's beside the training's.

Laws:
  - Color never carries a meaning alone: dashes, markers and words repeat it.
  - What is not finite is not drawn.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from jkeras.core.errors import WrongTypeError, describe, nearest
from jkeras.display.figures import new_figure, saved
from jkeras.display.lines import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curves = Mapping[str, tuple[Sequence[int], Sequence[float]]]
"""For each log its epochs or steps, counted from 1, and its values there."""

_BLUE, _RED = "#0072B2", "#C00000"
_MOST_MARKED = 30


def curves_figure(
    curves: Curves,
    path: str | os.PathLike[str] | None = None,
    *,
    title: str | None = None,
    unit: str = "epoch",
    best: Mapping[str, int] | None = None,
    log_scale: bool = False,
) -> Figure:
    """One panel for each metric, with its validation curve dashed beside it.

    Args:
      curves: the logs; `val_loss` joins the panel of `loss`.
      path: the path of a PNG to write; no file when left out.
      title: a line above all panels.
      unit: what the horizontal axes count.
      best: for each log the index of its best value; a star marks that of the validation, or where
        there is none that of the training.
      log_scale: whether vertical axes are logarithmic, where any value is above 0.

    Raises:
      ImportError: matplotlib is not installed.

    Example:
      >>> figure = curves_figure({"loss": ([1, 2], [0.6, 0.3]), "val_loss": ([2], [0.4])})
      >>> [axes.get_title() for axes in figure.axes]
      ['loss']
    """
    names = list(dict.fromkeys(name.removeprefix("val_") for name in curves))
    columns = min(len(names), 3)
    rows = math.ceil(len(names) / columns)
    figure = new_figure(5.0 * columns, 3.6 * rows + (0.4 if title else 0.0), title)
    for index, name in enumerate(names):
        axes = figure.add_subplot(rows, columns, index + 1)
        _draw_pair(axes, curves, name, unit, best or {})
        if log_scale and any(
            value > 0 for key in (name, f"val_{name}") for value in curves.get(key, ((), ()))[1]
        ):
            axes.set_yscale("log")
    return saved(figure, path)


def chosen_curves(who: str, curves: Curves, metrics: str | Sequence[str] | None) -> Curves:
    """The curves of some metrics, in their order, each with its validation's; all for None.

    Args:
      who: the function that was called, for errors.
      curves: the logs.
      metrics: names of logs, with or without `val_`.

    Raises:
      TypeError: `metrics` are no names.
      ValueError: no log has such a name.

    Example:
      >>> loss = ([1], [0.5])
      >>> list(chosen_curves("plot", {"accuracy": loss, "loss": loss, "val_loss": loss}, "loss"))
      ['loss', 'val_loss']
    """
    found: dict[str, tuple[Sequence[int], Sequence[float]]] = {}
    for metric in curves if metrics is None else checked_metrics(who, metrics) or ():
        name = metric.removeprefix("val_")
        pair = {key: curves[key] for key in (name, f"val_{name}") if key in curves}
        if not pair:
            raise ValueError(
                f"{who}: `metrics`: expected names among {', '.join(curves)}, got {metric!r}."
                f"{nearest(metric, curves)}"
            )
        found |= pair
    return found


def checked_metrics(who: str, metrics: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Names of logs as a tuple; None for all.

    Raises:
      TypeError: they are no names.
      ValueError: there is none.
    """
    if metrics is None:
        return None
    names = (metrics,) if isinstance(metrics, str) else metrics
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise WrongTypeError(
            f"{who}: `metrics`: expected names of logs such as ['loss', 'accuracy'], got "
            f"{describe(metrics)}."
        )
    if not names:
        raise ValueError(f"{who}: `metrics`: expected at least one name, got none.")
    return tuple(names)


def _draw_pair(axes: Axes, curves: Curves, name: str, unit: str, best: Mapping[str, int]) -> None:
    """Draws a metric's curve and its validation's."""
    from matplotlib.ticker import MaxNLocator

    styles = {name: ("training", "-", _BLUE), f"val_{name}": ("validation", "--", "white")}
    shown = [key for key in styles if key in curves]
    last = max(max(curves[key][0], default=1) for key in shown)
    few = max(len(curves[key][0]) for key in shown) <= _MOST_MARKED
    for key in shown:
        label, dashes, inside = styles[key]
        places, values = (np.asarray(part, np.float64) for part in curves[key])
        known = np.isfinite(values)
        axes.plot(
            places[known], values[known], color=_BLUE, linestyle=dashes, marker="o" if few else "",
            markerfacecolor=inside, markersize=5, label=label,
        )  # fmt: skip
    if shown[-1] in best:
        index = best[shown[-1]]
        place, value = (part[index] for part in curves[shown[-1]])
        axes.plot(
            [place], [value], color=_RED, linestyle="", marker="*", markersize=13,
            label=f"best: {format_number(value)} ({unit} {place})",
        )  # fmt: skip
    axes.set_title(name)
    axes.set_xlabel(unit)
    axes.set_xlim(0.5, last + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
    axes.legend()
