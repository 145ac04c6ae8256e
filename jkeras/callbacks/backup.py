"""Going on after a crash: all of training's values in one file, and back from it.

Laws:
  - A run that is cut off after an epoch and started again ends with the values, bit for bit, of one
    that was not: weights, optimizer, random key, order of the data.
  - The file holds one moment of training, whole, also when the machine stops while it is written.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import saving
from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.batches import Every, checked_frequency
from jkeras.core.errors import describe, named_arguments


class BackupAndRestore(Callback):
    """Saves the state of training as it goes, and takes it up again when `fit` is called anew.

    Call `fit` with the same model, data and arguments: it begins with the epoch after the last one
    that was saved. When a run ends by itself, its backup is removed; one that Ctrl-C or an error
    ended keeps it.

    Args:
      backup_dir: a folder of its own; made when it is missing.
      save_freq: "epoch", or a number of batches, counted on from epoch to epoch. What is saved
        within an epoch is taken up at the beginning of that epoch, as in Keras: its batches come
        again, for the weights that have seen some of them. Only "epoch" is exact.
      double_checkpoint: keep the backup before the last one too, for the case that the file of the
        last one is damaged.
      delete_checkpoint: whether a run that ends by itself removes its backup.

    Raises:
      TypeError, ValueError: an argument is none of these; when training begins: the backup is
        damaged, or another model's.

    Differs from Keras: the optimizer's slots, the random key and the order of the data come back
    too; only the callback's own files are removed, and not after Ctrl-C. Epochs of an iterable are
    passed over without reading it.

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
        self._latest = Path(backup_dir) / "latest.msgpack"
        self._previous = Path(backup_dir) / "previous.msgpack"
        self._epoch = 0
        if self.save_freq != "epoch":
            self._every = Every(self.save_freq)
            # Not a method of the class: whoever has one watches every batch.
            self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Takes up the last backup, if there is one."""
        self._epoch = self.model.initial_epoch
        self.model.reset_metrics()  # so that its sums have the shapes they had when saved
        found = self._load()
        if found is not None:
            values, key = found["values"], found["key"]
            old = self.model.train_state
            key = jax.random.wrap_key_data(jnp.asarray(key), impl=jax.random.key_impl(old.key))
            new = jax.tree.map(jnp.asarray, values)
            self.model.train_state = old.replace(**new, key=key)
            self._epoch = self.model.initial_epoch = int(found["epoch"])

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch + 1
        if self.save_freq == "epoch":
            self._save()

    def on_train_end(self, logs: Logs | None = None) -> None:
        done = self._epoch >= (self.params or {}).get("epochs", 0)
        if self.delete_checkpoint and (done or self.model.stop_training):
            self._latest.unlink(missing_ok=True)
            self._previous.unlink(missing_ok=True)
            folder = Path(self.backup_dir)
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _after_batch(self, batch: int, logs: Logs | None = None) -> None:
        if self._every.due(batch):
            self._save()

    def _save(self) -> None:
        if self.double_checkpoint and self._latest.exists():
            os.replace(self._latest, self._previous)
        saving.save(self._latest, self._content(self._epoch))

    def _content(self, epoch: int) -> dict[str, Any]:
        """What the file holds: every value of training, and the number of the epoch to go on with.

        The key stands apart, as its numbers.
        """
        state = self.model.train_state
        names = [name for name in vars(state) if name != "key"]
        return {
            "epoch": np.int32(epoch),
            "key": np.asarray(jax.random.key_data(state.key)),
            "values": {name: getattr(state, name) for name in names},
        }

    def _load(self) -> dict[str, Any] | None:
        """The last backup, or the one before it where the last cannot be read; None for none."""
        like = self._content(0)
        errors: list[Exception] = []
        for path in (self._latest, self._previous):
            if path.exists():
                try:
                    found: dict[str, Any] = saving.load(path, like)
                except (OSError, ValueError) as error:
                    errors.append(error)
                else:
                    self._warn_of(errors)
                    return found
        if errors:
            raise errors[0]
        return None

    def _warn_of(self, errors: list[Exception]) -> None:
        for error in errors:
            warnings.warn(
                f"BackupAndRestore: {error} Training goes on from the backup before it.",
                stacklevel=4,
            )
