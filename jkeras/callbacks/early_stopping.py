"""Stopping when a value no longer improves."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, Literal

from jkeras.callbacks.base import Callback, Logs
from jkeras.core.errors import nearest

Mode = Literal["auto", "min", "max"]

_RISING = ("acc", "auc", "precision", "recall", "f1", "fbeta", "iou", "top_k", "r2", "sensitivity")


def improves(monitor: str, mode: str) -> Callable[[float, float], bool]:
    """The function (value, best) -> bool that says which of two values of `monitor` is better.

    Args:
      monitor: a log name.
      mode: "min", "max", or "auto", which goes by the name: accuracies and their like rise.

    Raises:
      ValueError: another mode.
    """
    if mode not in ("auto", "min", "max"):
        raise ValueError(f"`mode`: expected 'auto', 'min' or 'max', got {mode!r}.")
    rises = mode == "max" or (mode == "auto" and any(word in monitor for word in _RISING))
    return (lambda value, best: value > best) if rises else (lambda value, best: value < best)


class EarlyStopping(Callback):
    """Ends training when `monitor` has not improved for `patience` epochs.

    Args:
      monitor: a log name, such as `"val_loss"`.
      min_delta: the least change that counts as an improvement, in the monitor's units.
      patience: epochs without improvement before stopping.
      verbose: 1 prints a line when it stops and when it restores weights.
      mode: "min", "max", or "auto" by the monitor's name.
      baseline: a value that must be beaten for an epoch to reset the wait.
      restore_best_weights: whether the model ends with the weights of its best epoch, also when
        training ends by itself.
      start_from_epoch: epochs to let pass before watching.

    Attributes:
      best: the best value so far.
      best_epoch: its epoch, from 0.
      stopped_epoch: the epoch that stopped training; 0 when none did.
      wait: epochs since the last improvement.

    A NaN is never the best value; in Keras it is when it comes first, and nothing improves on it.

    Source: `keras.callbacks.EarlyStopping`.
    """

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
        self.monitor = monitor
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._better = improves(monitor, mode)
        self._rises = self._better(1.0, 0.0)
        self._delta = abs(min_delta) if self._rises else -abs(min_delta)
        self.wait = 0
        self.stopped_epoch = 0
        self.best = -math.inf if self._rises else math.inf
        self.best_epoch = 0
        self._best_weights: list[Any] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._begin()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value = self._value(logs or {})
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self._best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self._better(value - self._delta, self.best):
            self.best = value
            self._keep(epoch)
            if self.baseline is None or self._better(value - self._delta, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self._best_weights is not None:
            if self.verbose:
                best = self.best_epoch + 1
                print(f"Restoring model weights from the end of the best epoch: {best}.")
            self.model.set_weights(self._best_weights)

    def _begin(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best = -math.inf if self._rises else math.inf
        self.best_epoch = 0
        self._best_weights = None

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self._best_weights = self.model.get_weights()

    def _value(self, logs: Logs) -> float | None:
        if self.monitor not in logs:
            validated = self.monitor.startswith("val_")
            alike = [name for name in logs if name.startswith("val_") == validated]
            warnings.warn(
                f"EarlyStopping: `monitor` {self.monitor!r} is not among the logs: "
                f"{', '.join(logs)}.{nearest(self.monitor, alike)} "
                "For a `val_` value give `fit` validation data.",
                stacklevel=2,
            )
            return None
        return float(logs[self.monitor])
