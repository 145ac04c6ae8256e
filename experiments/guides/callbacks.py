"""Callbacks: actions during training.

    python experiments/guides/callbacks.py --tiny

A callback has methods that `fit` calls at the beginning and end of training, of every epoch and, if
it defines them, of every batch.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import jkeras
from jkeras import layers
from jkeras.callbacks import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    ModelCheckpoint,
    ReduceLROnPlateau,
)

parser = argparse.ArgumentParser(description="Callbacks.")
parser.add_argument("--tiny", action="store_true", help="six epochs")
parser.add_argument("--output", type=Path, default=Path("results/callbacks"))
args = parser.parse_args()
args.output.mkdir(parents=True, exist_ok=True)

random = np.random.default_rng(0)
x = random.normal(size=(256, 6)).astype("float32")
y = np.sin(x.sum(1, keepdims=True))


# -- a callback of your own: it sees the model, the epoch and the logs


class StopAtLoss(Callback):
    """Stops training at a given loss, and records the norm of the weights after each epoch.

    Args:
      enough: the loss below which training stops.
    """

    def __init__(self, enough: float) -> None:
        super().__init__()
        self.enough = enough
        self.norms: list[float] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        weights = self.model.get_weights()
        self.norms.append(float(sum(np.square(weight).sum() for weight in weights)) ** 0.5)
        if (logs or {})["loss"] < self.enough:
            print(f"epoch {epoch + 1}: the loss is below {self.enough}")
            self.model.stop_training = True


# -- callbacks that ship with the package, all in one run


def made() -> jkeras.Sequential:
    """A small compiled network."""
    model = jkeras.Sequential([layers.Dense(16, activation="tanh"), layers.Dense(1)], seed=0)
    model.compile(jkeras.optimizers.Adam(0.05), "mse")
    return model


stop = StopAtLoss(0.02)
best = args.output / "best.keras"
model = made()
history = model.fit(
    x,
    y,
    epochs=6 if args.tiny else 100,
    validation_split=0.25,
    verbose=0,
    callbacks=[
        stop,
        EarlyStopping("val_loss", patience=10, restore_best_weights=True),
        ReduceLROnPlateau("val_loss", factor=0.5, patience=2),
        ModelCheckpoint(best, monitor="val_loss", save_best_only=True),
        BackupAndRestore(args.output / "backup"),  # killed and started again, it resumes
        CSVLogger(args.output / "log.csv"),
        LambdaCallback(on_train_end=lambda logs: print("the end")),
    ],
)
print(f"{len(history.epoch)} epochs, rate {float(model.optimizer.learning_rate):.4f} at the end")
print("norms of the weights:", [round(norm, 2) for norm in stop.norms[:6]])

# -- the best epoch, read from its file

again = jkeras.models.load_model(best)
losses = [round(float(m.evaluate(x, y, verbose=0)), 4) for m in (model, again)]
print("loss as trained, and with the weights of the best epoch:", *losses)
