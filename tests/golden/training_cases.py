"""Runs of `fit` that Keras and jkeras both make: data, weights, losses, metrics, rules and lengths.

`CASES` holds them under their names; each takes the library and returns what it learned of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.golden.training_models import (
    CLASSES,
    SPARSE,
    Library,
    cnn,
    compiled,
    images,
    mlp,
    normalized,
    table,
)

Record = dict[str, Any]
Case = Callable[[Library], Record]

CASES: dict[str, Case] = {}


def case(function: Case) -> Case:
    """Adds a run to `CASES` under its name."""
    CASES[function.__name__] = function
    return function


def fitted(model: Any, x: Any, y: Any = None, **options: Any) -> Record:
    """Trains two epochs in batches of 16 without shuffling, and tells the history."""
    history = model.fit(x, y, **({"epochs": 2, "batch_size": 16, "shuffle": False} | options))
    return {"epoch": history.epoch, "history": history.history}


@case
def fit_one_epoch(k: Library) -> Record:
    return fitted(compiled(k), *table(64), epochs=1)


@case
def fit_validation_data(k: Library) -> Record:
    model = compiled(k, metrics=["accuracy"])
    return fitted(model, *table(64), validation_data=table(24, seed=1))


@case
def fit_validation_data_with_weights(k: Library) -> Record:
    model = compiled(k, metrics=["accuracy"], weighted_metrics=["accuracy"])
    held_out = (*table(24, seed=1), np.linspace(0.0, 2.0, 24))
    return fitted(model, *table(64), validation_data=held_out)


@case
def fit_validation_split(k: Library) -> Record:
    return fitted(compiled(k, metrics=["accuracy"]), *table(77), validation_split=0.3)


WEIGHTED = {"metrics": ["accuracy"], "weighted_metrics": ["sparse_categorical_accuracy"]}


@case
def fit_validation_split_class_weight(k: Library) -> Record:
    weights = {"class_weight": {0: 8.0, 3: 0.25}, "validation_split": 0.3}
    return fitted(compiled(k, **WEIGHTED), *table(77), **weights)


@case
def fit_validation_split_sample_weight(k: Library) -> Record:
    weights = {"sample_weight": np.linspace(0.0, 2.0, 77), "validation_split": 0.3}
    return fitted(compiled(k, **WEIGHTED), *table(77), **weights)


@case
def fit_validation_options(k: Library) -> Record:
    held_out = {"validation_data": table(40, seed=1), "validation_steps": 2}
    frequency = {"validation_batch_size": 7, "validation_freq": 2, "epochs": 5}
    return fitted(compiled(k), *table(64), **held_out, **frequency)


@case
def fit_validation_epochs(k: Library) -> Record:
    held_out = {"validation_data": table(20, seed=1), "validation_freq": [1, 3]}
    return fitted(compiled(k), *table(64), epochs=4, **held_out)


@case
def fit_sample_weight(k: Library) -> Record:
    model = compiled(k, metrics=["accuracy"], weighted_metrics=["accuracy", SPARSE])
    return fitted(model, *table(70), sample_weight=np.linspace(0.0, 3.0, 70))


@case
def fit_class_weight(k: Library) -> Record:
    model = compiled(k, metrics=["accuracy"], weighted_metrics=["sparse_categorical_accuracy"])
    return fitted(model, *table(64), class_weight={0: 2.0, 3: 0.25})


@case
def fit_one_hot_class_weight(k: Library) -> Record:
    x, y = table(64)
    model = compiled(k, loss="categorical_crossentropy", metrics=["acc"])
    return fitted(model, x, np.eye(CLASSES, dtype="float32")[y], class_weight={1: 3.0})


@case
def fit_label_smoothing(k: Library) -> Record:
    x, y = table(64)
    loss = k.losses.CategoricalCrossentropy(label_smoothing=0.1)
    model = compiled(k, loss=loss, metrics=["accuracy", "categorical_crossentropy"])
    return fitted(model, x, np.eye(CLASSES, dtype="float32")[y])


@case
def fit_logits(k: Library) -> Record:
    loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = compiled(k, mlp(k, activation="linear"), loss=loss, metrics=["accuracy"])
    return fitted(model, *table(64))


@case
def fit_several_metrics(k: Library) -> Record:
    top = k.metrics.SparseTopKCategoricalAccuracy(k=2, name="top_2")
    model = compiled(k, metrics=["sparse_categorical_accuracy", top, SPARSE])
    return fitted(model, *table(72), validation_data=table(20, seed=1))


@case
def fit_binary(k: Library) -> Record:
    x, y = table(72)
    names = ["accuracy", k.metrics.Precision(), k.metrics.Recall()]
    model = compiled(k, mlp(k, 1, "sigmoid"), loss="binary_crossentropy", metrics=names)
    return fitted(model, x, (y > 2).astype("int32"))


@case
def fit_regression(k: Library) -> Record:
    x, _ = table(72)
    model = compiled(
        k, mlp(k, 1, "linear"), optimizer="rmsprop", loss="mse", metrics=["mae", "mse"]
    )
    return fitted(model, x, x[:, :1] - x[:, 1:2])


@case
def fit_regression_of_vectors(k: Library) -> Record:
    x, _ = table(72)
    model = compiled(k, mlp(k, 1, "linear"), optimizer="sgd", loss="mae", metrics=["mse"])
    return fitted(model, x, x[:, 0], sample_weight=np.linspace(1.0, 2.0, 72))


@case
def fit_partial_batch(k: Library) -> Record:
    return fitted(compiled(k, metrics=["accuracy"]), *table(69))


@case
def fit_partial_batch_normalized(k: Library) -> Record:
    model = compiled(k, normalized(k), metrics=["accuracy"])
    record = fitted(model, *table(69), validation_data=table(21, seed=1), epochs=3)
    return record | {"weights": [weight.tolist() for weight in model.get_weights()[1:5]]}


@case
def fit_penalties(k: Library) -> Record:
    rules = {"kernel_regularizer": k.regularizers.L2(0.01), "activity_regularizer": "l2"}
    model = compiled(k, mlp(k, **rules, bias_regularizer="l1"))
    return fitted(model, *table(69), validation_data=table(21, seed=1))


@case
def fit_only_regularized_kernel(k: Library) -> Record:
    return fitted(compiled(k, mlp(k, kernel_regularizer="l2")), *table(69), validation_split=0.2)


@case
def fit_constrained(k: Library) -> Record:
    return fitted(compiled(k, mlp(k, kernel_constraint="non_neg")), *table(64))


@case
def fit_images(k: Library) -> Record:
    return fitted(compiled(k, cnn(k), metrics=["accuracy"]), *images(40), validation_split=0.25)


@case
def fit_initial_epoch(k: Library) -> Record:
    return fitted(compiled(k), *table(64), initial_epoch=2, epochs=4)


@case
def fit_initial_epoch_past_the_end(k: Library) -> Record:
    return fitted(compiled(k), *table(64), initial_epoch=3, epochs=3)


@case
def fit_steps_per_epoch(k: Library) -> Record:
    return fitted(compiled(k), *table(160), steps_per_epoch=3, epochs=3)


@case
def fit_steps_per_epoch_wraps(k: Library) -> Record:
    return fitted(compiled(k), *table(69), steps_per_epoch=2, epochs=6)


@case
def fit_twice(k: Library) -> Record:
    model = compiled(k, metrics=["accuracy"])
    first = fitted(model, *table(64))["history"]
    return {"first": first} | fitted(model, *table(48, seed=1), epochs=1)


def batches(count: int, size: int = 16) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """A generator of batches, the last of them smaller."""
    x, y = table(count * size - 5)
    for start in range(0, len(x), size):
        yield x[start : start + size], y[start : start + size]


@case
def fit_generator(k: Library) -> Record:
    model = compiled(k, metrics=["accuracy"])
    return fitted(model, batches(8), batch_size=None, shuffle=True, steps_per_epoch=4)


@case
def fit_generator_to_its_end(k: Library) -> Record:
    model = compiled(k, normalized(k), metrics=["accuracy"])
    return fitted(model, batches(4), batch_size=None, shuffle=True, epochs=1)


@case
def fit_weighted_generator(k: Library) -> Record:
    weighted = ((x, y, np.linspace(0.5, 1.0, len(x))) for x, y in batches(6))
    model = compiled(k, weighted_metrics=["accuracy"])
    held_out = {"validation_data": batches(4), "validation_steps": 2, "epochs": 1}
    return fitted(model, weighted, batch_size=None, shuffle=True, steps_per_epoch=3, **held_out)


def numbered(k: Library, rows: int, seed: int = 0) -> Any:
    """Batches of 16 by number; the last may be smaller."""
    x, y = table(rows, seed=seed)

    class Batches(k.utils.PyDataset):  # type: ignore[name-defined]
        def __len__(self) -> int:
            return -(-rows // 16)

        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            part = slice(16 * index, 16 * index + 16)
            return x[part], y[part]

    return Batches()


@case
def fit_py_dataset_class_weight(k: Library) -> Record:
    model, held_out = compiled(k, **WEIGHTED), numbered(k, 40, seed=1)
    weights = {"class_weight": {0: 8.0, 3: 0.25}, "validation_data": held_out}
    return fitted(model, numbered(k, 69), batch_size=None, **weights)


@case
def fit_py_dataset_steps_per_epoch(k: Library) -> Record:
    steps = {"steps_per_epoch": 2, "epochs": 4, "validation_steps": 1}
    model, held_out = compiled(k, metrics=["accuracy"]), numbered(k, 40, seed=1)
    return fitted(model, numbered(k, 96), batch_size=None, validation_data=held_out, **steps)


@case
def fit_py_dataset_steps_per_epoch_wraps(k: Library) -> Record:
    return fitted(compiled(k), numbered(k, 69), batch_size=None, steps_per_epoch=2, epochs=6)


@case
def fit_py_dataset_steps_beyond_its_length(k: Library) -> Record:
    steps = {"steps_per_epoch": 8, "epochs": 3, "verbose": 0}  # the line says 8/8 there, 5/5 here
    return fitted(compiled(k), numbered(k, 69), batch_size=None, **steps)
