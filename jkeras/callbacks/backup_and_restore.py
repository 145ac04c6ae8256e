"""`BackupAndRestore`: the whole state of a run in one file, and the continuation after a crash.

Laws:
  - A run that is interrupted at any moment and started again ends with the same values, bit for
    bit, as an uninterrupted run: weights, optimizer, metrics, history, state of other callbacks.
  - The file is written atomically: it holds one complete state even if the machine stops meanwhile.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.saving_callback import checked_save_freq
from jkeras.core import locks
from jkeras.core.errors import describe, named_arguments
from jkeras.core.processes import follows
from jkeras.saving import runs


class BackupAndRestore(Callback):
    """Saves the state of training while it runs, and restores it in the next call of `fit`.

    Call `fit` again with the same model, data and arguments: training continues from the last
    backup, also in the middle of an epoch. A run that completes removes its backup; a run that
    Ctrl-C or a termination request (SIGTERM) stops writes a last backup and keeps it.

    Args:
      backup_dir: a folder for these backups alone; created if missing.
      save_freq: "epoch", or a number of batches, counted on from epoch to epoch; the steps between
        two backups are still dispatched together.
      double_checkpoint: whether to keep the last but one backup too, in case the file of the last
        backup is damaged.
      delete_checkpoint: whether a run that completes removes its backup.

    Raises:
      TypeError, ValueError: an argument has a wrong type or value; when training begins: the backup
        is damaged, or belongs to another model.
      FolderInUse: when training begins: another run is using the folder.

    Differs from Keras: the whole state is restored, also the optimizer's slots, the random key, the
    position in the data, the history and the state of other callbacks, so the run ends as if it had
    not been interrupted; only the callback's own files are removed, and not after Ctrl-C. The
    batches of an iterable before that position are read again, without training on them, unless its
    iterators have a state, as those of Grain do.

    Source: `keras.callbacks.BackupAndRestore`.
    """

    writes_files = True
    on_all_processes = True

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
        self.save_freq = checked_save_freq("BackupAndRestore", "save_freq", save_freq)
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self.boundaries = None if self.save_freq == "epoch" else self.save_freq
        self._interrupted = False
        self._lock: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Locks the folder for this run, and removes partial files that a killed run left."""
        self._interrupted = False
        self.on_leave()
        if follows():
            return
        self._lock = locks.acquire(self.backup_dir, "BackupAndRestore")
        for path in self._files():
            for unfinished in path.parent.glob(f".{path.name}.*"):
                unfinished.unlink(missing_ok=True)

    def earlier_run(self) -> Any:
        """The last backup, or the last but one if the last is damaged; None without a backup."""
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
        if not self.delete_checkpoint or self._interrupted or follows():
            return
        for path in self._files():
            path.unlink(missing_ok=True)
        self.on_leave()
        folder = Path(self.backup_dir)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def on_leave(self) -> None:
        """Unlocks the folder."""
        if self._lock is not None:
            locks.release(self._lock)
            self._lock = None

    def get_state(self) -> dict[str, Any]:
        """An empty dict: the callback itself has no state."""
        return {}

    def _files(self) -> list[Path]:
        return [Path(self.backup_dir) / name for name in (runs.LATEST, runs.PREVIOUS)]

    def _save(self) -> None:
        snapshot = self.model.snapshot()  # which all processes gather
        if not follows():
            runs.write_latest(self.backup_dir, snapshot, double=self.double_checkpoint)
