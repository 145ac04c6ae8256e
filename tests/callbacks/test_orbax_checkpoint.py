"""All that a run is, written by Orbax while the run goes on, and gone on from."""

import os
import pathlib
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras.callbacks import CallbackList, OrbaxCheckpoint
from jkeras.core import locks
from jkeras.core.locks import FolderInUse
from jkeras.saving import orbax_files
from tests.callbacks.conftest import RUN


class Fault(Exception):
    """What ends a run here."""


class Faulty(jkeras.callbacks.Callback):
    """Raises after so many steps."""

    def __init__(self, after: int) -> None:
        self.boundaries = after

    def on_boundary(self, batch: int, logs: Any = None) -> None:
        raise Fault


class Interrupting(jkeras.callbacks.Callback):
    """Presses Ctrl-C after so many steps."""

    def __init__(self, after: int) -> None:
        self.boundaries = after

    def on_boundary(self, batch: int, logs: Any = None) -> None:
        os.kill(os.getpid(), 2)


def names(folder: pathlib.Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def same_values(got: dict[str, Any], expected: dict[str, Any]) -> None:
    """Compares the values of two snapshots, bit for bit."""
    assert list(got["values"]) == list(expected["values"])
    for name, value in expected["values"].items():
        np.testing.assert_array_equal(got["values"][name], value, err_msg=name)


@pytest.mark.parametrize(("settings", "after"), [({"save_freq": 2}, 5), ({}, 4)])
def test_a_run_goes_on_as_if_nothing_had_happened(
    tmp_path: pathlib.Path, model: jkeras.Sequential, settings: dict[str, Any], after: int
) -> None:
    begin = model.train_state
    expected = model.fit(**RUN, epochs=3).history, model.snapshot()
    model.train_state = begin
    with pytest.raises(Fault):
        model.fit(**RUN, epochs=3, callbacks=[OrbaxCheckpoint(tmp_path, **settings), Faulty(after)])
    model.train_state = begin
    saved = OrbaxCheckpoint(tmp_path, **settings)
    history = model.fit(**RUN, epochs=3, callbacks=[saved], resume_from=tmp_path).history
    assert history == expected[0]
    same_values(model.snapshot(), expected[1])
    assert names(tmp_path) == (["8"] if settings else ["9"])


@pytest.mark.parametrize("settings", [{"save_freq": 2}, {}])
def test_a_damaged_checkpoint_is_made_anew(
    tmp_path: pathlib.Path, model: jkeras.Sequential, settings: dict[str, Any]
) -> None:
    begin = model.train_state
    saved = OrbaxCheckpoint(tmp_path, max_to_keep=2, **settings)
    model.fit(**RUN, epochs=3, callbacks=[saved])
    expected, last = model.snapshot(), names(tmp_path)[-1]
    (tmp_path / last / "value" / "metadata").write_text("{}")
    model.train_state = begin
    with pytest.warns(UserWarning, match="is taken instead"):
        model.fit(**RUN, epochs=3, callbacks=[saved], resume_from=tmp_path)
    same_values(model.snapshot(), expected)
    assert names(tmp_path)[-1] == last and orbax_files.load_tree(tmp_path / last)


def test_after_ctrl_c_there_is_a_last_one(tmp_path: pathlib.Path, model: jkeras.Sequential) -> None:
    saved = OrbaxCheckpoint(tmp_path, max_to_keep=None)
    model.fit(**RUN, epochs=3, callbacks=[saved, Interrupting(3)])
    assert names(tmp_path) == ["3"]
    model.fit(**RUN, epochs=3, callbacks=[saved, Interrupting(4)], resume_from=tmp_path)
    assert names(tmp_path) == ["3", "4"]
    best = OrbaxCheckpoint(tmp_path / "best", "loss", save_best_only=True)
    model.fit(**RUN, callbacks=[best, Interrupting(1)])
    assert names(tmp_path / "best") == []


def test_weights_alone(tmp_path: pathlib.Path, model: jkeras.Sequential) -> None:
    saved = OrbaxCheckpoint(tmp_path, save_weights_only=True, save_on_background=False)
    kept: list[Any] = []
    keep = jkeras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.append(model.get_weights())
    )
    model.fit(**RUN, epochs=2, callbacks=[saved, keep])
    assert orbax_files.restore_latest(tmp_path).keys() == {
        "params/dense/kernel",
        "params/dense/bias",
    }
    assert model.load_weights(tmp_path).complete
    for got, expected in zip(model.get_weights(), kept[1], strict=True):
        np.testing.assert_array_equal(got, expected)


class Course:
    """What the callback needs of a model in a made-up course of epochs."""

    train_state = type("", (), {"step": 0})
    step = 0

    def snapshot(self, *, with_model: bool = False) -> dict[str, Any]:
        """One that has nothing but its step."""
        assert with_model
        return {"values": {"step": np.int32(self.step)}}

    def run(self, callback: OrbaxCheckpoint, losses: list[float | None]) -> None:
        """Epochs of ten steps with these values of `val_loss`."""
        listed = CallbackList([callback], model=self, epochs=len(losses))
        listed.on_train_begin()
        for epoch, loss in enumerate(losses):
            listed.on_epoch_begin(epoch)
            self.step += 10
            listed.on_epoch_end(epoch, {"loss": 1.0} if loss is None else {"val_loss": loss})
            listed.pause("epoch")
        listed.on_train_end()


