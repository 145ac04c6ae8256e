"""Going on after a crash: all that a run is in one file, and back from it.

Laws:
  - A run that is cut off at any moment and started again ends with the values, bit for bit, of one
    that was not: weights, optimizer, metrics, history, what other callbacks remember.
  - The file holds one moment of training, whole, also when the machine stops while it is written.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.batches import checked_frequency
from jkeras.core import locks
from jkeras.core.errors import describe, named_arguments
from jkeras.saving import runs


class BackupAndRestore(Callback):
    """Saves the state of training as it goes, and takes it up again when `fit` is called anew.

    Call `fit` with the same model, data and arguments: it goes on where the last backup was made,
    in the middle of an epoch too. When a run ends by itself, its backup is removed; one that Ctrl-C
    or a request to end (SIGTERM) stops makes a last one, and keeps it.

    Args:
      backup_dir: a folder of its own; made when it is missing.
      save_freq: "epoch", or a number of batches, counted on from epoch to epoch; the steps between
        two backups are still dispatched together.
      double_checkpoint: keep the backup before the last one too, for the case that the file of the
        last one is damaged.
      delete_checkpoint: whether a run that ends by itself removes its backup.

    Raises:
      TypeError, ValueError: an argument is none of these; when training begins: the backup is
        damaged, or another model's.
      FolderInUse: when training begins: another run has the folder.

    Differs from Keras: everything comes back, also the optimizer's slots, the random key, the place
    in the data, the history and what other callbacks remember, so the run ends as if it had not
    been interrupted; only the callback's own files are removed, and not after Ctrl-C. What an
    iterable gave before is read again, without training.

    Source: `keras.callbacks.BackupAndRestore`.
    """

    @named_arguments
    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: int | Literal["epoch"] = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        if not isinstance(backup_dir, str | os.PathLike) or not os.fspath(backup_dir):
            raise ValueError(
                "BackupAndRestore: `backup_dir`: expected the path of a folder, got "
                f"{describe(backup_dir)}."
            )
        self.backup_dir = backup_dir
        self.save_freq = checked_frequency("BackupAndRestore", "save_freq", save_freq)
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self.boundaries = None if self.save_freq == "epoch" else self.save_freq
        self._interrupted = False
        self._lock: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Takes the folder for this run, and clears away what a run that was killed left of a file
        it was writing.
        """
        self._interrupted = False
        self.on_leave()
        self._lock = locks.acquire(self.backup_dir, "BackupAndRestore")
        for path in self._files():
            for unfinished in path.parent.glob(f".{path.name}.*"):
                unfinished.unlink(missing_ok=True)

    def earlier_run(self) -> Any:
        """The last backup, or the one before it where the last cannot be read; None for none."""
        if not any(path.exists() for path in self._files()):
            return None
        return runs.read_latest(self.backup_dir, "BackupAndRestore")

    def on_boundary(self, batch: int, logs: Logs | None = None) -> None:
        self._save()

    def on_pause(self, reason: str) -> None:
        self._interrupted = reason == "interrupt"
        if self._interrupted or self.save_freq == "epoch":
            self._save()

    def on_train_end(self, logs: Logs | None = None) -> None:
        if not self.delete_checkpoint or self._interrupted:
            return
        for path in self._files():
            path.unlink(missing_ok=True)
        self.on_leave()
        folder = Path(self.backup_dir)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def on_leave(self) -> None:
        """Gives the folder back."""
        if self._lock is not None:
            locks.release(self._lock)
            self._lock = None

    def get_state(self) -> dict[str, Any]:
        """Nothing: it keeps the others'."""
        return {}

    def _files(self) -> list[Path]:
        return [Path(self.backup_dir) / name for name in (runs.LATEST, runs.PREVIOUS)]

    def _save(self) -> None:
        runs.write_latest(self.backup_dir, self.model.snapshot(), double=self.double_checkpoint)
