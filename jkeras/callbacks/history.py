"""`History`: the logs of every epoch."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.monitor import best_index
from jkeras.display.curves import Curves, chosen_curves, curves_figure
from jkeras.display.html import run_html
from jkeras.display.lines import format_number

if TYPE_CHECKING:
    from jkeras.display.figures import Figure


class History(Callback):
    """The logs of every epoch, as `fit` returns them; also `model.history`, from the run's start.

    A `History` among the `callbacks` of `fit` is the one that `fit` returns; over several runs its
    lists grow. A notebook shows it as a table with its curves.

    Attributes:
      history: log name -> one float per epoch: `{"accuracy": […], "loss": […], "val_loss": […]}`.
      epoch: the numbers of the epochs, from 0.
      interrupted: whether Ctrl-C ended the run before its last epoch.
      seconds: the time of each epoch that this process ran, with its validation.
      data: what `fit` was given: `examples`, `batch_size`, `arrays`, `classes`, ….

    Source: `keras.callbacks.History`.
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []
        self.interrupted = False
        self.seconds: list[float] = []
        self.data: dict[str, Any] = {}
        self._begun: float | None = None
        self._places: dict[str, list[int]] = {}

    def set_model(self, model: Any) -> None:
        """Sets `model.history` to this object."""
        super().set_model(model)
        model.history = self

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch = []
        self.interrupted = False
        self.seconds = []

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._begun = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self._begun is not None:
            self.seconds.append(time.perf_counter() - self._begun)
            self._begun = None
        self.epoch.append(epoch)
        place = 1 + max((places[-1] for places in self._places.values()), default=0)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
            self._places.setdefault(name, []).append(place)

    def get_state(self) -> dict[str, Any]:
        return {"history": self.history, "epoch": self.epoch, "_places": self._places}

    def state_after(self, epoch: int, logs: Logs) -> dict[str, Any]:
        """What `get_state` will return after this `on_epoch_end`, which is still to come."""
        after = copy.copy(self)
        after.history, after.epoch = copy.deepcopy(self.history), list(self.epoch)
        after._places, after._begun = copy.deepcopy(self._places), None
        after.on_epoch_end(epoch, logs)
        return after.get_state()

    # -- what is shown

    def curves(self) -> Curves:
        """For each log that is a number: the epochs with a value, counted from 1 over all runs, and
        its values.
        """
        curves: dict[str, tuple[Sequence[int], Sequence[float]]] = {}
        for name, values in self.history.items():
            places = self._places.get(name, [])
            if values and all(isinstance(value, int | float) for value in values):
                known = places if len(places) == len(values) else range(1, len(values) + 1)
                curves[name] = known, values
        return curves

    def plot(
        self,
        metrics: str | Sequence[str] | None = None,
        *,
        log_scale: bool = False,
        title: str | None = None,
        path: str | os.PathLike[str] | None = None,
    ) -> Figure:
        """Draws the learning curves: a panel for each metric, training beside validation, with
        a star at the best epoch.

        Args:
          metrics: names of logs, such as "loss" or ["loss", "accuracy"]; all when left out.
          log_scale: whether the vertical axes are logarithmic.
          title: a line above all panels.
          path: the path of a PNG to write; no file when left out.

        Returns:
          The figure. A notebook shows it where it is the last value of a cell, else by
          `display(figure)`.

        Raises:
          ImportError: matplotlib is not installed.
          TypeError, ValueError: `metrics` are no names of logs, or there is no epoch yet.
        """
        curves = self.curves()
        if not curves and any(map(len, self.history.values())):
            raise ValueError(
                "History.plot: expected one number an epoch, got a list, with one for each member "
                "of a population. Draw a member: population.member(0).history.plot()."
            )
        if not curves:
            raise ValueError(
                "History.plot: expected at least one epoch with logs, got none. Call `fit` first."
            )
        curves = chosen_curves("History.plot", curves, metrics)
        best = self._best(curves)
        return curves_figure(curves, path, title=title, best=best, log_scale=log_scale)

    def _best(self, curves: Curves) -> dict[str, int]:
        """For each curve whose direction is known the index of its best value."""
        metrics = getattr(self.model, "metrics", ())
        found = {name: best_index(name, values, metrics) for name, (_, values) in curves.items()}
        return {name: index for name, index in found.items() if index is not None}

    def __repr__(self) -> str:
        curves = self.curves()
        last = ", ".join(f"{n} {format_number(values[-1])}" for n, (_, values) in curves.items())
        return f"<{self._length()}{', ' * bool(last)}{last}>"

    def _repr_html_(self) -> str:
        curves = self.curves()
        return run_html(curves, self._best(curves), title=self._length())

    def _length(self) -> str:
        count = len(self.epoch)
        stopped = ", interrupted" if self.interrupted else ""
        return f"{type(self).__name__}: {count} epoch{'s' * (count != 1)}{stopped}"
