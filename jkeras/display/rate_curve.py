"""The figure of a search for a learning rate: losses over rates."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from jkeras.display.figures import new_figure, saved

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BLUE, _GREY = "#0072B2", "0.75"
_MARKERS = ("o", "s", "D", "^")


def rate_curve(
    rates: np.ndarray,
    losses: np.ndarray,
    smoothed: np.ndarray,
    marks: Mapping[str, float | None],
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """The losses and their average over the rates, on a logarithmic axis.

    Args:
      rates, losses, smoothed: `[steps]` each, at least one step.
      marks: rates to mark on the average, by name; None for one that there is not.
      path: the path of a PNG to write; no file when left out.

    Raises:
      ImportError: matplotlib is not installed.
      ValueError: there is no step.
    """
    if not len(rates):
        raise ValueError("rate_curve: expected at least one step, got none.")
    figure = new_figure(6.0, 4.0)
    axes = figure.add_subplot()
    axes.plot(rates, losses, color=_GREY, label="loss of the batch")
    axes.plot(rates, smoothed, color=_BLUE, label="moving average")
    for (name, rate), marker in zip(marks.items(), _MARKERS, strict=False):
        if rate is not None:
            height = smoothed[np.abs(np.asarray(rates) - rate).argmin()]
            axes.plot(
                [rate], [height], linestyle="", marker=marker, color="black",
                label=f"{name} {rate:.3g}",
            )  # fmt: skip
    axes.set_xscale("log")
    low, high = float(np.min(smoothed)), float(max(smoothed[0], np.median(losses)))
    room = 0.15 * ((high - low) or 1.0)
    axes.set_ylim(low - room, high + 3 * room)
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss")
    axes.grid(alpha=0.3)
    axes.legend()
    return saved(figure, path)
