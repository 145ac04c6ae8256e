"""Writes what Keras's metrics give after several updates, with the inputs that led to them.

Run in an environment with Keras (`pip install keras==3.15.1`), from the project's root:

    KERAS_BACKEND=jax python tests/golden/make_metrics.py

It writes `metrics.npz` beside this file. A case is a metric class, its arguments and the kind of
its inputs; its arrays are stored as `<case>/y_true`, `/y_pred` and `/weight`, each [updates, batch,
...], and `/plain` and `/weighted`: the result after each update, without and with the weights. The
names Keras gives to lists of metrics, and what it makes of "accuracy", are in `meta`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
from keras.src.trainers import compile_utils
from make_losses import drawn

FILE = Path(__file__).parent / "metrics.npz"
UPDATES, BATCH, CLASSES = 3, 6, 5

# class, arguments, targets, predictions, axes between batch and classes
CASES: list[tuple[str, dict[str, Any], str, str, tuple[int, ...]]] = [
    ("Accuracy", {}, "index_column", "index_column", ()),
    ("BinaryAccuracy", {}, "bits", "probability", ()),
    ("BinaryAccuracy", {"threshold": 0.2}, "bits", "probability", (4,)),
    ("CategoricalAccuracy", {}, "one_hot", "probability", ()),
    ("CategoricalAccuracy", {}, "one_hot", "real", (4,)),
    ("SparseCategoricalAccuracy", {}, "index", "probability", ()),
    ("SparseCategoricalAccuracy", {}, "index_column", "real", ()),
    ("SparseCategoricalAccuracy", {}, "index", "real", (4,)),
    ("TopKCategoricalAccuracy", {"k": 2}, "one_hot", "real", ()),
    ("TopKCategoricalAccuracy", {"k": 3}, "one_hot", "ties", (4,)),
    ("TopKCategoricalAccuracy", {}, "one_hot", "real", ()),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, "index", "ties", ()),
    ("SparseTopKCategoricalAccuracy", {"k": 1}, "index", "real", (4,)),
    ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, "index", "ranks", ()),
    ("Precision", {}, "bits", "probability", ()),
    ("Precision", {"thresholds": [0.1, 0.3]}, "bits", "probability", (4,)),
    ("Precision", {"thresholds": [0.0, 0.5, 1.0]}, "bits", "extreme", ()),
    ("Precision", {"top_k": 2}, "bits", "real", ()),
    ("Precision", {"top_k": 2, "class_id": 1, "thresholds": 0.1}, "bits", "probability", ()),
    ("Recall", {}, "bits", "probability", ()),
    ("Recall", {"thresholds": [0.1, 0.3]}, "bits", "probability", ()),
    ("Recall", {"thresholds": [0.0, 0.5, 1.0]}, "bits", "extreme", ()),
    ("Recall", {"top_k": 3}, "bits", "ties", ()),
    ("Recall", {"class_id": 2}, "bits", "probability", ()),
    ("MeanSquaredError", {}, "real", "real", ()),
    ("MeanSquaredError", {}, "real", "real", (4,)),
    ("RootMeanSquaredError", {}, "real", "real", ()),
    ("RootMeanSquaredError", {}, "real", "real", (4,)),
    ("MeanAbsoluteError", {}, "real", "real", ()),
    ("MeanAbsolutePercentageError", {}, "real", "real", ()),
    ("MeanSquaredLogarithmicError", {}, "positive", "positive", ()),
    ("LogCoshError", {}, "real", "real", ()),
    ("CosineSimilarity", {}, "real", "real", (4,)),
    ("Hinge", {}, "signs", "real", ()),
    ("SquaredHinge", {}, "bits", "real", ()),
    ("CategoricalHinge", {}, "one_hot", "real", ()),
    ("KLDivergence", {}, "probability", "probability", ()),
    ("Poisson", {}, "positive", "positive", ()),
    ("BinaryCrossentropy", {}, "bits", "extreme", ()),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "bits", "real", ()),
    ("CategoricalCrossentropy", {}, "one_hot", "probability", ()),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "one_hot", "probability", (4,)),
    ("SparseCategoricalCrossentropy", {}, "index", "probability", ()),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "index", "real", (4,)),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "index", "probability", (4,)),
    ("AUC", {}, "bits", "probability", ()),
    ("AUC", {"num_thresholds": 7}, "bits", "extreme", (4,)),
    ("AUC", {"from_logits": True, "summation_method": "majoring"}, "bits", "real", ()),
    ("AUC", {"summation_method": "minoring", "thresholds": [0.7, 0.1, 0.2]}, "bits", "noise", ()),
    ("AUC", {"curve": "PR"}, "bits", "noise", ()),
    ("AUC", {"curve": "PR", "summation_method": "minoring"}, "bits", "noise", ()),
    ("AUC", {"curve": "PR", "summation_method": "majoring"}, "bits", "noise", ()),
    ("AUC", {"curve": "PRGAIN"}, "bits", "noise", ()),
    ("AUC", {"curve": "PRGAIN", "summation_method": "majoring"}, "bits", "noise", ()),
    ("AUC", {"multi_label": True}, "bits", "noise", ()),
    ("AUC", {"multi_label": True, "num_labels": 5, "curve": "PR"}, "bits", "noise", ()),
    ("AUC", {"multi_label": True, "label_weights": [1.0, 0.0, 2.0, 3.0, 0.5]}, "bits", "noise", ()),
    ("AUC", {"label_weights": [1.0, 0.0, 2.0, 3.0, 0.5]}, "bits", "noise", ()),
    ("TruePositives", {}, "bits", "noise", (4,)),
    ("TruePositives", {"thresholds": [0.1, 0.2]}, "bits", "noise", ()),
    ("TrueNegatives", {"thresholds": 0.2}, "bits", "noise", ()),
    ("FalsePositives", {"thresholds": [0.0, 0.5, 1.0]}, "bits", "real", ()),
    ("FalseNegatives", {"thresholds": [0.3]}, "bits", "noise", ()),
    ("SensitivityAtSpecificity", {"specificity": 0.6}, "bits", "noise", ()),
    ("SensitivityAtSpecificity", {"specificity": 0.5, "num_thresholds": 1}, "bits", "noise", ()),
    ("SpecificityAtSensitivity", {"sensitivity": 0.7, "class_id": 2}, "bits", "noise", ()),
    ("SpecificityAtSensitivity", {"sensitivity": 0.4, "num_thresholds": 6}, "bits", "noise", (4,)),
    ("PrecisionAtRecall", {"recall": 0.8}, "bits", "noise", ()),
    ("PrecisionAtRecall", {"recall": 0.3, "num_thresholds": 9}, "bits", "real", ()),
    ("RecallAtPrecision", {"precision": 0.6}, "bits", "noise", ()),
    ("RecallAtPrecision", {"precision": 1.0, "class_id": 0}, "bits", "noise", ()),
    ("F1Score", {}, "one_hot", "probability", ()),
    ("F1Score", {"average": "micro", "threshold": 0.2}, "bits", "probability", ()),
    ("F1Score", {"average": "weighted"}, "one_hot", "ties", ()),
    ("FBetaScore", {"beta": 2.0, "threshold": 0.1}, "bits", "probability", ()),
    ("FBetaScore", {"beta": 0.5, "average": "macro"}, "one_hot", "real", ()),
    ("IoU", {"num_classes": 5, "target_class_ids": [0, 3]}, "index", "index", ()),
    (
        "IoU",
        {"num_classes": 4, "target_class_ids": [1], "ignore_class": 2},
        "index_gap",
        "index",
        (4,),
    ),
    (
        "IoU",
        {"num_classes": 5, "target_class_ids": [0, 1], "sparse_y_pred": False, "dtype": "float32"},
        "index",
        "probability",
        (4,),
    ),
    ("BinaryIoU", {}, "bits", "probability", ()),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.2}, "bits", "probability", (4,)),
    ("MeanIoU", {"num_classes": 5}, "index", "index", (4,)),
    ("MeanIoU", {"num_classes": 6, "sparse_y_true": False}, "one_hot", "index", ()),
    ("OneHotIoU", {"num_classes": 5, "target_class_ids": [4, 2]}, "one_hot", "real", (4,)),
    ("OneHotMeanIoU", {"num_classes": 5, "ignore_class": 1}, "one_hot", "real", ()),
    ("OneHotMeanIoU", {"num_classes": 5, "sparse_y_pred": True}, "one_hot", "index", (4,)),
    ("R2Score", {}, "real", "near", ()),
    ("R2Score", {"class_aggregation": None}, "real", "near", ()),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, "real", "near", ()),
    ("R2Score", {"num_regressors": 4}, "real", "near", ()),
    ("PearsonCorrelation", {}, "real", "real", ()),
    ("PearsonCorrelation", {"axis": 1}, "real", "real", (4,)),
    ("ConcordanceCorrelation", {}, "real", "near", ()),
    ("ConcordanceCorrelation", {"axis": 1}, "real", "positive", (4,)),
    ("Mean", {}, "real", "real", (4,)),
    ("Sum", {}, "real", "real", (4,)),
]
# Keras cuts their weights to integers, and its metrics of values take no targets.
OF_COUNTS = ("IoU", "BinaryIoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU")
OF_VALUES = ("Mean", "Sum")
OF_VECTORS = ("PearsonCorrelation", "ConcordanceCorrelation")

NAMES: list[tuple[list[str], list[str]]] = [
    (["mse"], []),
    (["MSE", "mse", "MeanSquaredError"], []),
    (["mse", "mse", "mse"], ["mse", "mse", "mae"]),
    (["accuracy", "acc", "Accuracy", "ACC"], ["accuracy"]),
    (["precision", "precision"], ["precision"]),
]

RESOLVED = [((8,), (8, 1)), ((8, 1), (8, 1)), ((8,), (8, 3)), ((8, 1), (8, 3)), ((8, 3), (8, 3))]
RESOLVED += [((8, 4), (8, 4, 3)), ((8, 4, 3), (8, 4, 3)), ((8, 4), (8, 4, 1))]


def inputs(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """As `drawn`, with predictions that tie, that say nothing or that are off, and with classes
    sorted from best to worst.
    """
    if kind == "ties":
        return rng.integers(0, 3, shape).astype(np.float32)
    if kind == "noise":
        return rng.uniform(size=shape).astype(np.float32)
    if kind == "near":
        return (drawn("real", shape, rng) * 0.6 + 0.3).astype(np.float32)
    if kind == "ranks":
        return np.argsort(-drawn("real", shape, rng), -1).astype(np.float32)
    made = drawn(kind, shape, rng)
    return made.astype(np.float32) if kind == "index_column" else made


def results(name: str, arguments: dict[str, Any], *arrays: Any) -> np.ndarray[Any, Any]:
    """The metric's result after each update."""
    metric = getattr(keras.metrics, name)(**arguments)
    found = []
    for batch in zip(*arrays, strict=True):
        metric.update_state(*batch)
        found.append(np.asarray(metric.result()))
    return np.stack(found)


