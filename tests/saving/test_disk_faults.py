"""A full disk or a refused write, at each step of each writer: the file that was there stays whole.

The disk is full where the system says so: `RLIMIT_FSIZE` lets no file of this process grow beyond a
size, for writers in C too. The other faults are raised by the functions that writing goes through.
"""

import contextlib
import errno
import functools
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import callbacks, layers, saving
from jkeras.core import folders
from jkeras.saving import runs
from jkeras.saving.orbax_manager import Manager

resource = pytest.importorskip("resource", reason="only Unix limits the size of files")


@functools.cache
def model() -> jkeras.Sequential:
    made = jkeras.Sequential([layers.Input((20,)), layers.Dense(50), layers.Dense(2)], seed=0)
    made.compile("adam", "mse")
    made.build()
    return made


def set_to(number: float) -> None:
    """Makes every weight this number."""
    made = model()
    made.params = jax.tree.map(lambda leaf: np.full_like(leaf, number), made.params)


def with_csv(path: Path) -> None:
    logger = callbacks.CSVLogger(path)
    number = float(model().get_weights()[1][0])
    logger.set_state({"keys": ["loss"], "text": f"epoch,loss\n0,{number}\n" * 400})


def with_checkpoint(path: Path) -> None:
    checkpoint = callbacks.ModelCheckpoint(path, save_weights_only=True)
    checkpoint.set_model(model())
    checkpoint.on_train_begin()
    checkpoint.on_epoch_end(0, {"loss": 1.0})


WRITERS: dict[str, Callable[[Path], Any]] = {
    "weights.safetensors": lambda path: model().save_weights(path),
    "weights.msgpack": lambda path: model().save_weights(path),
    "model.weights.h5": lambda path: model().save_weights(path),
    "model.keras": lambda path: model().save(path),
    "best.safetensors": with_checkpoint,
    "tree.msgpack": lambda path: saving.save(path, model().params),
    "latest.safetensors": lambda path: runs.write_latest(
        path.parent, model().snapshot(), double=False
    ),
    "log.csv": with_csv,
}


@contextlib.contextmanager
def room(count: int) -> Iterator[None]:
    """No file may grow beyond `count` bytes."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))
        signal.signal(signal.SIGXFSZ, handler)


@contextlib.contextmanager
def refused(module: Any, name: str, code: int) -> Iterator[None]:
    """A function of the system refuses with this error."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        names = [os.fspath(arg) for arg in args if isinstance(arg, str | Path)]
        raise OSError(code, os.strerror(code), *names[:1])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, refuse, raising=False)
        yield


FAULTS: dict[str, Callable[[int], contextlib.AbstractContextManager[None]]] = {
    "no room at all": lambda size: room(0),
    "room for half": lambda size: room(size // 2),
    "room for all but a byte": lambda size: room(size - 1),
    "not flushed": lambda size: refused(folders.os, "fsync", errno.EIO),
    "not renamed": lambda size: refused(folders.os, "replace", errno.EACCES),
    "not opened": lambda size: refused(folders, "open", errno.EACCES),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", WRITERS)
def test_the_file_that_was_there_stays(name: str, fault: str, tmp_path: Path) -> None:
    path, write = tmp_path / name, WRITERS[name]
    set_to(1.0)
    write(path)
    before = path.read_bytes()
    set_to(2.0)
    with pytest.raises(OSError) as error, FAULTS[fault](len(before)):
        write(path)
    assert str(path.parent) in str(error.value)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [name]
    write(path)
    assert path.read_bytes() != before


def test_a_folder_of_checkpoints_keeps_those_that_were_there(tmp_path: Path) -> None:
    with Manager(tmp_path, max_to_keep=3) as manager:
        manager.save(1, {"a": np.arange(5000.0)})
        manager.wait()
    with pytest.raises((OSError, ValueError)), Manager(tmp_path, max_to_keep=3) as manager:
        with room(1000):
            manager.save(2, {"a": np.arange(5000.0)[::-1]})
            manager.wait()
    with Manager(tmp_path) as manager:
        assert manager.steps() == [1]
        assert np.array_equal(manager.restore("latest")["a"], np.arange(5000.0))


def test_training_goes_on_from_the_backup_that_a_full_disk_left(tmp_path: Path) -> None:
    x, y = np.ones((8, 20), np.float32), np.ones((8, 2), np.float32)
    made = model()
    run = {"x": x, "y": y, "batch_size": 4, "epochs": 3, "verbose": 0}
    set_to(0.1)
    start = made.train_state
    expected = made.fit(**run).history

    class Full(callbacks.Callback):
        """From the second epoch on there is no room."""

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                full.enter_context(room(100))

    made.train_state = start
    with contextlib.ExitStack() as full, pytest.raises(OSError):
        made.fit(**run, callbacks=[Full(), callbacks.BackupAndRestore(tmp_path)])
    made.train_state = start
    history = made.fit(**run, callbacks=[callbacks.BackupAndRestore(tmp_path)])
    assert (history.epoch, history.history) == ([0, 1, 2], expected)
