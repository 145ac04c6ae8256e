"""The class of our figures: matplotlib's, with a picture for notebooks. It imports matplotlib."""

from __future__ import annotations

from matplotlib.figure import Figure

from jkeras.display.png import png_of


class InlineFigure(Figure):
    """A figure that a notebook shows where it is the value of a cell, or displayed: once.

    pyplot does not know it, so that nothing else shows it a second time.
    """

    def _repr_png_(self) -> bytes:
        return png_of(self)
