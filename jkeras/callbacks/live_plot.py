"""`LivePlot`: learning curves while training runs, in a notebook or in a file."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from jkeras.callbacks.base import Callback, Logs
from jkeras.core.errors import WrongTypeError, describe, named_arguments, nearest
from jkeras.display.curves import checked_metrics, chosen_curves, curves_figure
from jkeras.display.figures import check_matplotlib
from jkeras.display.notebook import LiveDisplay, kernel_shell

_LEAST_SECONDS, _SHARE = 1.0, 0.05
"""The least time between two drawings, and the largest share of the time that drawing takes."""


class LivePlot(Callback):
    """Draws the learning curves while `fit` runs: in one place of a notebook, or as a PNG.

    Drawing begins after a second, and takes a twentieth of the time at most; the curves at the end
    of training are always drawn. It stops no step: with a number as `every` it reads means over the
    epoch so far, where these are at hand.

    Args:
      metrics: names of logs, such as ["loss", "accuracy"], each drawn with its validation's; all
        when left out.
      every: "epoch" for a point after every epoch, or a number of steps for a point after so many.
      path: a .png file that is written anew each time, as a whole; when left out, the notebook
        shows the curves below the cell.
      log_scale: whether the vertical axes are logarithmic.

    Raises:
      ImportError: matplotlib is not installed.
      TypeError, ValueError: an argument has a wrong type or value, or there is no `path` outside of
        a notebook.

    Example:
      >>> import jkeras, numpy as np, pathlib, tempfile
      >>> model = jkeras.Sequential([jkeras.layers.Dense(1)])
      >>> model.compile("sgd", "mse")
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     live = LivePlot(path=f"{folder}/curves.png")
      ...     _ = model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=2, verbose=0, callbacks=live)
      ...     pathlib.Path(live.path).read_bytes()[1:4]
      b'PNG'
    """

    async_safe = True

    @named_arguments
    def __init__(
        self,
        metrics: str | Sequence[str] | None = None,
        every: int | Literal["epoch"] = "epoch",
        path: str | os.PathLike[str] | None = None,
        log_scale: bool = False,
    ) -> None:
        self.metrics = checked_metrics("LivePlot", metrics)
        is_number = isinstance(every, int) and not isinstance(every, bool) and every > 0
        if every != "epoch" and not is_number:
            raise ValueError(
                "LivePlot: `every`: expected 'epoch' or a number of steps of at least 1, got "
                f"{describe(every)}."
            )
        self.every = every
        self.path = None if path is None else _png_path(path)
        if self.path is None and kernel_shell() is None:
            raise ValueError(
                "LivePlot: `path`: expected the path of a PNG, because curves are only shown in a "
                "notebook, got None. Write LivePlot(path='curves.png')."
            )
        check_matplotlib("LivePlot")
        self.log_scale = log_scale
        self.writes_files = self.path is not None
        self._display = LiveDisplay()
        self._curves: dict[str, tuple[list[int], list[float]]] = {}
        self._steps = self._reached = 0
        self._next_drawing = 0.0
        self._has_warned = self._has_drawn = False
        self._is_drawn = True

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._display, self._curves = LiveDisplay(), {}
        self._steps = self._reached = 0
        self._has_warned, self._is_drawn = False, True
        self._next_drawing = time.perf_counter() + _LEAST_SECONDS

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._reached = self._steps

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Adds a point when `every` steps have passed since the last one."""
        self._steps = self._reached + batch + 1
        if isinstance(self.every, int) and self._steps - self._last_step() >= self.every:
            self._add(self._steps, logs)
            self._draw()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._add(epoch + 1 if self.every == "epoch" else self._steps, logs)
        self._warn_of_unknown()
        self._draw()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._draw(is_last=True)

    def get_state(self) -> dict[str, Any]:
        curves = {name: [places, values] for name, (places, values) in self._curves.items()}
        return {"curves": curves, "steps": self._steps, "reached": self._reached}

    def set_state(self, state: dict[str, Any]) -> None:
        self._curves = {name: (pair[0], pair[1]) for name, pair in state["curves"].items()}
        self._steps, self._reached, self._is_drawn = state["steps"], state["reached"], False

    def _last_step(self) -> int:
        return max((places[-1] for places, _ in self._curves.values()), default=0)

    def _add(self, place: int, logs: Logs | None) -> None:
        """Adds the logs that are numbers to the curves, at an epoch or a step."""
        self._is_drawn = False
        for name, value in (logs or {}).items():
            if isinstance(value, int | float):
                places, values = self._curves.setdefault(name, ([], []))
                if places[-1:] == [place]:  # the epoch's end, where the last step made a point
                    values[-1] = value
                else:
                    places.append(place)
                    values.append(value)

    def _warn_of_unknown(self) -> None:
        """Warns once of metrics that are no logs."""
        known = {name.removeprefix("val_") for name in self._curves}
        unknown = [m for m in self.metrics or () if m.removeprefix("val_") not in known]
        if unknown and not self._has_warned:
            self._has_warned = True
            warnings.warn(
                f"LivePlot: `metrics`: {unknown[0]!r} is not among the logs: "
                f"{', '.join(self._curves)}.{nearest(unknown[0], self._curves)}",
                stacklevel=3,
            )

    def _draw(self, *, is_last: bool = False) -> None:
        """Draws the curves, unless the last drawing was a short time ago."""
        known = {name.removeprefix("val_") for name in self._curves}
        names = [m for m in self.metrics or self._curves if m.removeprefix("val_") in known]
        start = time.perf_counter()
        if not names or self._is_drawn or (start < self._next_drawing and not is_last):
            return
        figure = curves_figure(
            chosen_curves("LivePlot", self._curves, names),
            self.path,
            unit="epoch" if self.every == "epoch" else "step",
            log_scale=self.log_scale,
        )
        if self.path is None:
            self._display.show(figure)
        end = time.perf_counter()
        # The first drawing takes longer: it loads fonts.
        wait = (end - start) / _SHARE if self._has_drawn else 0.0
        self._next_drawing = end + max(_LEAST_SECONDS, wait)
        self._is_drawn = self._has_drawn = True


def _png_path(path: str | os.PathLike[str]) -> str:
    """The path as text.

    Raises:
      TypeError: it is no path.
      ValueError: it does not end in .png.
    """
    if not isinstance(path, str | os.PathLike):
        raise WrongTypeError(
            f"LivePlot: `path`: expected a path such as 'curves.png', got {describe(path)}."
        )
    text = os.fspath(path)
    if Path(text).suffix.lower() != ".png":
        raise ValueError(
            f"LivePlot: `path`: expected a file that ends in .png, got {text!r}. "
            f"Write path={str(Path(text).with_suffix('.png'))!r}."
        )
    return text
