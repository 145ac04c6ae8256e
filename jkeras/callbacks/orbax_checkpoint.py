"""`OrbaxCheckpoint`: the whole state of a run, written by Orbax in the background.

Laws:
  - `fit(resume_from=directory)` continues from the latest checkpoint with the same results, bit for
    bit, as an uninterrupted run.
  - A checkpoint is written atomically; a failed write leaves the earlier checkpoints intact.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Literal

from jkeras.callbacks.base import Logs
from jkeras.callbacks.monitor import Mode
from jkeras.callbacks.saving_callback import SavingCallback
from jkeras.core.errors import WrongTypeError, describe, named_arguments
from jkeras.core.processes import current
from jkeras.saving.orbax_manager import Manager, checked_count


class OrbaxCheckpoint(SavingCallback):
    """Saves the state of training after every epoch, or after every n batches, in the background.

    Each checkpoint is a folder in `directory`, named after the number of updates so far. It holds
    weights, optimizer, metrics, history, the position in the data, and the state of other
    callbacks. `fit(resume_from=directory)` continues from the latest checkpoint, also in the middle
    of an epoch, `model.load_weights(directory)` reads its weights, and
    `jkeras.models.load_model(directory)` the whole model.

    The end of training waits for the last checkpoint. A failed write raises at the next checkpoint,
    or at the end of training.

    Args:
      directory: a folder for these checkpoints alone; created if missing.
      monitor: a log name, such as `"val_loss"`.
      verbose: 1 prints a line about each decision.
      save_best_only: save only when `monitor` has improved.
      mode: "min", "max", or "auto", which goes by the metric.
      save_freq: "epoch", or a number of batches, counted on from epoch to epoch; the steps between
        two checkpoints are still dispatched together. After Ctrl-C or a request to end there is one
        more, unless `save_best_only`.
      initial_value_threshold: the value that `monitor` has to beat before anything is saved.
      max_to_keep: the number of latest checkpoints that are kept; None for all.
      save_on_background: whether training continues while a checkpoint is written.
      save_weights_only: save `params` and `state` alone; `resume_from` needs more than these.

    Raises:
      TypeError, ValueError: an argument has a wrong type or value; when training begins: the folder
        has checkpoints of a run with more updates.
      FolderInUse: when training begins: another run writes to the folder.
      OSError: while training: a checkpoint could not be written.

    Differs from Keras: a checkpoint has the whole state, not weights and optimizer alone; its
    number counts updates, not epochs, so that a second `fit` continues the numbers; a failed write
    raises an error.

    Source: `keras.callbacks.OrbaxCheckpoint`.
    """

    @named_arguments
    def __init__(
        self,
        directory: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: Mode = "auto",
        save_freq: int | Literal["epoch"] = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = 1,
        save_on_background: bool = True,
        save_weights_only: bool = False,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold, save_best_only, verbose, save_freq)
        self.directory = _checked_folder(directory)
        if max_to_keep is not None:
            checked_count("OrbaxCheckpoint", "max_to_keep", max_to_keep)
        self.max_to_keep = max_to_keep
        self.save_on_background = save_on_background
        self.save_weights_only = save_weights_only
        self._manager: Manager | None = None
        self._logs: Logs | None = None
        self._epoch: int | None = None
        self._saved: int | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Locks the folder for this run."""
        super().on_train_begin(logs)
        self.on_leave()
        self._manager = Manager(
            self.directory,
            max_to_keep=self.max_to_keep,
            background=self.save_on_background,
            who="OrbaxCheckpoint",
        )
        self._logs = self._epoch = self._saved = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Raises if the run begins before the latest checkpoint, which is from another run."""
        run = getattr(self.model, "_run", None)
        # In the middle of an epoch the values of a continued run are restored after this hook.
        if self._epoch is None and not getattr(run, "batch", 0):
            assert self._manager is not None, "on_train_begin opens the manager"
            now = int(self.model.train_state.step)
            if later := self._manager.readable(now + 1):
                self._close()
                raise ValueError(
                    "OrbaxCheckpoint: `directory`: expected no checkpoints behind update "
                    f"{now}, where this run begins, got one of update {later[-1]} in "
                    f"{self.directory!r}. Go on with that run: fit(..., "
                    f"resume_from={self.directory!r}); or choose another folder."
                )
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Decides whether to save; `on_pause` saves, after `on_epoch_end` of all callbacks."""
        if self.save_freq == "epoch" and self._decides(epoch, logs):
            self._logs = logs or {}

    def on_boundary(self, batch: int, logs: Logs | None = None) -> None:
        if self._decides(self._epoch or 0, logs):
            self._save(logs or {})

    def on_pause(self, reason: str) -> None:
        if self._logs is not None:
            self._save(self._logs)
        elif reason == "interrupt" and not self.save_best_only:
            self._save({})
        self._logs = None

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Waits for the last checkpoint, and unlocks the folder."""
        self._close()

    def wait_until_finished(self) -> None:
        """Waits until the last checkpoint is written.

        Raises:
          OSError: the last checkpoint could not be written; earlier checkpoints are intact.
        """
        if self._manager is not None:
            self._manager.wait()

    def on_leave(self) -> None:
        """Unlocks the folder; a failed write is only a warning here, after another error."""
        try:
            self._close()
        except OSError as error:
            warnings.warn(str(error), stacklevel=2)

    def _close(self) -> None:
        manager, self._manager = self._manager, None
        if manager is not None:
            manager.close()

    def _decides(self, epoch: int, logs: Logs | None) -> bool:
        return self.should_save(epoch, logs or {}, f"saving to {self.directory}", unwatched=False)

    def _save(self, logs: Logs) -> None:
        assert self._manager is not None, "on_train_begin opens the manager"
        parts = {"whole": False} if current().several else {}  # each process writes its own
        value = self.model.snapshot(with_model=not self.save_weights_only, **parts)
        step = int(value["values"]["step"])
        if step == self._saved or step in self._manager.readable(step):
            return  # the same values: the run was interrupted where it had just saved
        self._saved = step
        if self.save_weights_only:
            weights = ("params/", "state/")
            value = {n: v for n, v in value["values"].items() if n.startswith(weights)}
        numbers = {name: float(v) for name, v in logs.items() if isinstance(v, int | float)}
        self._manager.save(step, value, numbers)


def _checked_folder(directory: object) -> str:
    if not isinstance(directory, str | os.PathLike) or not os.fspath(directory):
        raise WrongTypeError(
            f"OrbaxCheckpoint: `directory`: expected the path of a folder, got "
            f"{describe(directory)}."
        )
    path = os.fspath(directory)
    if Path(path).is_file():
        raise ValueError(
            f"OrbaxCheckpoint: `directory`: expected a folder, got the file {path!r}. For weights "
            "in one file use ModelCheckpoint."
        )
    return path