def fitting(name: str, weight: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Weights in the form that Keras takes for this metric."""
    if name in OF_COUNTS:
        weight = np.floor(2 * weight)
    if name == "BinaryIoU":
        weight = np.repeat(weight[..., None], CLASSES, axis=-1)
    return weight[:, :, 0] if name in OF_VECTORS and weight.ndim > 2 else weight


def names(metrics: list[str], weighted: list[str]) -> list[str]:
    """What Keras calls these metrics in its logs."""
    compiled = compile_utils.CompileMetrics(metrics, weighted)
    y_true, y_pred = np.zeros((8, 3), np.float32), np.ones((8, 3), np.float32)
    compiled.update_state(y_true, y_pred)
    return list(compiled.result())


def resolved(targets: tuple[int, ...], outputs: tuple[int, ...]) -> list[str]:
    """The classes Keras takes for "accuracy" and "crossentropy", and the name of the metric."""
    y_true, y_pred = np.zeros(targets), np.zeros(outputs)
    metric = compile_utils.get_metric("acc", y_true, y_pred)
    loss = compile_utils.get_loss("ce", y_true, y_pred)
    return [type(metric).__name__, metric.name, loss.fn.__name__, loss.name]


def main() -> None:
    """Draws, measures and writes every case."""
    rng = np.random.default_rng(1)
    stored: dict[str, Any] = {}
    cases = []
    for name, arguments, targets, outputs, middle in CASES:
        case, shape = f"{len(cases):02d}_{name}", (UPDATES, BATCH, *middle, CLASSES)
        y_true, y_pred = inputs(targets, shape, rng), inputs(outputs, shape, rng)
        weight = rng.uniform(0.0, 2.0, (UPDATES, BATCH, *middle)).astype(np.float32)
        weight = fitting(name, weight)
        stored |= {f"{case}/y_true": y_true, f"{case}/y_pred": y_pred, f"{case}/weight": weight}
        arrays = (y_pred,) if name in OF_VALUES else (y_true, y_pred)
        stored[f"{case}/plain"] = results(name, arguments, *arrays)
        stored[f"{case}/weighted"] = results(name, arguments, *arrays, weight)
        cases.append([case, name, arguments])
    meta = {
        "keras": keras.__version__,
        "cases": cases,
        "names": [[plain, weighted, names(plain, weighted)] for plain, weighted in NAMES],
        "resolved": [[*shapes, resolved(*shapes)] for shapes in RESOLVED],
    }
    stored["meta"] = np.array(json.dumps(meta))
    np.savez_compressed(FILE, **stored)


if __name__ == "__main__":
    main()
