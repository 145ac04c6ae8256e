"""Private names of Keras's callbacks that its tests read, by what those of jkeras have."""

from __future__ import annotations

import json
import types
import urllib.request
from pathlib import Path
from typing import Any

import jkeras
from jkeras.callbacks.monitor import MonitorCallback
from jkeras.core.session import print_message
from jkeras.saving import runs

__all__ = ["print_message"]


def set_logging_verbosity(level: str) -> None:
    """The level of absl's messages."""
    from absl import logging

    logging.set_verbosity(getattr(logging, level))


# -- the direction of a monitor


def give_private_names() -> None:
    """Gives the class Keras's names; in a process that runs its tests alone."""
    monitor: Any = MonitorCallback
    monitor._set_monitor_op = lambda self: self.rises()
    monitor._is_improvement = MonitorCallback.improves


# -- the place of a run


class BackupAndRestore(jkeras.callbacks.BackupAndRestore):
    """With Keras's private counters of what the callback has heard, and paths of its files."""

    _current_epoch = 0
    _last_batch_seen = 0
    _weights_path = _training_metadata_path = property(lambda self: self._path(runs.LATEST))
    _prev_weights_path = _prev_training_metadata_path = property(
        lambda self: self._path(runs.PREVIOUS)
    )

    def _path(self, name: str) -> str:
        return str(Path(self.backup_dir) / name)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Counts batches."""
        self._last_batch_seen = batch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Counts epochs."""
        self._current_epoch = epoch + 1


class OrbaxCheckpoint(jkeras.callbacks.OrbaxCheckpoint):
    """With Keras's private way to save outside of a run."""

    checkpointer = property(lambda self: types.SimpleNamespace(close=self.on_train_end))

    def _save_checkpoint(self, step: int) -> None:
        del step
        self.on_train_begin()
        self._save({})


# -- what a RemoteMonitor sends, as a call of the library `requests`


class _Reply:
    def close(self) -> None:
        """Nothing."""


def _post(request: urllib.request.Request, timeout: float) -> _Reply:
    """Sends a request of JSON text by `requests.post`, which Keras's tests watch."""
    import requests

    assert isinstance(request.data, bytes)
    kind = request.headers["Content-type"]
    if kind != "application/json":
        requests.post(request.full_url, data=request.data, timeout=timeout)
    else:
        added = {name: v for name, v in request.headers.items() if name != "Content-type"}
        requests.post(request.full_url, json=json.loads(request.data), headers=added or None)
    return _Reply()


class RemoteMonitor(jkeras.callbacks.RemoteMonitor):
    """With requests that go through `requests`."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Sends the logs."""
        opened, urllib.request.urlopen = urllib.request.urlopen, _post  # type: ignore[assignment]
        try:
            super().on_epoch_end(epoch, logs)
        finally:
            urllib.request.urlopen = opened
