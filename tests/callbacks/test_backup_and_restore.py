"""After a crash: an interrupted run ends with the values of an uninterrupted one."""

import functools
import pathlib
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras.callbacks import BackupAndRestore, Callback, CallbackList
from jkeras.core import locks
from tests.callbacks.conftest import RUN


class Crash(Callback):
    """Fails at the beginning of an epoch, or after a batch of it."""

    def __init__(self, epoch: int, batch: int | None = None) -> None:
        self.epoch, self.batch = epoch, batch
        self.now = 0
        if batch is not None:
            self.on_train_batch_end = self.after_batch  # type: ignore[method-assign]

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.now = epoch
        if epoch == self.epoch and self.batch is None:
            raise RuntimeError("power cut")

    def after_batch(self, batch: int, logs: dict | None = None) -> None:
        if (self.now, batch) == (self.epoch, self.batch):
            raise RuntimeError("power cut")


def values(model: jkeras.Sequential) -> Any:
    state = model.train_state
    return state.replace(key=jax.random.key_data(state.key))


def crashed(model: jkeras.Sequential, backup: BackupAndRestore, crash: Crash, **run: Any) -> None:
    """Leaves a backup behind, and the model with other values."""
    start = model.train_state
    with pytest.raises(RuntimeError, match=r"^power cut"):
        model.fit(**RUN, epochs=4, callbacks=[backup, crash], **run)
    model.train_state = start.replace(
        params=jax.tree.map(lambda a: a + 1, start.params), key=jax.random.key(7)
    )


@pytest.mark.parametrize("run", [{}, {"steps_per_epoch": 1}], ids=["whole", "steps"])
@pytest.mark.parametrize("double", [False, True])
def test_after_a_crash_between_epochs_all_values_are_the_same(
    double: bool, run: dict, model: jkeras.Sequential, tmp_path: pathlib.Path
) -> None:
    start = model.train_state
    expected = model.fit(**RUN, epochs=4, **run).history["loss"], values(model)
    model.train_state = start
    backup = BackupAndRestore(tmp_path / "b", double_checkpoint=double)
    crashed(model, backup, Crash(2), **run)
    names = ["latest.safetensors", "previous.safetensors"][: 1 + double]
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == names
    history = model.fit(**RUN, epochs=4, callbacks=[BackupAndRestore(tmp_path / "b")], **run)
    assert history.epoch == [0, 1, 2, 3] and history.history["loss"] == expected[0]
    jax.tree.map(np.testing.assert_array_equal, values(model), expected[1])


def test_within_an_epoch_it_goes_on_with_the_step_that_comes(
    model: jkeras.Sequential, tmp_path: pathlib.Path
) -> None:
    start = model.train_state
    expected = model.fit(**RUN, epochs=4), values(model)
    model.train_state = start
    backup = BackupAndRestore(tmp_path / "b", save_freq=2)
    assert not CallbackList([backup]).watches_batches("train")
    crashed(model, backup, Crash(1, batch=1))  # the second backup is of epoch 1, behind batch 0
    history = model.fit(**RUN, epochs=4, callbacks=[BackupAndRestore(tmp_path / "b")])
    assert (history.epoch, history.history) == (expected[0].epoch, expected[0].history)
    jax.tree.map(np.testing.assert_array_equal, values(model), expected[1])


def test_what_a_killed_run_left_unfinished_is_cleared_away(
    model: jkeras.Sequential, tmp_path: pathlib.Path
) -> None:
    left = tmp_path / ".latest.safetensors.0123456789abcdef"
    left.write_bytes(b"half a file")
    model.fit(**RUN, callbacks=[BackupAndRestore(tmp_path, delete_checkpoint=False)])
    assert [path.name for path in tmp_path.iterdir()] == ["latest.safetensors"]


