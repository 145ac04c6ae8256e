"""Callbacks on made-up courses of logs, and in a small training, for Keras and jkeras.

Every function takes the library, does the same with both, and returns plain values for JSON.
"""

from __future__ import annotations

import contextlib
import http.server
import io
import pathlib
import threading
import warnings
from typing import Any

import numpy as np

from tests.golden.training_models import Library

PLATEAU_SEEDS = 80
CHECKPOINT_SEEDS = 80


class Optimizer:
    """What callbacks need of an optimizer: a learning rate in float32."""

    def __init__(self, rate: float) -> None:
        self.rate = np.float32(rate)

    @property
    def learning_rate(self) -> np.float32:
        """The rate now."""
        return self.rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self.rate = np.float32(value)


class Watched:
    """What callbacks need of a model: it remembers the files it was told to write."""

    def __init__(self, rate: float = 0.1) -> None:
        self.stop_training = False
        self.optimizer = Optimizer(rate)
        self.saved: list[str] = []

    def save_weights(self, filepath: str, overwrite: bool = True) -> None:
        """Remembers the name."""
        self.saved.append(pathlib.Path(filepath).name.partition(".w8")[0])


def course(rng: np.random.RandomState) -> list[float | None]:
    """Values of a monitor, with ties; None where there is none."""
    values: list[float | None] = [v / 8 for v in rng.randint(0, 9, rng.randint(1, 14))]
    if rng.randint(4) == 0:
        values[rng.randint(len(values))] = None
    return values


@contextlib.contextmanager
def told(lines: list[str]) -> Any:
    """Collects what is printed, and lets warnings pass."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    lines += text.getvalue().splitlines()


def plateau_settings(seed: int) -> tuple[dict[str, Any], list[float | None]]:
    """Arguments of ReduceLROnPlateau, and the values it will see."""
    rng = np.random.RandomState(seed)
    settings = {
        "mode": ["min", "max", "auto"][rng.randint(3)],
        "factor": float(rng.choice([0.1, 0.5])),
        "patience": int(rng.randint(4)),
        "min_delta": float(rng.choice([1e-4, 0.125, 0.0])),
        "cooldown": int(rng.randint(3)),
        "min_lr": float(rng.choice([0.0, 0.02])),
        "verbose": 1,
    }
    return settings, course(rng)


def plateau(k: Library, seed: int) -> dict[str, Any]:
    """What ReduceLROnPlateau does in a course: rates in the logs, counters, lines."""
    settings, values = plateau_settings(seed)
    watcher, model = k.callbacks.ReduceLROnPlateau(**settings), Watched()
    watcher.set_model(model)
    rows, lines = [], []
    with told(lines):
        watcher.on_train_begin()
        for epoch, value in enumerate(values):
            logs = {"loss": 0.0} if value is None else {"loss": 0.0, "val_loss": value}
            watcher.on_epoch_end(epoch, logs)
            counters = [watcher.wait, watcher.cooldown_counter, watcher.in_cooldown()]
            rows.append([logs["learning_rate"], float(model.optimizer.learning_rate), *counters])
    return {"rows": rows, "best": watcher.best, "lines": lines}


def checkpoint_settings(seed: int) -> tuple[dict[str, Any], list[float | None]]:
    """Arguments of ModelCheckpoint, and the values it will see."""
    rng = np.random.RandomState(seed)
    frequency: Any = ["epoch", "epoch", 2, 5][rng.randint(4)]
    values = course(rng)
    known = None not in values
    settings = {
        "filepath": "e{epoch:02d}"
        + ("-b{batch}" if frequency != "epoch" else "-{val_loss:.2f}" if known else "")
        + ".w8",
        "monitor": "loss" if frequency != "epoch" else "val_loss",
        "mode": ["min", "max", "auto"][rng.randint(3)],
        "save_best_only": bool(rng.randint(2)),
        "save_weights_only": True,
        "save_freq": frequency,
        # Keras fails where it has to compare before the end of the first epoch.
        "initial_value_threshold": [None, 0.5][rng.randint(2)] if frequency != 2 else None,
        "verbose": 1,
    }
    return settings, values


def checkpoint(k: Library, seed: int, ending: str) -> dict[str, Any]:
    """What ModelCheckpoint does in a course of epochs of three batches: files, best, lines."""
    settings, values = checkpoint_settings(seed)
    settings["filepath"] += ending
    watcher, model = k.callbacks.ModelCheckpoint(**settings), Watched()
    watcher.set_model(model)
    lines: list[str] = []
    with told(lines):
        watcher.on_train_begin()
        for epoch, value in enumerate(values):
            watcher.on_epoch_begin(epoch)
            for batch in range(3):
                logs = {"loss": ((epoch * 3 + batch) * 5 % 7) / 8}
                every = getattr(watcher, "boundaries", None)
                if every is None:
                    watcher.on_train_batch_end(batch, logs)
                elif (epoch * 3 + batch + 1) % every == 0:  # jkeras's: between two dispatches
                    watcher.on_boundary(batch, logs)
            logs = {"loss": 0.25} if value is None else {"loss": 0.25, "val_loss": value}
            watcher.on_epoch_end(epoch, logs)
    lines = [line.replace(ending, "") for line in lines]
    return {"saved": model.saved, "best": watcher.best, "lines": lines}


CSV_RUNS: dict[str, tuple[dict[str, Any], list[list[dict[str, Any]]]]] = {
    "plain": ({}, [[{"loss": 0.1, "accuracy": 1.0}, {"loss": 1e-7, "accuracy": 0.25}]]),
    "validated": ({}, [[{"val_loss": 0.5, "loss": 0.1}, {"loss": float("nan")}]]),
    "later_names": ({}, [[{"loss": 0.5}, {"loss": 0.25, "val_loss": 2.0, "mae": 3.0}]]),
    "separator": ({"separator": ";"}, [[{"loss": 0.5, "names": "a;b"}]]),
    "lists": ({}, [[{"loss": 0.5, "each": [0.1, 0.2]}]]),
    "append": ({"append": True}, [[{"loss": 0.5}], [{"loss": 0.25}, {"loss": 0.125}]]),
    "again": ({}, [[{"loss": 0.5}], [{"loss": 0.25}]]),
    "nothing": ({}, [[{}]]),
}


def csv_text(k: Library, name: str, folder: pathlib.Path) -> str:
    """The content of the file that CSVLogger writes in some runs, line ends included."""
    settings, runs = CSV_RUNS[name]
    path = folder / f"{name}.csv"
    for epochs in runs:
        logger = k.callbacks.CSVLogger(str(path), **settings)
        logger.on_train_begin()
        for epoch, logs in enumerate(epochs):
            logger.on_epoch_end(epoch, logs)
        logger.on_train_end()
    return path.read_bytes().decode()


SCHEDULES = {
    "halve": lambda epoch, rate: rate * 0.5,
    "of_epoch": lambda epoch: 0.1 / (epoch + 1),
    "numpy": lambda epoch, rate: np.float32(rate) * np.float32(0.3),
}


def scheduled(k: Library, name: str) -> dict[str, Any]:
    """What LearningRateScheduler does in three epochs: the rates in the logs, and the lines."""
    watcher, model = k.callbacks.LearningRateScheduler(SCHEDULES[name], verbose=1), Watched()
    watcher.set_model(model)
    rates, lines = [], []
    with told(lines):
        for epoch in range(3):
            watcher.on_epoch_begin(epoch)
            logs = {"loss": 0.0}
            watcher.on_epoch_end(epoch, logs)
            rates.append(logs["learning_rate"])
    return {"rates": rates, "lines": lines}


class Receiver(http.server.BaseHTTPRequestHandler):
    """Remembers the requests, and answers 200."""

    got: list[list[str]]

    def do_POST(self) -> None:
        """Answers a POST."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        kept = [self.headers["Content-Type"], str(self.headers["X-Run"]), body]
        self.got.append([self.path, *kept])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


