"""Rehearsals (`fast_dev_run`) and models that learn a few batches by heart (`overfit_batches`)."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import callbacks as C
from jkeras import layers
from jkeras.trainer.loop.parts import parts_of

RNG = np.random.default_rng(1)
X = RNG.normal(size=(100, 4)).astype("float32")
Y = RNG.integers(0, 3, 100)


def model() -> jkeras.Sequential:
    stack = [layers.Dense(16, "relu"), layers.BatchNormalization(), layers.Dense(3)]
    made = jkeras.Sequential([jkeras.Input((4,)), *stack], seed=0, name="net")
    loss = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)
    made.compile(jkeras.optimizers.Adam(0.05), loss, metrics=["accuracy"])
    return made


def bits(trained: Any) -> list[bytes]:
    values = parts_of(trained).state.values
    leaves = jax.tree.leaves(values.replace(key=jax.random.key_data(values.key)))
    return [np.asarray(leaf).tobytes() for leaf in leaves]


class Watch(C.Callback):
    """Counts its hooks."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.heard.append("train")

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.heard.append("test")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.heard.append("epoch")


class Endless:
    """A source without a length, which can be read again."""

    def __init__(self) -> None:
        self.epochs_begun = 0
        self.read = 0

    def __iter__(self) -> Iterator[Any]:
        self.epochs_begun += 1
        while True:
            start = 10 * (self.read % 10)
            self.read += 1
            yield X[start : start + 10], Y[start : start + 10]


class Batches:
    """Ten batches, which can be read again."""

    def __len__(self) -> int:
        return 10

    def __iter__(self) -> Iterator[Any]:
        return iter(batches())


def batches() -> list[Any]:
    return [(X[i : i + 10], Y[i : i + 10]) for i in range(0, 100, 10)]


SOURCES: dict[str, Callable[[], dict[str, Any]]] = {
    "arrays": lambda: {"x": X, "y": Y, "batch_size": 10, "validation_data": (X, Y)},
    "a split": lambda: {"x": X, "y": Y, "batch_size": 10, "validation_split": 0.5},
    "streams": lambda: {"x": batches(), "validation_data": Batches()},
    "without a length": lambda: {"x": Endless(), "validation_data": Endless()},
    "a generator": lambda: {"x": iter(batches()), "validation_data": Batches()},
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("count", [True, 3])
def test_a_rehearsal_runs_everything_once_and_changes_nothing(
    source: str, count: bool | int, capsys: pytest.CaptureFixture[str]
) -> None:
    trained, watch, arguments = model(), Watch(), SOURCES[source]()
    trained.fit(X, Y, verbose=0)
    before, history = bits(trained), trained.history
    made = trained.fit(
        **arguments, epochs=7, validation_freq=5, callbacks=[watch], verbose=2, fast_dev_run=count
    )
    assert watch.heard == ["train"] * count + ["test"] * count + ["epoch"]
    assert made.epoch == [0] and set(made.history) >= {"loss", "val_loss", "val_accuracy"}
    assert bits(trained) == before and trained.history is history
    batch = "1 batch" if count is True else "3 batches"
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"fit: fast_dev_run: {batch} of training and a validation ran to the end; the model is as "
        "it was before."
    )
    if isinstance(arguments["x"], Endless):
        assert arguments["x"].epochs_begun == 0


def test_a_rehearsal_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writers = [
        C.ModelCheckpoint(tmp_path / "m.keras"),
        C.CSVLogger(tmp_path / "log.csv"),
        C.TensorBoard(tmp_path / "logs"),
        C.BackupAndRestore(tmp_path / "backup"),
        C.OrbaxCheckpoint(tmp_path / "orbax"),
        C.Profiler(tmp_path / "profile", steps=(1, 1)),
        C.RemoteMonitor("http://localhost:1"),
        C.WandbLogger(dir=tmp_path),
        C.MLflowLogger(tracking_uri=str(tmp_path / "mlruns")),
        C.TensorBoardImages(tmp_path / "images", np.zeros((1, 2, 2))),
        C.LivePlot(path=tmp_path / "curves.png"),
    ]
    before = sorted(os.listdir(tmp_path))
    trained = model()
    trained.fit(X, Y, verbose=1, callbacks=[*writers, C.EarlyStopping("loss")], fast_dev_run=True)
    assert sorted(os.listdir(tmp_path)) == before == []
    assert (
        capsys.readouterr()
        .out.splitlines()[-1]
        .endswith(
            "1 batch of training ran to the end; the model is as it was before. Left out, because "
            "they write: BackupAndRestore, CSVLogger, LivePlot, MLflowLogger, ModelCheckpoint, "
            "OrbaxCheckpoint, Profiler, RemoteMonitor, TensorBoard, TensorBoardImages, WandbLogger."
        )
    )


def test_every_callback_that_writes_says_so() -> None:
    """A new callback with `open`, a folder or a request among its words is looked at here."""
    writing = {name for name in C.__all__ if getattr(getattr(C, name), "writes_files", False)}
    assert writing == {
        *("BackupAndRestore", "CSVLogger", "MLflowLogger", "ModelCheckpoint", "OrbaxCheckpoint"),
        *("Profiler", "RayTuneReport", "RemoteMonitor", "TensorBoard", "TensorBoardImages"),
        "WandbLogger",
    }


