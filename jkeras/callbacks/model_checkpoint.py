"""The model, or its weights, in files while training runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from jkeras.callbacks.base import Logs
from jkeras.callbacks.monitor import Mode
from jkeras.callbacks.saving_callback import SavingCallback
from jkeras.core.errors import WrongTypeError, describe, named_arguments, nearest

MODEL_ENDINGS = (".keras",)
WEIGHT_ENDINGS = (".weights.h5", ".safetensors", ".msgpack")


class ModelCheckpoint(SavingCallback):
    """Saves the model, or its weights, after every epoch, or after every n batches. Each file is
    written atomically.

    Args:
      filepath: ends with `.keras`, for the whole model; with `save_weights_only`, with
        `.weights.h5`, `.safetensors` or `.msgpack`. It may name values in braces: `epoch` (from
        1), `batch` (from 1, when batches are counted) and every log:
        `"{epoch:02d}-{val_loss:.2f}.keras"`.
      monitor: a log name, such as `"val_loss"`.
      verbose: 1 prints a line about each decision.
      save_best_only: save only when `monitor` has improved.
      save_weights_only: save the weights with `model.save_weights` instead of the model.
      mode: "min", "max", or "auto", which goes by the metric.
      save_freq: "epoch", or a number of batches, counted from the run's first one on; the steps
        between two files are still dispatched together.
      initial_value_threshold: the value that `monitor` has to beat before anything is saved.

    Attributes:
      best: the best value so far; None before the first one.

    Raises:
      TypeError, ValueError: an argument has a wrong type or value; while training: `filepath` names
        a value that is not among the logs.

    Source: `keras.callbacks.ModelCheckpoint`.
    """

    @named_arguments
    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: Mode = "auto",
        save_freq: int | Literal["epoch"] = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold, save_best_only, verbose, save_freq)
        self.filepath = _checked_path(filepath, save_weights_only)
        self.save_weights_only = save_weights_only
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, logs or {}, {})

    def on_boundary(self, batch: int, logs: Logs | None = None) -> None:
        self._save(self._epoch, logs or {}, {"batch": batch + 1})

    def _save(self, epoch: int, logs: Logs, numbers: dict[str, Any]) -> None:
        values = {**numbers, "epoch": epoch + 1, **logs}
        try:
            path = self.filepath.format(**values)
        except KeyError as error:
            name = str(error.args[0])
            raise ValueError(
                f"ModelCheckpoint: `filepath`: {self.filepath!r} names {name!r}, which is not "
                f"among the values: {', '.join(values)}.{nearest(name, values)}"
            ) from None
        if self.should_save(epoch, logs, f"saving model to {path}", unwatched=True):
            save = self.model.save_weights if self.save_weights_only else self.model.save
            save(path)
            self.print_line(epoch, f"finished saving model to {path}")


def _checked_path(filepath: object, weights_only: bool) -> str:
    if not isinstance(filepath, str | os.PathLike):
        raise WrongTypeError(
            "ModelCheckpoint: `filepath`: expected a path such as 'best.keras', got "
            f"{describe(filepath)}."
        )
    path = os.fspath(filepath)
    endings = WEIGHT_ENDINGS if weights_only else MODEL_ENDINGS
    if not path.endswith(endings):
        what = "weights alone are saved" if weights_only else "whole models are saved"
        raise ValueError(
            f"ModelCheckpoint: `filepath`: expected a name that ends with "
            f"{' or '.join(map(repr, endings))}, because {what}, got {path!r}. "
            f"{_calls(path, weights_only)}."
        )
    if Path(path).is_dir():
        raise ValueError(f"ModelCheckpoint: `filepath`: expected a file, got the folder {path!r}.")
    return path


def _calls(path: str, weights_only: bool) -> str:
    """The corrected call for an error message, with `save_weights_only` as the ending requires."""
    stem = path
    for ending in (*WEIGHT_ENDINGS, *MODEL_ENDINGS, ".h5"):
        stem = stem.removesuffix(ending)
    whole = f"ModelCheckpoint({stem + '.keras'!r})"
    weights = f"ModelCheckpoint({stem + '.weights.h5'!r}, save_weights_only=True)"
    if weights_only:
        also = f", or for the whole model {whole}" if path.endswith(MODEL_ENDINGS) else ""
        return f"Write {weights}{also}"
    kept = next((path for ending in WEIGHT_ENDINGS if path.endswith(ending)), None)
    if kept is None:
        return f"Write {whole}"
    return f"Write {whole}, or for weights alone ModelCheckpoint({kept!r}, save_weights_only=True)"
