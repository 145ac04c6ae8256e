"""Changing the learning rate between epochs: by a function of the epoch, or when nothing improves.

Both set `model.optimizer.learning_rate`, an array in the optimizer's state, so nothing is compiled
again; both write the rate into the logs, as `learning_rate`. For a `MultiOptimizer` they set the
rate of every optimizer, and log each under the name of its optimizer: `learning_rate_adam`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.monitor import Mode, MonitorCallback
from jkeras.core.errors import WrongTypeError, describe, named_arguments
from jkeras.core.session import print_message
from jkeras.core.trees import widest_float


def holders_of(model: Any) -> dict[str, Any]:
    """The objects with a learning rate, by name: the optimizer (under ""), each optimizer of a
    `MultiOptimizer`, or, for a transformation of optax, which has no such attribute, the model.
    """
    several = getattr(model.optimizer, "optimizers", None)
    if several is not None:
        return {part.name: part for part in several}
    return {"": model.optimizer if hasattr(model.optimizer, "learning_rate") else model}


def rates_of(model: Any) -> dict[str, float]:
    """The rate of the next update as the log `learning_rate`, or of each optimizer."""
    return {
        f"learning_rate_{name}" if name else "learning_rate": float(holder.learning_rate)
        for name, holder in holders_of(model).items()
    }


class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of every epoch.

    Args:
      schedule: a function (epoch from 0, rate now) -> new rate, or of the epoch alone.
      verbose: 1 prints a line each epoch.

    Raises:
      TypeError: `schedule` is not a function; while training: `schedule` returns no number.

    Differs from Keras: any real number is taken as a rate, arrays without axes included, and a
    TypeError inside `schedule` is not mistaken for a function of one argument.

    Source: `keras.callbacks.LearningRateScheduler`.
    """

    @named_arguments
    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        if not callable(schedule):
            raise WrongTypeError(
                "LearningRateScheduler: `schedule`: expected a function (epoch, learning_rate) -> "
                f"learning_rate, got {describe(schedule)}."
            )
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        for name, holder in holders_of(self.model).items():
            if _accepts_two(self.schedule):
                rate = self.schedule(epoch, float(holder.learning_rate))
            else:
                rate = self.schedule(epoch)
            is_scalar = getattr(rate, "shape", None) == () and np.dtype(rate.dtype).kind in "iufV"
            if isinstance(rate, bool) or not (isinstance(rate, int | float) or is_scalar):
                raise WrongTypeError(
                    "LearningRateScheduler: `schedule`: expected it to return a number, got "
                    f"{describe(rate)} for epoch {epoch}. Write return learning_rate."
                )
            holder.learning_rate = float(rate)
            if self.verbose > 0:
                what = f"{name} learning rate".strip()
                print_message(
                    f"\nEpoch {epoch + 1}: LearningRateScheduler setting {what} to {rate}."
                )

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs.update(rates_of(self.model))


class ReduceLROnPlateau(MonitorCallback):
    """Lowers the learning rate when `monitor` has not improved for `patience` epochs.

    Args:
      monitor: a log name, such as `"val_loss"`.
      factor: the new rate is the old one times this, below 1.
      patience: epochs without improvement before lowering.
      verbose: 1 prints a line when the rate is lowered.
      mode: "min", "max", or "auto", which goes by the metric.
      min_delta: the least change that counts as an improvement, in the monitor's units.
      cooldown: epochs to wait after lowering before counting again.
      min_lr: the rate is never set below this.

    Attributes:
      best: the best value so far; None before the first one.
      wait: epochs since the last improvement.
      cooldown_counter: the remaining epochs to wait after lowering.

    Raises:
      ValueError: `factor` is not in [0, 1).

    Source: `keras.callbacks.ReduceLROnPlateau`.
    """

    @named_arguments
    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: Mode = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        if not 0 <= factor < 1:
            raise ValueError(
                "ReduceLROnPlateau: `factor`: expected a number of at least 0 and below 1, which "
                f"the rate is multiplied by, got {factor!r}."
            )
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.cooldown_counter = 0
        self.wait = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        super().on_train_begin(logs)
        self.best = None
        self.cooldown_counter = 0
        self.wait = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = {} if logs is None else logs
        logs.update(rates_of(self.model))
        self.check_direction(logs)
        value = self.value_in(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improves(value, self.best):
            self.best = value
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._lower(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def in_cooldown(self) -> bool:
        """Whether the callback still waits after it has lowered the rate."""
        return self.cooldown_counter > 0

    def _lower(self, epoch: int) -> bool:
        """Lowers each rate above `min_lr`; returns whether a rate has changed."""
        lowered = False
        for name, holder in holders_of(self.model).items():
            old = float(holder.learning_rate)
            if old <= widest_float().type(self.min_lr):
                continue
            new = max(old * self.factor, self.min_lr)
            holder.learning_rate, lowered = new, True
            if self.verbose > 0:
                what = f"{name} learning rate".strip()
                print_message(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing {what} to {new}.")
        return lowered


def _accepts_two(function: Callable[..., Any]) -> bool:
    """Whether a function accepts two positional arguments; True without a known signature."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(0, 0.0)
    except TypeError:
        return False
    return True