def test_a_rehearsal_finds_a_monitor_that_is_not_there(tmp_path: Path) -> None:
    saver = C.ModelCheckpoint(tmp_path / "m.keras", monitor="val_los", save_best_only=True)
    with pytest.warns(UserWarning, match="`monitor` 'val_los' is not among the logs"):
        model().fit(X, Y, verbose=0, callbacks=[saver], fast_dev_run=True, validation_split=0.1)


def test_an_error_in_a_rehearsal_leaves_the_model_as_it_was() -> None:
    def fail(epoch: int, logs: Any) -> None:
        raise RuntimeError("no such folder")

    trained = model()
    trained.build((None, 4))
    before = bits(trained)
    with pytest.raises(RuntimeError, match="no such folder"):
        trained.fit(
            X, Y, verbose=0, fast_dev_run=True, callbacks=C.LambdaCallback(on_epoch_end=fail)
        )
    assert bits(trained) == before


def test_ctrl_c_in_a_rehearsal_leaves_the_model_as_it_was(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def press(batch: int, logs: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    trained = model()
    trained.build((None, 4))
    before = bits(trained)
    pressing = C.LambdaCallback(on_train_batch_end=press)
    assert trained.fit(X, Y, verbose=0, fast_dev_run=3, callbacks=pressing).interrupted
    assert bits(trained) == before
    out = capsys.readouterr().out
    assert out == "\nInterrupted: training stopped. The model is as it was before.\n"


def test_after_a_rehearsal_a_run_is_as_without_one() -> None:
    rehearsed, other = model(), model()
    rehearsed.fit(X, Y, verbose=0, fast_dev_run=True)
    options = {"epochs": 2, "verbose": 0, "validation_split": 0.2}
    assert rehearsed.fit(X, Y, **options).history == other.fit(X, Y, **options).history


def test_a_rehearsal_of_more_batches_than_there_are_has_them_all() -> None:
    watch = Watch()
    model().fit(X, Y, batch_size=50, verbose=0, callbacks=[watch], fast_dev_run=9)
    model().fit(iter(batches()[:2]), verbose=0, callbacks=[watch], fast_dev_run=9)
    assert watch.heard == ["train", "train", "epoch"] * 2


# -- a few batches by heart


@pytest.mark.parametrize("source", SOURCES)
def test_a_few_batches_are_learned_by_heart(source: str) -> None:
    trained = model()
    history = trained.fit(**SOURCES[source](), epochs=60, verbose=0, overfit_batches=2).history
    assert history["loss"][-1] < 0.1 and history["val_accuracy"][-1] > 0.8
    accuracy = trained.evaluate(X[:20], Y[:20], verbose=0)[1]
    assert accuracy == pytest.approx(history["val_accuracy"][-1])  # on the very same examples
    assert trained.optimizer.iterations == 60 * 2


def test_every_epoch_has_the_same_batches_in_the_same_order() -> None:
    plain, short = model(), model()
    expected = plain.fit(
        X[:20], Y[:20], batch_size=10, epochs=3, shuffle=False, verbose=0,
        validation_data=(X[:20], Y[:20]),
    )  # fmt: skip
    got = short.fit(X, Y, batch_size=10, epochs=3, verbose=0, overfit_batches=2)
    assert got.history == expected.history
    streamed = model().fit(batches(), epochs=3, verbose=0, overfit_batches=2)
    for name, values in expected.history.items():
        np.testing.assert_allclose(streamed.history[name], values, rtol=1e-6)


def test_a_source_that_fills_one_array_again_and_again() -> None:
    x, y = np.empty((10, 4), "float32"), np.empty(10, "int64")

    def refilled() -> Iterator[Any]:
        for first, second in batches():
            x[:], y[:] = first, second
            yield x, y

    runs = [
        model().fit(source, epochs=2, verbose=0, overfit_batches=3).history
        for source in (refilled(), batches())
    ]
    assert runs[0] == runs[1]


class Dataset(jkeras.utils.PyDataset):
    """Ten batches by number."""

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> Any:
        return batches()[index]


def test_a_py_dataset_gives_its_first_batches_without_shuffling() -> None:
    runs = [
        model().fit(source, epochs=2, verbose=0, overfit_batches=2).history
        for source in (Dataset(), batches())
    ]
    assert runs[0] == runs[1]


def test_more_batches_than_there_are_is_all_of_them() -> None:
    options = {"batch_size": 30, "epochs": 2, "verbose": 0}
    got = model().fit(X, Y, overfit_batches=50, **options).history["loss"]
    assert got == model().fit(X, Y, shuffle=False, **options).history["loss"]


def test_weights_of_classes_and_examples_go_along() -> None:
    weights = np.linspace(0, 2, 100).astype("float32")
    runs = [
        model().fit(x, y, sample_weight=w, batch_size=10, epochs=2, verbose=0, **more).history
        for x, y, w, more in (
            (X, Y, weights, {"overfit_batches": 2}),
            (X[:20], Y[:20], weights[:20], {"shuffle": False}),
        )
    ]
    assert runs[0]["loss"] == runs[1]["loss"]
