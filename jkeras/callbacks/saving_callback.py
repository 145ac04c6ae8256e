"""The base of callbacks that save: always, or only when a monitored value has improved."""

from __future__ import annotations

from typing import Any, Literal

from jkeras.callbacks.base import Logs
from jkeras.callbacks.monitor import Mode, MonitorCallback
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.session import print_message


class SavingCallback(MonitorCallback):
    """Base of callbacks that save and print a line about it.

    Args:
      monitor: a log name, such as `"val_loss"`.
      mode: "min", "max", or "auto", which goes by the metric.
      threshold: the value that `monitor` has to beat before anything is saved.
      save_best_only: save only when `monitor` has improved.
      verbose: 1 prints a line about each decision.
      save_freq: "epoch", or the number of batches from one call of `on_boundary` to the next.
    """

    writes_files = True
    on_all_processes = True

    def __init__(
        self,
        monitor: str,
        mode: Mode,
        threshold: float | None,
        save_best_only: bool,
        verbose: int,
        save_freq: int | Literal["epoch"],
    ) -> None:
        super().__init__(monitor, mode, threshold)
        self.save_best_only = save_best_only
        self.verbose = verbose
        self.save_freq = checked_save_freq(type(self).__name__, "save_freq", save_freq)
        self.boundaries = None if self.save_freq == "epoch" else self.save_freq

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if self.save_best_only:
            super().on_train_begin(logs)

    def get_state(self) -> dict[str, Any]:
        return {"best": self.best}

    def should_save(self, epoch: int, logs: Logs, saving: str, *, unwatched: bool) -> bool:
        """Whether to save now; updates `best` if the value has improved.

        Args:
          epoch: from 0.
          logs: the logs of the epoch so far.
          saving: the action, in words for the printed line: "saving to runs/7".
          unwatched: the return value if `monitor` is not among the logs.
        """
        if not self.save_best_only:
            self.print_line(epoch, saving)
            return True
        value = self.value_in(logs)
        if value is None:
            return unwatched
        best = "None" if self.best is None else f"{self.best:.5f}"
        if not self.improves(value, self.best):
            self.print_line(epoch, f"{self.monitor} did not improve from {best}")
            return False
        self.print_line(epoch, f"{self.monitor} improved from {best} to {value:.5f}, {saving}")
        self.best = value
        return True

    def print_line(self, epoch: int, what: str) -> None:
        """Prints a line about an epoch, counted from 0."""
        if self.verbose > 0:
            print_message(f"\nEpoch {epoch + 1}: {what}")


def checked_save_freq(who: str, name: str, value: object) -> Any:
    """`value`, if it is "epoch" or a number of batches.

    Raises:
      TypeError: `value` is neither a string nor an integer.
      ValueError: `value` is a string other than "epoch", or less than 1.
    """
    what = f"{who}: `{name}`: expected 'epoch' or a number of batches of at least 1"
    if value == "epoch":
        return value
    if isinstance(value, str) or (hasattr(value, "__index__") and int(value) < 1):
        raise ValueError(f"{what}, got {value!r}.")
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise WrongTypeError(f"{what}, got {describe(value)}.")
    return int(value)
