"""`History`: the logs of every epoch."""

from __future__ import annotations

import time
from typing import Any

from jkeras.callbacks.base import Callback, Logs


class History(Callback):
    """The logs of every epoch, as `fit` returns them; also `model.history`, from the run's start.

    A `History` among the `callbacks` of `fit` is the one that `fit` returns; over several runs its
    lists grow.

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
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def get_state(self) -> dict[str, Any]:
        return {"history": self.history, "epoch": self.epoch}
