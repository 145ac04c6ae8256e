"""The results as a picture: one panel a model, one bar a peer, in units of the base peer's time."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

from .registry import MODELS, PEERS
from .report import Medians, base, medians, ratio
from .runs import Results

LONGEST = 2.5  # a longer bar is cut off and marked, and its label says how long it is
OURS, OTHERS = "#c2410c", "#9ca3af"
COLUMNS = 4


def draw(results: Results, path: Path) -> str:
    """Draws the ratios and returns a sentence that says what became of it."""
    found = medians(results)
    panels = [model for model in MODELS if bars(found, model)]
    if importlib.util.find_spec("matplotlib") is None:
        return "No picture: matplotlib is not installed."
    if not panels:
        return "No picture: there is nobody to compare with."
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = math.ceil(len(panels) / COLUMNS)
    columns = min(COLUMNS, len(panels))
    figure, axes = pyplot.subplots(
        rows, columns, figsize=(3.1 * columns, 2.6 * rows), squeeze=False, layout="constrained"
    )
    for axis, model in zip(axes.flat, panels, strict=False):
        _panel(axis, model, bars(found, model))
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    figure.suptitle(f"Time as a multiple of {base(found)}'s (shorter is faster)", fontsize=11)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
    return f"wrote {path}"


def bars(found: Medians, model: str) -> dict[str, float]:
    """The length of each peer's bar: its epoch, or its first step, over that of the base."""
    figure = "epoch_s" if MODELS[model].trains else "first_step_s"
    ratios = {peer: ratio(found, model, peer, base(found), figure) for peer in PEERS}
    return {peer: value for peer, value in ratios.items() if value is not None}


def _panel(axis: Any, model: str, lengths: dict[str, float]) -> None:
    """One model: bars from top to bottom, each with its ratio."""
    names = list(lengths)
    cut = [min(value, LONGEST) for value in lengths.values()]
    colors = [OURS if name == "jkeras" else OTHERS for name in names]
    axis.barh(names, cut, color=colors, height=0.7)
    axis.axvline(1, color="black", linewidth=0.6)
    clear = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    for place, value in enumerate(lengths.values()):
        end = min(value, LONGEST)
        axis.text(end + 0.06, place, f"{value:.2f}", va="center", fontsize=8, bbox=clear)
        if value > LONGEST:
            axis.text(end - 0.25, place, "//", va="center", fontsize=8, color="white")
    axis.set_xlim(0, LONGEST * 1.2)
    axis.set_xticks([])
    axis.invert_yaxis()
    axis.tick_params(length=0, labelsize=8)
    axis.spines[:].set_visible(False)
    axis.set_title(model if MODELS[model].trains else f"{model}, first step", fontsize=9)
