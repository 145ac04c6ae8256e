"""jkeras, and Keras on any of its backends: the same script but for the import line."""

from __future__ import annotations

import importlib
import os
import time
from typing import Any

import common

args = common.options()
library, _, backend = args.peer.partition("-")
if backend:
    os.environ["KERAS_BACKEND"] = {"tf": "tensorflow"}.get(backend, backend)

start = time.perf_counter()
keras: Any = importlib.import_module(library)
imports = time.perf_counter() - start

(x, y), (x_test, y_test) = common.load(args.model)
keras.utils.set_random_seed(0)
layers = keras.layers
if args.model == "mlp":
    body = [
        layers.Input((28, 28)),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
    ]
else:
    body = [
        layers.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dropout(0.5),
    ]
model = keras.Sequential([*body, layers.Dense(10, activation="softmax")])
model.compile(args.optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])


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


clock = Clock()
history = model.fit(
    x,
    y,
    batch_size=args.batch_size,
    epochs=args.epochs,
    verbose=0,
    validation_data=(x_test, y_test),
    callbacks=[clock],
)
accuracy = history.history["val_accuracy"][-1]
common.report(args, imports=imports, epochs=clock.seconds, accuracy=accuracy)