def test_two_runs_in_one_folder_are_told_apart(
    model: jkeras.Sequential, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = functools.partial(locks.acquire, timeout=0)
    monkeypatch.setattr("jkeras.callbacks.backup_and_restore.locks.acquire", taken)
    with locks.folder_lock(tmp_path, "the other"), pytest.raises(locks.FolderInUse) as error:
        model.fit(**RUN, callbacks=[BackupAndRestore(tmp_path)])
    assert str(error.value).startswith(f"BackupAndRestore: expected the folder {str(tmp_path)!r}")
    model.fit(**RUN, callbacks=[BackupAndRestore(tmp_path)])  # the lock is gone


def test_a_run_that_ends_by_itself_removes_its_files_and_no_others(
    model: jkeras.Sequential, tmp_path: pathlib.Path
) -> None:
    other = tmp_path / "a" / "notes.txt"
    other.parent.mkdir()
    other.write_text("mine")
    for name in "ab":
        model.fit(**RUN, epochs=2, callbacks=[BackupAndRestore(tmp_path / name)])
    assert list(tmp_path.rglob("*")) == [tmp_path / "a", other]
    model.fit(**RUN, callbacks=[BackupAndRestore(tmp_path / "c", delete_checkpoint=False)])
    assert (tmp_path / "c" / "latest.safetensors").exists()


def test_ctrl_c_keeps_the_backup(
    model: jkeras.Sequential, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import signal

    def interrupt(epoch: int, logs: dict) -> None:
        if epoch == 1:
            signal.raise_signal(signal.SIGINT)

    press = jkeras.callbacks.LambdaCallback(on_epoch_end=interrupt)
    backup = BackupAndRestore(tmp_path)
    assert model.fit(**RUN, epochs=4, callbacks=[backup, press]).interrupted
    assert (tmp_path / "latest.safetensors").exists()
    assert model.fit(**RUN, epochs=4, callbacks=[backup]).epoch == [0, 1, 2, 3]


def test_a_damaged_backup_is_told_and_the_one_before_it_used(
    model: jkeras.Sequential, tmp_path: pathlib.Path
) -> None:
    crashed(model, BackupAndRestore(tmp_path, double_checkpoint=True), Crash(3))
    latest = tmp_path / "latest.safetensors"
    latest.write_bytes(latest.read_bytes()[:100])
    with pytest.warns(UserWarning) as caught:
        history = model.fit(**RUN, epochs=4, callbacks=[BackupAndRestore(tmp_path)])
    assert history.epoch == [0, 1, 2, 3]
    fault = (
        "expected a whole file of the safetensors format, but its header is damaged ({}). The file "
        "has {} bytes."
    )
    assert [str(warning.message) for warning in caught] == [
        f"BackupAndRestore: {latest}: {fault.format('invalid header length', 100)} Training goes "
        "on from the backup before it."
    ]
    tmp_path.mkdir()
    latest.write_bytes(b"")
    with pytest.raises(ValueError) as error:
        model.fit(**RUN, epochs=4, callbacks=[BackupAndRestore(tmp_path)])
    assert str(error.value) == f"{latest}: {fault.format('header too small', 0)}"


def test_the_backup_of_another_model_is_refused(
    model: jkeras.Sequential, tmp_path: pathlib.Path
) -> None:
    crashed(model, BackupAndRestore(tmp_path), Crash(1))
    other = jkeras.Sequential([jkeras.layers.Dense(1)], seed=0)
    other.compile("sgd", "mse")
    with pytest.raises(ValueError) as error:
        other.fit(**RUN, callbacks=[BackupAndRestore(tmp_path)])
    assert str(error.value) == (
        f"Sequential {other.name!r}: {tmp_path / 'latest.safetensors'}: the checkpoint is of "
        "another model: the checkpoint has opt_state/hyperparams/momentum, and the model does "
        "not. Make the model and compile it as in the run that wrote it."
    )


@pytest.mark.parametrize(("folder", "got"), [("", "'' (str)"), (None, "None (NoneType)")])
def test_a_folder_is_needed(folder: Any, got: str) -> None:
    with pytest.raises(ValueError) as error:
        BackupAndRestore(folder)
    assert str(error.value) == (
        f"BackupAndRestore: `backup_dir`: expected the path of a folder, got {got}."
    )
