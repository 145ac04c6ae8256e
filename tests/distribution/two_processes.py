"""What one of two processes does; `test_two_processes.py` starts two of it, and compares.

    python -m tests.distribution.two_processes PORT NUMBER FOLDER [MODE]

Each process has two devices. Without a mode every case runs, and its numbers go to
`FOLDER/NUMBER.pickle`; the same cases run in one process with `distribution=None`. "die" and "fail"
are runs in which process 1 is killed, or raises, and "first dies" one in which process 0 is killed.
"""

from __future__ import annotations

import io
import os
import pickle
import shutil
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import datasets
import grain
import jax
import numpy as np

import jkeras
from jkeras import distribution as spread
from jkeras import layers
from jkeras.core import processes
from jkeras.core.global_arrays import on_host
from jkeras.data import feeds
from jkeras.training import make_init, make_train_step

DEVICES = 2
EXAMPLES = 150  # 4 batches of 32 and one of 22
EPOCHS = 10
Numbers = dict[str, Any]


def dense(seed: int = 1) -> Any:
    return jkeras.Sequential(
        [
            jkeras.Input((12,)),
            layers.Dense(32, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(4),
        ],
        seed=seed,
    )


def convolutional() -> Any:
    return jkeras.Sequential(
        [
            jkeras.Input((6, 6, 3)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(4),
        ],
        seed=1,
    )


def compiled(model: Any, distribution: Any, **options: Any) -> Any:
    loss = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"], distribution=distribution, **options)
    return model


def data_of(model: Any, count: int = EXAMPLES) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    (spec,) = model.inputs
    x = rng.normal(size=(count, *spec.shape[1:])).astype("float32")
    return x, rng.integers(0, 4, count)


def sharded() -> Any:
    return spread.FullyShardedDataParallel(min_size=64)


def whole_run(make: Callable[[], Any], distribution: Any, **options: Any) -> Numbers:
    """50 steps with a validation, an evaluation, a prediction, and the weights."""
    model = compiled(make(), distribution, **options)
    x, y = data_of(model)
    history = model.fit(x, y, epochs=EPOCHS, validation_split=0.1, verbose=0).history
    evaluated = model.evaluate(x, y, verbose=0)
    predicted = model.predict(x, verbose=0)
    weights = model.get_weights()
    return {**history, "evaluated": evaluated, "predicted": predicted, "weights": weights}


def batches(part: slice = slice(None)) -> list[tuple[np.ndarray, np.ndarray]]:
    x, y = data_of(dense(), 100)
    whole = [(x[i : i + 24], y[i : i + 24]) for i in range(0, 100, 24)]
    return [(a[part], b[part]) for a, b in whole]


def iterable(distribution: Any) -> Numbers:
    model = compiled(dense(), distribution)
    history = model.fit(batches(), epochs=3, verbose=0).history
    return {**history, "predicted": model.predict(batches(), verbose=0)}


def parts_of_batches(distribution: Any) -> Numbers:
    """Each process gives the rows of its own."""
    model = compiled(dense(), distribution)
    if distribution is None:
        return dict(model.fit(batches()[:4], epochs=3, verbose=0).history)
    number = int(sys.argv[2])
    mine = batches(slice(12 * number, 12 * number + 12))[:4]
    return dict(model.fit(mine, epochs=3, verbose=0).history)


class StopsByItsClock(jkeras.callbacks.Callback):
    """Ends training after the twelfth step, which the clock of the second process would not."""

    steps = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.steps += 1
        self.model.stop_training = self.steps == 12 and not is_second()


class Interrupts(jkeras.callbacks.Callback):
    """Ctrl-C in the second process alone."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == 1 and is_second():
            signal.raise_signal(signal.SIGINT)


def is_second() -> bool:
    return sys.argv[2:3] == ["1"]


def with_callbacks(distribution: Any) -> Numbers:
    """Callbacks that read and change weights and rates, and one that stops."""
    model = compiled(dense(), distribution)
    x, y = data_of(model)
    rate = jkeras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / (1 + epoch))
    best = jkeras.callbacks.EarlyStopping("loss", patience=1, restore_best_weights=True)
    history = model.fit(x, y, epochs=3, verbose=0, callbacks=[rate, best]).history
    found = {**history, "weights": model.get_weights(), "called": np.asarray(model(x[:8]))}
    copied = pickle.loads(pickle.dumps(model))
    found["copied"] = copied.predict(x, verbose=0)
    stops = StopsByItsClock()
    found["stopped"] = model.fit(x, y, epochs=9, verbose=0, callbacks=[stops]).history["loss"]
    return {**found, "steps": stops.steps}


def interrupted() -> Numbers:
    """What both processes have after Ctrl-C in one."""
    model = compiled(dense(), spread.DataParallel())
    x, y = data_of(model)
    history = model.fit(x, y, epochs=400, verbose=0, callbacks=[Interrupts()])
    step = int(model.train_state.step)
    return {"told": history.interrupted, "step": step, "weights": model.get_weights()}


def rows_read() -> int:
    """The rows that this process reads for an epoch of 64."""
    read = []
    gathered = feeds._gathered
    model = compiled(dense(), spread.DataParallel(), engine="streaming")
    x, y = data_of(model, 64)
    feeds._gathered = lambda leaf, rows, room: read.append(len(rows)) or gathered(leaf, rows, room)
    try:
        model.fit(x, y, verbose=0)
    finally:
        feeds._gathered = gathered
    return sum(read) // 2  # of x, and of y


def one_batch(distribution: Any) -> Numbers:
    model = compiled(dense(), distribution)
    x, y = data_of(model)
    found = [model.train_on_batch(x[:n], y[:n]) for n in (32, 32, 13)]
    return {
        "trained": found,
        "tested": model.test_on_batch(x[:32], y[:32]),
        "predicted": model.predict_on_batch(x[:32]),
    }


def batches_of_grain(distribution: Any) -> Numbers:
    """Each process reads every other batch; one alone reads two of them as one."""
    model = compiled(dense(), distribution)
    x, y = data_of(model, 96)
    pairs = grain.MapDataset.source(list(zip(x, y, strict=True))).shuffle(seed=0)
    dataset = pairs.batch(24 if distribution is None else 12)
    saved: list[Any] = []
    save = jkeras.callbacks.Callback()
    save.boundaries = 6  # in the second epoch, behind two of its four steps
    save.on_boundary = lambda batch, logs: saved.append(model.snapshot())  # type: ignore[method-assign]
    history = model.fit(dataset, epochs=3, verbose=0, callbacks=[save]).history
    again = compiled(dense(), distribution)
    rest = again.fit(dataset, epochs=3, verbose=0, resume_from=saved[0]).history
    assert again.get_weights()[0].tobytes() == model.get_weights()[0].tobytes()
    return {**history, "rest": rest["loss"]}


def rows_of_hugging_face(distribution: Any) -> Numbers:
    """Each process reads its rows of each batch."""
    model = compiled(dense(), distribution)
    x, y = data_of(model, 96)
    rows = datasets.Dataset.from_dict({"x": x, "label": y})
    return dict(model.fit(rows, batch_size=24, epochs=3, verbose=0).history)


def own_parts() -> Any:
    return spread.DataParallel(auto_shard_dataset=False)


def pure_functions(distribution: Any) -> Numbers:
    """A loop of one's own, below the model."""
    net = jkeras.models.Chain([layers.Dense(32), layers.Dense(4)])
    options: dict[str, Any] = {"loss": "mse", "optimizer": "adam"}
    x = np.random.default_rng(0).normal(size=(32, 12)).astype("float32")
    state = make_init(net, **options)(jax.random.key(0), x)
    step = make_train_step(net, **options)
    if distribution is not None:
        state = spread.laid_out(state, distribution)
        step = spread.train_step_over(distribution, step)
    step, losses = jax.jit(step), []
    for _ in range(4):
        state, logs = step(state, (x, x[:, :4]))
        losses.append(float(logs["loss"]))
    return {"losses": losses}


CASES: dict[str, Callable[[Any], Numbers]] = {
    "dense, data": lambda d: whole_run(dense, d and spread.DataParallel()),
    "convolutional, fsdp": lambda d: whole_run(convolutional, d and sharded()),
    "dense, streamed": lambda d: whole_run(dense, d and sharded(), engine="streaming"),
    "iterable": lambda d: iterable(d and sharded()),
    "parts of batches": lambda d: parts_of_batches(d and own_parts()),
    "batches of Grain": lambda d: batches_of_grain(d and own_parts()),
    "rows of Hugging Face": lambda d: rows_of_hugging_face(d and own_parts()),
    "one batch": lambda d: one_batch(d and sharded()),
    "callbacks": lambda d: with_callbacks(d and sharded()),
    "pure functions": lambda d: pure_functions(d and sharded()),
}


def resumed(folder: Path) -> Numbers:
    """Runs that go on: bit for bit in the same mesh, from one process's file, and to others."""
    found = {}
    for name, until in (("whole", 4), ("first", 2), ("rest", 4)):
        model = compiled(dense(), sharded())
        x, y = data_of(model)
        backup = jkeras.callbacks.BackupAndRestore(folder / "pair", delete_checkpoint=False)
        callbacks = [] if name == "whole" else [backup]
        history = model.fit(x, y, epochs=until, verbose=0, callbacks=callbacks).history
        found[name] = [history["loss"], model.get_weights()]
    model = compiled(dense(), sharded())
    history = model.fit(x, y, epochs=4, verbose=0, resume_from=folder / "alone").history
    found["from one"] = history["loss"]
    model = compiled(dense(), sharded())
    orbax = jkeras.callbacks.OrbaxCheckpoint(folder / "orbax", max_to_keep=None)
    model.fit(x, y, epochs=2, verbose=0, callbacks=[orbax])
    model = compiled(dense(), sharded())
    history = model.fit(x, y, epochs=4, verbose=0, resume_from=folder / "orbax").history
    found["orbax"] = history["loss"]
    return found


def trial_of_ray(folder: Path) -> Numbers:
    """A trial, which the first process is, stops after two epochs and goes on; weights are cut."""
    from ray import tune

    kept: list[Any] = []
    reported: list[Any] = []

    def report(metrics: Any, *, checkpoint: Any) -> None:
        kept.append(tune.Checkpoint.from_directory(folder / f"ray {len(reported)}"))
        shutil.copytree(checkpoint.path, kept[-1].path)
        reported.append(metrics["loss"])

    outside = SimpleNamespace(get_trial_id=lambda: None)
    inside = SimpleNamespace(get_trial_id=lambda: None if is_second() else "trial_1")
    functions = {"report": report, "get_checkpoint": lambda: kept[-1] if kept else None}
    found: Numbers = {"told": ""}
    runs = (("none", outside, 1), ("first", inside, 2), ("rest", inside, 4))
    with mock.patch.multiple(tune, **functions):
        for name, context, until in runs:
            model = compiled(dense(), sharded())
            x, y = data_of(model)
            callbacks = [jkeras.callbacks.RayTuneReport(keep=["learning_rate"])]
            with mock.patch.object(tune, "get_context", lambda now=context: now):
                try:
                    losses = model.fit(x, y, epochs=until, verbose=0, callbacks=callbacks).history
                except RuntimeError as error:
                    found["told"] = str(error)
                else:
                    found[name] = losses["loss"]
    return {**found, "reported": reported}


def files(folder: Path) -> Numbers:
    """What only the first process prints and writes."""
    model = compiled(dense(), sharded())
    x, y = data_of(model)
    called: list[int] = []

    class Writer(jkeras.callbacks.Callback):
        writes_files = True

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            called.append(epoch)

    text = io.StringIO()
    checkpoint = folder / "best.keras"
    callbacks = [
        Writer(),
        jkeras.callbacks.ModelCheckpoint(checkpoint, monitor="loss", verbose=1),
        jkeras.callbacks.CSVLogger(folder / "log.csv"),
    ]
    if int(sys.argv[2]):  # a second writer would wait for the lock of the first
        callbacks.append(jkeras.callbacks.CSVLogger(folder / "other.csv"))
    with redirect_stdout(text):
        model.fit(x, y, epochs=2, verbose=2, callbacks=callbacks)
        model.summary()
        model.explain()
        model.save_weights(folder / "trained.safetensors")
    lines: list[str] = []
    model.explain(lines.append)
    return {
        "text": text.getvalue(),
        "called": called,
        "predicted": model.predict(x, verbose=0),
        "explained": "\n".join(lines),
        "kernel": model.weights[0].numpy(),
        "is_cut": not model.weights[0].value.is_fully_addressable,
    }


def wrong_uses() -> Numbers:
    """The message of each, which is the same on both processes."""
    number = int(sys.argv[2])
    model = dense()
    x, y = data_of(model)
    other = x + np.float32(number)
    data = spread.DataParallel()
    parts = spread.DataParallel(auto_shard_dataset=False)

    def fit(*arrays: Any, seed: int = 1, over: Any = data, **options: Any) -> None:
        compiled(dense(seed), over).fit(*arrays, verbose=0, **options)

    uses: dict[str, Callable[[], Any]] = {
        "other values": lambda: fit(other, y),
        "other lengths": lambda: fit(x[: 150 - number], y[: 150 - number]),
        "other batch sizes": lambda: fit(x, y, batch_size=32 + 32 * number),
        "other seeds": lambda: fit(x, y, seed=number),
        "other targets in one batch": lambda: compiled(dense(), data).train_on_batch(
            x[:32], (y[:32] + number) % 4
        ),
        "a batch that does not divide": lambda: fit(x, y, batch_size=30),
        "other numbers of batches": lambda: fit(iter(batches()[: 4 - number])),
        "arrays of each process": lambda: fit(x, y, over=parts),
        "a population": lambda: jkeras.Population(dense, size=4).compile(
            "adam", "mse", distribution="data"
        ),
        "a second initialize": lambda: spread.initialize("127.0.0.1:1", 2, number),
    }
    found = {}
    for name, use in uses.items():
        try:
            use()
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"
        else:
            found[name] = "no error"
    return found


def broken(folder: Path, mode: str) -> None:
    """A run in which one of the processes dies, or fails, in the third epoch."""

    class Breaks(jkeras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2 and int(sys.argv[2]) == (mode != "first dies"):
                if mode != "fail":
                    os.kill(os.getpid(), signal.SIGKILL)
                raise OSError("no such camera")

    model = compiled(dense(), sharded())
    x, y = data_of(model)
    backup = jkeras.callbacks.BackupAndRestore(folder / "backup")
    model.fit(x, y, epochs=4, verbose=0, callbacks=[backup, Breaks()])


def main() -> None:
    port, number, folder, mode = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]
    warnings.simplefilter("error")
    jax.config.update("jax_num_cpu_devices", DEVICES)
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    os.environ["JKERAS_DISTRIBUTION_JOB_ADDRESSES"] = f"127.0.0.1:{port}"
    os.environ["KERAS_DISTRIBUTION_NUM_PROCESSES"] = "2"
    spread.initialize(process_id=number, timeout=6 if mode else 30)
    processes.KEPT = 16  # old messages are removed often
    if mode:
        broken(folder, mode[0])
        return
    found: dict[str, Any] = {"seed": jkeras.Sequential([layers.Dense(1)]).seed}
    found["devices"] = spread.list_devices()
    mesh = spread.DeviceMesh((4,), ["batch"])
    array = spread.distribute_tensor(np.arange(8.0), spread.TensorLayout(("batch",), mesh))
    found["array"] = [on_host(array), len(array.addressable_shards)]
    found |= {name: case(True) for name, case in CASES.items()}
    found |= {"interrupted": interrupted(), "rows read": rows_read()}
    found |= {"resumed": resumed(folder), "files": files(folder), "wrong uses": wrong_uses()}
    found["trial of Ray"] = trial_of_ray(folder)
    (folder / f"{number}.pickle").write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    main()
