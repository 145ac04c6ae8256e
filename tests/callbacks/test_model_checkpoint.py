"""Models and weights in files while training runs: the decisions and lines of Keras."""

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


@pytest.mark.parametrize("ending", [".msgpack", ".safetensors", ".weights.h5"])
def test_the_file_holds_the_weights_of_its_epoch(
    tmp_path: pathlib.Path, model: jkeras.Sequential, ending: str
) -> None:
    path = str(tmp_path / "new" / ("{epoch:02d}-{loss:.1f}" + ending))
    saved = ModelCheckpoint(path, save_weights_only=True)
    kept: list[Any] = []
    keep = jkeras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.append(model.get_weights())
    )
    losses = model.fit(**RUN, epochs=2, callbacks=[saved, keep]).history["loss"]
    for epoch in (0, 1):
        model.load_weights(tmp_path / "new" / f"{epoch + 1:02d}-{losses[epoch]:.1f}{ending}")
        for got, expected in zip(model.get_weights(), kept[epoch], strict=True):
            np.testing.assert_array_equal(got, expected)


def test_whole_models_are_saved(tmp_path: pathlib.Path, model: jkeras.Sequential) -> None:
    kept: list[Any] = []
    keep = jkeras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.append(model.get_weights())
    )
    model.fit(**RUN, callbacks=[ModelCheckpoint(tmp_path / "{epoch:02d}.keras"), keep])
    loaded = jkeras.models.load_model(tmp_path / "01.keras")
    for got, expected in zip(loaded.get_weights(), kept[0], strict=True):
        np.testing.assert_array_equal(got, expected)


def test_batches_are_counted_without_being_watched(
    tmp_path: pathlib.Path, model: jkeras.Sequential
) -> None:
    """And the logs of a file's name are those that a callback for every batch is given."""
    path = tmp_path / "{epoch}-{batch}-{loss:.9f}.msgpack"
    by_batch = ModelCheckpoint(path, save_weights_only=True, save_freq=2)
    assert not CallbackList([by_batch]).watches_batches("train")
    before = model.train_state
    model.fit(**RUN, epochs=2, callbacks=[by_batch])
    seen: list[str] = []
    model.train_state = before
    watch = jkeras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(f"-{batch + 1}-{logs['loss']:.9f}")
    )
    model.fit(**RUN, epochs=2, callbacks=[watch])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"1{seen[1]}.msgpack", f"2{seen[3]}.msgpack", f"2{seen[5]}.msgpack",
    ]  # fmt: skip


def test_a_run_that_goes_on_knows_the_best_value(
    tmp_path: pathlib.Path, model: jkeras.Sequential
) -> None:
    path = tmp_path / "a.msgpack"
    settings: Any = {"monitor": "loss", "save_weights_only": True, "save_best_only": True}
    taken: list[Any] = []
    keep = jkeras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)
    keep.on_pause = lambda reason: taken.append(model.snapshot())  # type: ignore[method-assign]
    first = ModelCheckpoint(path, **settings)
    model.fit(**RUN, callbacks=[first, keep])
    assert first.best is not None and first.get_state() == {"best": first.best}
    second = ModelCheckpoint(path, **settings)
    model.fit(**RUN, callbacks=[second, keep], resume_from=taken[0])
    assert second.best == first.best


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
        lambda: ModelCheckpoint("best.weights.h5"),
        ValueError,
        "ModelCheckpoint: `filepath`: expected a name that ends with '.keras', because whole "
        "models are saved, got 'best.weights.h5'. Write ModelCheckpoint('best.keras'), or for "
        "weights alone ModelCheckpoint('best.weights.h5', save_weights_only=True).",
    ),
    (
        lambda: ModelCheckpoint("best.h5"),
        ValueError,
        "ModelCheckpoint: `filepath`: expected a name that ends with '.keras', because whole "
        "models are saved, got 'best.h5'. Write ModelCheckpoint('best.keras').",
    ),
    (
        lambda: ModelCheckpoint("{epoch}-{loss:.2f}.keras", save_weights_only=True),
        ValueError,
        "ModelCheckpoint: `filepath`: expected a name that ends with '.weights.h5' or "
        "'.safetensors' or '.msgpack', because weights alone are saved, got "
        "'{epoch}-{loss:.2f}.keras'. Write ModelCheckpoint('{epoch}-{loss:.2f}.weights.h5', "
        "save_weights_only=True), or for the whole model "
        "ModelCheckpoint('{epoch}-{loss:.2f}.keras').",
    ),
    (
        lambda: ModelCheckpoint("best.h5", save_weights_only=True),
        ValueError,
        "ModelCheckpoint: `filepath`: expected a name that ends with '.weights.h5' or "
        "'.safetensors' or '.msgpack', because weights alone are saved, got 'best.h5'. Write "
        "ModelCheckpoint('best.weights.h5', save_weights_only=True).",
    ),
    (
        lambda: ModelCheckpoint(None),
        TypeError,
        "ModelCheckpoint: `filepath`: expected a path such as 'best.keras', got None (NoneType).",
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