def requests_of(k: Library) -> list[list[str]]:
    """The requests that two RemoteMonitors send: path, type, a header, body."""
    handler = type("Handler", (Receiver,), {"got": []})
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{server.server_address[1]}"
        form = k.callbacks.RemoteMonitor(root=root, headers={"X-Run": "a b"})
        text = k.callbacks.RemoteMonitor(root=root, path="/logs", send_as_json=True)
        for monitor in (form, text):
            monitor.on_epoch_end(3, {"loss": 0.5, "accuracy": 0.25})
        server.shutdown()
    return handler.got


def by_hand(k: Library) -> list[Any]:
    """What callbacks hear in a loop that is written by hand, and what they see of each other."""
    heard: list[Any] = []

    class Ear(k.callbacks.Callback):  # type: ignore[name-defined, misc]
        def on_train_begin(self, logs: Any = None) -> None:
            heard.append(["train", self.params["epochs"]])

        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            heard.append(["batch", batch, dict(logs)])

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["added"] = 1.0
            heard.append(["epoch", epoch, dict(logs)])

    after = k.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: heard.append(dict(logs)))
    listed = k.callbacks.CallbackList([Ear(), after], add_history=True, model=Watched(), epochs=2)
    given = {"loss": np.float32(0.1), "accuracy": 1}
    listed.on_train_begin()
    listed.on_epoch_begin(0)
    listed.on_train_batch_begin(0)
    listed.on_train_batch_end(0, given)
    listed.on_epoch_end(0, given)
    listed.on_train_end(given)
    return [heard, sorted(given), listed.callbacks[2].history]


FITS: dict[str, Any] = {
    "swap": lambda k: [k.callbacks.SwapEMAWeights()],
    "swap_on_epoch": lambda k: [k.callbacks.SwapEMAWeights(swap_on_epoch=True)],
    "rates": lambda k: [
        k.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        k.callbacks.ReduceLROnPlateau("mae", min_delta=10.0, patience=1, factor=0.5),
    ],
}


def fitted(k: Library, name: str) -> dict[str, list[float]]:
    """The history of a small training with averages, and the weights at its end."""
    x = np.random.RandomState(0).normal(size=(12, 2)).astype("float32")
    model = k.Sequential([k.layers.Dense(1)])
    rule = k.optimizers.SGD(0.2, momentum=0.5, use_ema=True, ema_momentum=0.8)
    model.compile(rule, "mse", metrics=["mae"])
    model.build((None, 2))
    model.set_weights([np.array([[0.5], [-0.25]], "float32"), np.array([0.1], "float32")])
    y = x[:, :1] + x[:, 1:]
    options = {"batch_size": 4, "epochs": 4, "shuffle": False, "verbose": 0}
    history = model.fit(x, y, validation_data=(x[:4], y[:4]), callbacks=FITS[name](k), **options)
    weights = np.concatenate([np.ravel(weight) for weight in model.get_weights()])
    return {**history.history, "weights": weights.tolist()}
