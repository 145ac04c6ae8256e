"""Stopping when a value no longer improves."""

from __future__ import annotations

from typing import Any

from jkeras.callbacks.base import Logs
from jkeras.callbacks.monitor import Mode, MonitorCallback
from jkeras.core.errors import named_arguments
from jkeras.core.session import print_message


class EarlyStopping(MonitorCallback):
    """Ends training when `monitor` has not improved for `patience` epochs.

    Args:
      monitor: a log name, such as `"val_loss"`.
      min_delta: the least change that counts as an improvement, in the monitor's units.
      patience: epochs without improvement before stopping.
      verbose: 1 prints a line when it stops and when it restores weights.
      mode: "min", "max", or "auto", which goes by the metric.
      baseline: a value that must be beaten for an epoch to reset the wait.
      restore_best_weights: whether the model ends with the weights of its best epoch, also when
        all epochs have run.
      start_from_epoch: the number of epochs before monitoring begins.

    Attributes:
      best: the best value so far; None before the first one.
      best_epoch: the epoch of the best value, from 0.
      best_weights: the weights of the best epoch, with `restore_best_weights`.
      stopped_epoch: the epoch in which training stopped early; 0 if training ran to the end.
      wait: epochs since the last improvement.

    A NaN is never the best value. (In Keras a first NaN is, and no later value improves on it.)

    Source: `keras.callbacks.EarlyStopping`.
    """

    @named_arguments
    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: Mode = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.wait = 0
        self.stopped_epoch = 0
        self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        super().on_train_begin(logs)
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.check_direction(logs)
        value = self.value_in(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self.improves(value, self.best):
            self.best = value
            self._keep(epoch)
            if self.baseline is None or self.improves(value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose:
            print_message(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                best = self.best_epoch + 1
                print_message(f"Restoring model weights from the end of the best epoch: {best}.")
            self.model.set_weights(self.best_weights)

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()
