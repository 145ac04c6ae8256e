"""EarlyStopping on made-up courses of a monitored value, for Keras and jkeras."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tests.golden.training_models import Library

STOPPING_SEEDS = 240


class Watched:
    """What EarlyStopping needs of a model: its weights are the number of the epoch."""

    def __init__(self) -> None:
        self.stop_training = False
        self.epoch = -1

    def get_weights(self) -> int:
        """The epoch that runs."""
        return self.epoch

    def set_weights(self, epoch: int) -> None:
        """Goes back to an epoch."""
        self.epoch = epoch


def stopping_settings(seed: int) -> tuple[dict[str, Any], list[float | None]]:
    """Arguments of EarlyStopping and the values it will see; None where there is no value."""
    rng = np.random.RandomState(seed)
    mode = ["min", "max", "auto"][rng.randint(3)]
    settings = {
        "monitor": "val_loss",
        "mode": mode,
        "patience": int(rng.randint(4)),
        "min_delta": float(rng.choice([0.0, 0.1, -0.1, 0.25])),
        "baseline": [None, 0.3, 0.7][rng.randint(3)],
        "restore_best_weights": bool(rng.randint(2)),
        "start_from_epoch": int(rng.choice([0, 0, 2])),
    }
    values: list[float | None] = rng.randint(0, 11, rng.randint(1, 12)).astype(float).tolist()
    values = [value / 8 for value in values if value is not None]
    if values and rng.randint(4) == 0:
        spot = rng.randint(len(values))
        # Keras makes a NaN the best value if it comes first, and then nothing beats it; we do not.
        values[spot] = float("nan") if spot > settings["start_from_epoch"] else None
    return settings, values


def stopped(k: Library, seed: int) -> list[Any]:
    """[epochs run, stopped_epoch, best_epoch, best, wait, epoch of the weights at the end]."""
    settings, values = stopping_settings(seed)
    watcher, model = k.callbacks.EarlyStopping(**settings), Watched()
    watcher.set_model(model)
    watcher.on_train_begin()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for model.epoch, value in enumerate(values):
            logs = {"loss": 0.0} if value is None else {"loss": 0.0, "val_loss": value}
            watcher.on_epoch_end(model.epoch, logs)
            if model.stop_training:
                break
    run = model.epoch + 1
    watcher.on_train_end()
    best = None if watcher.best is None or np.isinf(watcher.best) else watcher.best
    return [run, watcher.stopped_epoch, watcher.best_epoch, best, watcher.wait, model.epoch]