def test_only_the_best_are_saved(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = OrbaxCheckpoint(
        tmp_path, save_best_only=True, max_to_keep=None, verbose=1, initial_value_threshold=2.5
    )
    Course().run(saved, [3.0, 2.0, 2.0, float("nan"), 1.0])
    assert names(tmp_path) == ["20", "50"] and saved.get_state() == {"best": 1.0}
    assert capsys.readouterr().out.splitlines()[1::2] == [
        "Epoch 1: val_loss did not improve from 2.50000",
        f"Epoch 2: val_loss improved from 2.50000 to 2.00000, saving to {tmp_path}",
        "Epoch 3: val_loss did not improve from 2.00000",
        "Epoch 4: val_loss did not improve from 2.00000",
        f"Epoch 5: val_loss improved from 2.00000 to 1.00000, saving to {tmp_path}",
    ]


def test_without_the_value_nothing_is_saved(tmp_path: pathlib.Path) -> None:
    """As in Keras: the best would be removed for what nobody knows to be better."""
    saved = OrbaxCheckpoint(tmp_path, save_best_only=True)
    with pytest.warns(UserWarning) as caught:
        Course().run(saved, [1.0, None])
    assert names(tmp_path) == ["10"]
    assert [str(warning.message) for warning in caught] == [
        "OrbaxCheckpoint: `monitor` 'val_loss' is not among the logs: loss. For a `val_` value "
        "give `fit` validation data."
    ]


def test_a_folder_of_a_run_that_went_further_is_refused(tmp_path: pathlib.Path) -> None:
    Course().run(OrbaxCheckpoint(tmp_path), [1.0, 1.0])
    with pytest.raises(ValueError) as caught:
        Course().run(OrbaxCheckpoint(tmp_path), [1.0])
    assert str(caught.value) == (
        "OrbaxCheckpoint: `directory`: expected no checkpoints behind update 0, where this run "
        f"begins, got one of update 20 in {str(tmp_path)!r}. Go on with that run: fit(..., "
        f"resume_from={str(tmp_path)!r}); or choose another folder."
    )
    assert names(tmp_path) == ["20"]


def test_batches_are_counted_without_being_watched(tmp_path: pathlib.Path) -> None:
    assert not CallbackList([OrbaxCheckpoint(tmp_path, save_freq=3)]).watches_batches("train")


def test_one_folder_is_for_one_callback_of_a_run(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what a run of this process that failed still holds is given to the next."""
    wait = locks.acquire
    monkeypatch.setattr(locks, "acquire", lambda path, who, timeout: wait(path, who, timeout=0))
    model: Any = Course()
    first, second = OrbaxCheckpoint(tmp_path), OrbaxCheckpoint(tmp_path)
    listed = CallbackList([first, second], model=model, epochs=1)
    with pytest.raises(FolderInUse):
        listed.on_train_begin()
    listed.leave()
    model.run(second, [1.0])
    assert names(tmp_path) == ["10"]


def test_an_error_of_the_writer_ends_training(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Filling(OrbaxCheckpoint):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            super().on_epoch_begin(epoch, logs)
            if epoch == 1:
                self.wait_until_finished()
                assert self._manager is not None
                monkeypatch.setattr(self._manager._orbax, "save", lambda *args, **kwargs: 1 / 0)

    with pytest.raises(OSError) as caught:
        Course().run(Filling(tmp_path), [1.0, 1.0, 1.0, 1.0])
    assert str(caught.value) == (
        f"OrbaxCheckpoint: expected to write the checkpoint of step 20 to {str(tmp_path)!r}, got: "
        "division by zero. Earlier checkpoints are whole: 10."
    )


def file_of(folder: pathlib.Path) -> str:
    (folder / "a").write_text("")
    return str(folder / "a")


WRONG = [
    (
        lambda folder: OrbaxCheckpoint(None),  # type: ignore[arg-type]
        TypeError,
        "OrbaxCheckpoint: `directory`: expected the path of a folder, got None (NoneType).",
    ),
    (
        lambda folder: OrbaxCheckpoint(file_of(folder)),
        ValueError,
        "OrbaxCheckpoint: `directory`: expected a folder, got the file '{folder}/a'. For weights "
        "in one file use ModelCheckpoint.",
    ),
    (
        lambda folder: OrbaxCheckpoint(folder, max_to_keep=0),
        ValueError,
        "OrbaxCheckpoint: `max_to_keep`: expected at least 1, got 0.",
    ),
    (
        lambda folder: OrbaxCheckpoint(folder, save_freq=0),
        ValueError,
        "OrbaxCheckpoint: `save_freq`: expected 'epoch' or a number of batches of at least 1, got "
        "0.",
    ),
    (
        lambda folder: OrbaxCheckpoint(filepath=folder),  # type: ignore[call-arg]
        TypeError,
        "OrbaxCheckpoint: unexpected argument `filepath`. Arguments: directory, monitor, verbose, "
        "save_best_only, mode, save_freq, initial_value_threshold, max_to_keep, "
        "save_on_background, save_weights_only.",
    ),
]


@pytest.mark.parametrize(("use", "kind", "message"), WRONG)
def test_wrong_uses_are_refused(
    tmp_path: pathlib.Path, use: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        use(tmp_path)
    assert str(caught.value) == message.replace("{folder}", str(tmp_path))
