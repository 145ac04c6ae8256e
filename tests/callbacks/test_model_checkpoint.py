"""Weights in files while training runs: the decisions and lines of Keras, files of our own."""

import pathlib
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras.callbacks import CallbackList, ModelCheckpoint
from tests.callbacks.conftest import HINT, RUN, plain
from tests.golden import callbacks_runs as runs


def test_what_is_saved_and_told_is_as_in_keras(golden: dict) -> None:
    assert len(golden["checkpoint"]) == runs.CHECKPOINT_SEEDS, HINT
    for seed, expected in golden["checkpoint"].items():
        settings = runs.checkpoint_settings(int(seed))
        got = plain(runs.checkpoint(jkeras, int(seed), ".msgpack"))
        assert got == expected, f"seed {seed}, {settings}; {HINT}"


def test_the_courses_reach_every_case(golden: dict) -> None:
    lines = {line for run in golden["checkpoint"].values() for line in run["lines"]}
    wanted = {
        "loss improved from",
        "loss did not improve",
        "val_loss improved from",
        "saving model",
    }
    assert all(any(word in line for line in lines) for word in wanted)


def test_the_file_holds_the_weights_of_its_epoch(
    tmp_path: pathlib.Path, model: jkeras.Sequential
) -> None:
    path = str(tmp_path / "new" / "{epoch:02d}-{loss:.1f}.msgpack")
    saved = ModelCheckpoint(path, save_weights_only=True)
    kept: list[Any] = []
    keep = jkeras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.append(model.get_weights())
    )
    losses = model.fit(**RUN, epochs=2, callbacks=[saved, keep]).history["loss"]
    for epoch in (0, 1):
        model.load_weights(tmp_path / "new" / f"{epoch + 1:02d}-{losses[epoch]:.1f}.msgpack")
        for got, expected in zip(model.get_weights(), kept[epoch], strict=True):
            np.testing.assert_array_equal(got, expected)


def test_batches_are_watched_only_where_they_are_counted(
    tmp_path: pathlib.Path, model: jkeras.Sequential
) -> None:
    by_epoch = ModelCheckpoint("a.msgpack", save_weights_only=True)
    by_batch = ModelCheckpoint(
        tmp_path / "{epoch}-{batch}.msgpack", save_weights_only=True, save_freq=2
    )
    assert not CallbackList([by_epoch]).watches_batches("train")
    assert CallbackList([by_batch]).watches_batches("train")
    model.fit(**RUN, epochs=2, callbacks=[by_batch])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "1-2.msgpack", "2-1.msgpack", "2-3.msgpack",
    ]  # fmt: skip


def test_without_the_value_it_saves_and_says_so(
    tmp_path: pathlib.Path, model: jkeras.Sequential
) -> None:
    saved = ModelCheckpoint(
        tmp_path / "a.msgpack", "val_mse", save_weights_only=True, save_best_only=True
    )
    with pytest.warns(UserWarning) as caught:
        model.fit(**RUN, callbacks=[saved])
    assert [str(warning.message) for warning in caught] == [
        "ModelCheckpoint: `monitor` 'val_mse' is not among the logs: loss. For a `val_` value give "
        "`fit` validation data."
    ]
    assert (tmp_path / "a.msgpack").exists()


def names_an_unknown_value() -> None:
    saved = ModelCheckpoint("{val_los:.2f}.msgpack", save_weights_only=True)
    saved.set_model(runs.Watched())
    saved.on_epoch_end(0, {"loss": 1.0, "val_loss": 2.0})


WRONG = [
    (
        lambda: ModelCheckpoint("best.keras"),
        ValueError,
        "ModelCheckpoint: `save_weights_only`: expected True, because only weights can be written "
        "now, not whole models. Write ModelCheckpoint('best.msgpack', save_weights_only=True).",
    ),
    (
        lambda: ModelCheckpoint("best.weights.h5", save_weights_only=True),
        ValueError,
        "ModelCheckpoint: `filepath`: expected a name that ends with '.msgpack', the file of "
        "weights that can be written now, got 'best.weights.h5'. Write "
        "ModelCheckpoint('best.weights.msgpack', save_weights_only=True).",
    ),
    (
        lambda: ModelCheckpoint(None),
        TypeError,
        "ModelCheckpoint: `filepath`: expected a path such as 'best.msgpack', got None (NoneType).",
    ),
    (
        lambda: ModelCheckpoint("a.msgpack", save_weights_only=True, save_freq="batch"),
        ValueError,
        "ModelCheckpoint: `save_freq`: expected 'epoch' or a number of batches of at least 1, got "
        "'batch'.",
    ),
    (
        lambda: ModelCheckpoint("a.msgpack", save_weights_only=True, mode="mni"),
        ValueError,
        "ModelCheckpoint: `mode`: expected 'auto', 'min' or 'max', got 'mni'. Did you mean 'min'?",
    ),
    (
        lambda: ModelCheckpoint("a.msgpack", save_only_best=True),
        TypeError,
        "ModelCheckpoint: unexpected argument `save_only_best`. Did you mean 'save_best_only'? "
        "Arguments: filepath, monitor, verbose, save_best_only, save_weights_only, mode, "
        "save_freq, initial_value_threshold.",
    ),
    (
        names_an_unknown_value,
        ValueError,
        "ModelCheckpoint: `filepath`: '{val_los:.2f}.msgpack' names 'val_los', which is not among "
        "the values: epoch, loss, val_loss. Did you mean 'val_loss'?",
    ),
]


@pytest.mark.parametrize(("use", "kind", "message"), WRONG)
def test_wrong_uses_are_refused(use: Any, kind: type, message: str) -> None:
    with pytest.raises(kind) as caught:
        use()
    assert str(caught.value) == message


def test_a_folder_is_no_file(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "a.msgpack"
    folder.mkdir()
    with pytest.raises(ValueError) as caught:
        ModelCheckpoint(folder, save_weights_only=True)
    assert str(caught.value) == (
        f"ModelCheckpoint: `filepath`: expected a file, got the folder {str(folder)!r}."
    )
