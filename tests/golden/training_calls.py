"""More runs for both libraries: callbacks, `evaluate`, `predict`, single batches; what is printed.

Importing this module completes `CASES`.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.golden.training_cases import CASES, Record, batches, case, fitted
from tests.golden.training_models import SPARSE, Library, compiled, normalized, table


@case
def fit_stopped_between_batches(k: Library) -> Record:
    model = compiled(k, metrics=["accuracy"])

    def stop(batch: int, logs: dict[str, float]) -> None:
        model.stop_training = batch == 2

    watcher = k.callbacks.LambdaCallback(on_train_batch_end=stop)
    return fitted(model, *table(96), callbacks=[watcher], validation_data=table(20, seed=1))


@case
def fit_running_means(k: Library) -> Record:
    seen: list[list[float]] = []

    def note(batch: int, logs: dict[str, float]) -> None:
        seen.append([batch, float(logs["accuracy"]), float(logs["loss"])])

    watcher = k.callbacks.LambdaCallback(on_train_batch_end=note)
    record = fitted(compiled(k, metrics=["accuracy"]), *table(69), callbacks=[watcher])
    return record | {"seen": seen}


@case
def fit_hooks(k: Library) -> Record:
    seen: list[list[Any]] = []

    class Recorder(k.callbacks.Callback):
        """Notes every hook with its argument and the names of its logs."""

    def hook(name: str) -> Callable[..., None]:
        def run(self: Any, *args: Any, logs: Any = None) -> None:
            *numbers, given = args if args and not isinstance(args[-1], int) else (*args, logs)
            seen.append([name, *map(int, numbers), sorted(given or ())])

        return run

    for phase in ("train", "test", "predict"):
        for when in ("begin", "end"):
            setattr(Recorder, f"on_{phase}_{when}", hook(f"on_{phase}_{when}"))
            setattr(Recorder, f"on_{phase}_batch_{when}", hook(f"on_{phase}_batch_{when}"))
    for when in ("begin", "end"):
        setattr(Recorder, f"on_epoch_{when}", hook(f"on_epoch_{when}"))
    model, held_out = compiled(k, metrics=["accuracy"]), table(20, seed=1)
    fitted(model, *table(48), callbacks=[Recorder()], validation_data=held_out, verbose=0)
    model.evaluate(*held_out, batch_size=16, callbacks=[Recorder()], verbose=0)
    model.predict(held_out[0], batch_size=16, callbacks=[Recorder()], verbose=0)
    return {"seen": seen}


@case
def fit_parameters_of_callbacks(k: Library) -> Record:
    watcher = k.callbacks.Callback()
    fitted(compiled(k), *table(69), callbacks=[watcher], verbose=0)
    return {"params": watcher.params}


@case
def fit_stopped_early(k: Library) -> Record:
    stop = k.callbacks.EarlyStopping("val_accuracy", restore_best_weights=True, verbose=1)
    model = compiled(k, optimizer=k.optimizers.SGD(1.0), metrics=["accuracy"])
    options = {"callbacks": [stop], "epochs": 10, "validation_data": table(40, seed=1)}
    record = fitted(model, *table(64), **options)
    return record | {"end": model.evaluate(*table(40, seed=1), verbose=0)}


@case
def fit_short_lines(k: Library) -> Record:
    model = compiled(k, metrics=["accuracy"])
    record = fitted(model, *table(69), verbose=2, validation_split=0.2)
    return record | {"once": fitted(model, *table(32), verbose=2, epochs=1)["history"]}


@case
def fit_silent(k: Library) -> Record:
    return fitted(compiled(k), *table(64), verbose=0)


@case
def evaluate_forms(k: Library) -> Record:
    x, y = table(69)
    model = compiled(
        k, metrics=["accuracy", SPARSE], weighted_metrics=["sparse_categorical_accuracy"]
    )
    weight = np.linspace(0.0, 1.0, 69)
    return {
        "list": model.evaluate(x, y),
        "dict": list(model.evaluate(x, y, return_dict=True).items()),
        "weighted": model.evaluate(x, y, sample_weight=weight, batch_size=16),
        "short": model.evaluate(x, y, verbose=2),
        "steps": model.evaluate(x, y, batch_size=16, steps=2),
        "generator": model.evaluate(batches(3)),
        "one batch": model.evaluate(x, y, batch_size=100, verbose=0),
    }


@case
def evaluate_scalar(k: Library) -> Record:
    x, y = table(69)
    model = compiled(k)
    return {
        "number": model.evaluate(x, y),
        "dict": model.evaluate(x, y, return_dict=True, verbose=0),
    }


@case
def single_batches(k: Library) -> Record:
    x, y = table(32)
    model = compiled(k, metrics=["accuracy"], weighted_metrics=["sparse_categorical_accuracy"])
    weight = np.linspace(0.0, 1.0, 32)
    return {
        "train": model.train_on_batch(x, y),
        "train dict": list(model.train_on_batch(x, y, return_dict=True).items()),
        "train weighted": model.train_on_batch(x, y, sample_weight=weight),
        "train classes": model.train_on_batch(x, y, class_weight={0: 5.0}),
        "test": model.test_on_batch(x, y),
        "test again": model.test_on_batch(x[:7], y[:7], return_dict=True),
        "test weighted": model.test_on_batch(x, y, sample_weight=weight),
        "predict": model.predict_on_batch(x[:2]).tolist(),
    }


@case
def single_batches_scalar(k: Library) -> Record:
    x, y = table(32)
    model = compiled(k)
    return {"train": float(model.train_on_batch(x, y)), "test": float(model.test_on_batch(x, y))}


@case
def predictions(k: Library) -> Record:
    x, _ = table(37)
    parts = ((x[i : i + 8],) for i in range(0, 24, 8))
    model = compiled(k, normalized(k))
    return {
        "all": model.predict(x)[:9].tolist(),
        "shape": list(model.predict(x, batch_size=16, verbose=2).shape),
        "steps": list(model.predict(x, batch_size=8, steps=2, verbose=0).shape),
        "generator": model.predict(parts, verbose=0)[-2:].tolist(),
        "called": np.asarray(model(x[:2])).tolist(),
    }


def recorded(k: Library, name: str) -> Record:
    """What a case returns, and under "printed" the lines that stay on the screen."""
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        record = CASES[name](k)
    return record | {"printed": final_lines(screen.getvalue())}


def final_lines(text: str) -> list[str]:
    """The lines as they stand at the end: without colors and redraws, times replaced by `TIME`."""
    plain = re.sub(r"\x1b\[[\d;]*m", "", text).replace("\b", "")
    last = [line.rstrip("\r").split("\r")[-1].rstrip() for line in plain.split("\n")]
    return [re.sub(r"\b\d+(ms|us|s)\b", "TIME", line) for line in last]
