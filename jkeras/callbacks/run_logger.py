"""The base of callbacks that report runs of `fit` to a service: what is reported, and when.

Laws:
  - Steps are not slowed down: their logs are read once a dispatch, when it is over (`async_safe`).
  - A run that the callback opens is closed, whatever ends the training; one that is open already is
    reported to, and left open.
"""

from __future__ import annotations

import os
import tempfile
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Literal

from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.hyperparameters import flat, hyperparameters
from jkeras.callbacks.learning_rate import rates_of
from jkeras.callbacks.saving_callback import checked_save_freq
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.processes import follows

Outcome = Literal["finished", "failed", "interrupted"]


class RunLogger(Callback):
    """Base of the loggers: the logs and the learning rate of every epoch, and hyper-parameters.

    Args:
      config: more hyper-parameters; nested dicts are flattened.
      log_every: "epoch", or also the logs of the epoch so far after every so many steps: at most
        once for each dispatch of many steps, so that training is not slowed down.
      save_model: also keep the trained model, as a `.keras` file.

    Raises:
      TypeError, ValueError: an argument has a wrong type or value.
    """

    async_safe = True
    writes_files = True
    on_all_processes = True

    def __init__(
        self, config: Mapping[str, Any] | None, log_every: int | Literal["epoch"], save_model: bool
    ) -> None:
        who = type(self).__name__
        if config is not None and not isinstance(config, Mapping):
            raise WrongTypeError(
                f"{who}: `config`: expected a dict of hyper-parameters, got {describe(config)}."
            )
        if not isinstance(save_model, bool):
            raise WrongTypeError(
                f"{who}: `save_model`: expected True or False, got {describe(save_model)}."
            )
        self.config = None if config is None else dict(config)
        self.log_every = checked_save_freq(who, "log_every", log_every)
        self.save_model = save_model
        self._facts: dict[str, Any] = {}
        self._is_open = self._was_interrupted = False
        self._earlier = self._done = self._logged = 0
        if self.log_every != "epoch":
            # Not a method of the class: a callback with this method hears of every dispatch.
            self.on_train_batch_end = self._end_dispatch  # type: ignore[method-assign]

    # -- what a service does

    @abstractmethod
    def open_run(self, values: dict[str, Any]) -> None:
        """Opens a run, or takes the one that is open, and reports the hyper-parameters."""

    @abstractmethod
    def report(self, kind: Literal["epoch", "batch"], number: int, logs: dict[str, float]) -> None:
        """Reports the logs of an epoch, counted from 0, or of the steps so far, from 1."""

    @abstractmethod
    def report_model(self, path: str) -> None:
        """Keeps the file of the trained model."""

    @abstractmethod
    def close_run(self, outcome: Outcome) -> None:
        """Closes the run, if it was opened here."""

    # -- when

    def set_run(self, facts: dict[str, Any]) -> None:
        self._facts = facts

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._earlier = self._done = self._logged = 0
        self._was_interrupted = False
        values = hyperparameters(self, self._facts) | flat(self.config or {})
        if not follows():
            self.open_run(values)
            self._is_open = True

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._earlier, self._done = self._earlier + self._done, 0
        try:
            rates = rates_of(self.model)
        except AttributeError:  # an optax optimizer without such an attribute
            rates = {}
        if self._is_open:
            self.report("epoch", epoch, numbers(logs) | rates)

    def on_pause(self, reason: str) -> None:
        self._was_interrupted = self._was_interrupted or reason == "interrupt"

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.save_model:
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, f"{self.model.name}.keras")
                self.model.save(path)
                if self._is_open:
                    self.report_model(path)
        self._close("interrupted" if self._was_interrupted else "finished")

    def on_leave(self) -> None:
        self._close("failed")  # where the training came to its end, the run is closed already

    def get_state(self) -> dict[str, Any]:
        """An empty dict: a run of the service is no part of a checkpoint."""
        return {}

    def _end_dispatch(self, batch: int, logs: Logs | None = None) -> None:
        self._done = batch + 1
        step = self._earlier + self._done
        if self._is_open and step - self._logged >= self.log_every:
            self._logged = step
            self.report("batch", step, numbers(logs))

    def _close(self, outcome: Outcome) -> None:
        if self._is_open:
            self._is_open = False
            self.close_run(outcome)


def numbers(logs: Logs | None) -> dict[str, float]:
    """The logs that are single numbers."""
    return {name: value for name, value in (logs or {}).items() if isinstance(value, int | float)}


def checked_text(who: str, **values: object) -> None:
    """Raises a TypeError unless every value is None or a string that is not empty."""
    for name, value in values.items():
        if value is not None and not (isinstance(value, str) and value):
            raise WrongTypeError(f"{who}: `{name}`: expected a name, got {describe(value)}.")
