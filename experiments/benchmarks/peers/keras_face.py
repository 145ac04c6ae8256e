"""jkeras, and Keras on any of its backends: the same script but for the import.

Two things follow the library: how a residual block is drawn (`keras_models.py`), and, on a graphics
card, how the device is named.
"""

from __future__ import annotations

import argparse
import importlib
import os
import time
from typing import Any

import common
import keras_models

args = common.options()
library, _, backend = args.peer.partition("-")
if backend:
    os.environ["KERAS_BACKEND"] = {"tf": "tensorflow"}.get(backend, backend)

start = time.perf_counter()
keras: Any = importlib.import_module(library)
imports = time.perf_counter() - start


class Clock(keras.callbacks.Callback):
    """Seconds of each epoch, validation included."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Starts the clock."""
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Stops it."""
        self.seconds.append(time.perf_counter() - self.start)


class Face:
    """The workflow of a Keras user: define, compile, fit."""

    def __init__(self, args: argparse.Namespace, data: common.Data) -> None:
        keras.utils.set_random_seed(0)
        joiners: Any = (keras_models.JkerasJoiner, keras_models.KerasJoiner)
        joiner = joiners[bool(backend)](keras)
        self.data, self.size = data, args.batch_size
        self.model = joiner.model(*keras_models.MODELS[args.model](joiner, args.depth))
        self.model.compile(args.optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        self.weights = self.model.count_params()
        self.device = _device()

    def first_step(self) -> None:
        """Fits one batch."""
        x, y = self.data.x[: self.size], self.data.y[: self.size]
        self.model.fit(x, y, batch_size=self.size, epochs=1, verbose=0)

    def epochs(self, count: int) -> tuple[list[float], float]:
        """Fits them all in one call."""
        clock = Clock()
        history = self.model.fit(
            self.data.x,
            self.data.y,
            batch_size=self.size,
            epochs=count,
            verbose=0,
            validation_data=(self.data.x_test, self.data.y_test),
            callbacks=[clock],
        )
        return clock.seconds, history.history["val_accuracy"][-1]


def _device() -> str:
    """What the library computes on."""
    if backend == "tf":
        tensorflow = importlib.import_module("tensorflow")
        return "gpu" if tensorflow.config.list_physical_devices("GPU") else "cpu"
    if backend == "torch":
        import torch

        return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    import jax

    return jax.devices()[0].device_kind


common.measure(args, imports, Face)
