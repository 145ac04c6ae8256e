"""Creating and saving figures; with `inline_figure`, where matplotlib is imported.

A figure is a `matplotlib.figure.Figure`, created without pyplot, so there are no global figures, no
windows, and no display is needed. A notebook shows it where it is the value of a cell.

Laws:
  - matplotlib is imported when a figure is created, not before.
  - A PNG is written atomically.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from jkeras.core.folders import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 120


def check_matplotlib(who: str = "jkeras.display") -> None:
    """Raises an ImportError of `who` unless matplotlib is installed."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{who}: figures need matplotlib, which is not installed. "
            'Install it with: pip install "jkeras[plots]"'
        ) from error


def new_figure(width: float, height: float, title: str | None = None) -> Figure:
    """An empty figure, at least 2.5 inches wide.

    Args:
      width: in inches.
      height: in inches.
      title: a line above all panels.

    Raises:
      ImportError: matplotlib is not installed.

    Example:
      >>> new_figure(4.0, 3.0).get_size_inches().tolist()
      [4.0, 3.0]
    """
    check_matplotlib()
    from jkeras.display.inline_figure import InlineFigure

    figure = InlineFigure(figsize=(max(width, 2.5), height), dpi=_DPI, layout="compressed")
    if title:
        figure.suptitle(title)
    return figure


def saved(figure: Figure, path: str | os.PathLike[str] | None) -> Figure:
    """Writes the figure to `path` as a PNG, unless `path` is None, and returns the figure."""
    if path is not None:
        atomic_write(Path(path), lambda file: figure.savefig(file, format="png", dpi=_DPI))
    return figure
