"""Writes what Keras's losses give: values, reductions and gradients, with the inputs that led to
them.

Run in an environment with Keras (`pip install keras==3.15.1`), from the project's root:

    KERAS_BACKEND=jax python tests/golden/make_losses.py

It writes `losses.npz` beside this file. A case is a loss class, its arguments and the kind of its
inputs; its arrays are stored as `<case>/y_true`, `/y_pred`, `/weight`, `/values`, `/<reduction>`,
`/weighted_<reduction>` and `/gradient`, the gradient of the weighted mean by `y_pred`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras
import numpy as np

FILE = Path(__file__).parent / "losses.npz"
REDUCTIONS = ("sum_over_batch_size", "sum", "mean_with_sample_weight")
SHAPES = {"flat": (6, 4), "time": (3, 5, 4)}
FLAT, TIME = ("Circle",), ("CTC",)

# class, arguments, targets, predictions
CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("MeanSquaredError", {}, "real", "real"),
    ("MeanAbsoluteError", {}, "real", "real"),
    ("MeanAbsolutePercentageError", {}, "real", "real"),
    ("MeanSquaredLogarithmicError", {}, "positive", "positive"),
    ("Huber", {}, "real", "real"),
    ("Huber", {"delta": 0.5}, "real", "real"),
    ("LogCosh", {}, "real", "real"),
    ("CosineSimilarity", {}, "real", "real"),
    ("CosineSimilarity", {"axis": 1}, "real", "real"),
    ("KLDivergence", {}, "probability", "probability"),
    ("Poisson", {}, "positive", "positive"),
    ("Hinge", {}, "bits", "real"),
    ("Hinge", {}, "signs", "real"),
    ("SquaredHinge", {}, "bits", "real"),
    ("SquaredHinge", {}, "signs", "real"),
    ("CategoricalHinge", {}, "one_hot", "real"),
    ("BinaryCrossentropy", {}, "bits", "extreme"),
    ("BinaryCrossentropy", {"from_logits": True}, "bits", "real"),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, "bits", "extreme"),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, "bits", "real"),
    ("CategoricalCrossentropy", {}, "one_hot", "probability"),
    ("CategoricalCrossentropy", {}, "probability", "positive"),
    ("CategoricalCrossentropy", {"from_logits": True}, "one_hot", "real"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "one_hot", "extreme"),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "one_hot", "real"),
    ("SparseCategoricalCrossentropy", {}, "index", "probability"),
    ("SparseCategoricalCrossentropy", {}, "index_column", "extreme"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "index", "real"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "index", "probability"),
    (
        "SparseCategoricalCrossentropy",
        {"ignore_class": -1, "from_logits": True},
        "index_gap",
        "real",
    ),
    ("BinaryFocalCrossentropy", {}, "bits", "extreme"),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "gamma": 1.5}, "bits", "extreme"),
    (
        "BinaryFocalCrossentropy",
        {"from_logits": True, "label_smoothing": 0.1, "alpha": 0.6, "apply_class_balancing": True},
        "bits",
        "real",
    ),
    ("CategoricalFocalCrossentropy", {}, "one_hot", "probability"),
    ("CategoricalFocalCrossentropy", {"alpha": [0.1, 0.2, 0.3, 0.4]}, "one_hot", "positive"),
    (
        "CategoricalFocalCrossentropy",
        {"from_logits": True, "label_smoothing": 0.1, "gamma": 1.2},
        "one_hot",
        "real",
    ),
    ("CategoricalGeneralizedCrossEntropy", {}, "index", "probability"),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.8}, "index", "probability"),
    ("Circle", {}, "label", "unit"),
    ("Circle", {"gamma": 8.0, "margin": 0.2}, "label", "unit"),
    ("Circle", {"gamma": 2.0, "remove_diagonal": False}, "label", "unit"),
    ("CTC", {}, "symbols", "real"),
    ("Dice", {}, "bits", "probability"),
    ("Dice", {"axis": [1]}, "bits", "probability"),
    ("Dice", {"axis": [-1, -2]}, "bits", "extreme"),
    ("Tversky", {"alpha": 0.3, "beta": 0.8}, "bits", "probability"),
    ("Tversky", {"axis": [-1], "alpha": 0.9}, "bits", "extreme"),
]


def drawn(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Random numbers of a kind: targets or predictions of this shape, the classes last."""
    real = 2 * rng.normal(size=shape)
    index = rng.integers(0, shape[-1], shape[:-1])
    positive = np.exp(real)
    extreme = rng.uniform(size=shape)
    extreme.flat[:3] = (0.0, 1.0, 1e-9)
    made = {
        "real": real,
        "positive": positive,
        "probability": positive / positive.sum(-1, keepdims=True),
        "extreme": extreme,
        "bits": (real > 0).astype(np.int32),
        "signs": np.where(real > 0, 1, -1),
        "one_hot": np.eye(shape[-1], dtype=np.int32)[index],
        "index": index,
        "index_column": index[..., None],
        "index_gap": np.where(index == 0, -1, index),
        "unit": real / np.linalg.norm(real, axis=-1, keepdims=True),
        "label": index % 2,
        "symbols": np.sort(index, -1)[..., ::-1][..., : shape[-1] - 1],
    }[kind]
    return made.astype(np.float32 if made.dtype.kind == "f" else np.int32)


def measured(name: str, arguments: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
    """What Keras makes of the arrays: values, reductions with and without weights, and the
    gradient.
    """
    make = getattr(keras.losses, name)
    y_true, y_pred, weight = (arrays[key] for key in ("y_true", "y_pred", "weight"))
    found = {"values": make(**arguments, reduction=None)(y_true, y_pred)}
    for reduction in REDUCTIONS:
        loss = make(**arguments, reduction=reduction)
        found[reduction] = loss(y_true, y_pred)
        found[f"weighted_{reduction}"] = loss(y_true, y_pred, sample_weight=weight)
    loss = make(**arguments)
    found["gradient"] = jax.grad(lambda p: loss(y_true, p, sample_weight=weight))(y_pred)
    return {key: np.asarray(value) for key, value in found.items()}


def main() -> None:
    """Draws, measures and writes every case."""
    rng = np.random.default_rng(0)
    stored: dict[str, Any] = {}
    cases = []
    for name, arguments, targets, outputs in CASES:
        for size, shape in SHAPES.items():
            if name in (FLAT if size == "time" else TIME):
                continue
            case = f"{len(cases):02d}_{name}_{size}"
            arrays = {"y_true": drawn(targets, shape, rng), "y_pred": drawn(outputs, shape, rng)}
            values = getattr(keras.losses, name)(**arguments, reduction=None)(*arrays.values())
            rows = values.shape or shape[:1]
            arrays["weight"] = rng.uniform(0.1, 3.0, rows).astype(np.float32)
            arrays |= measured(name, arguments, arrays)
            stored |= {f"{case}/{key}": value for key, value in arrays.items()}
            cases.append([case, name, arguments])
    stored["meta"] = np.array(json.dumps({"keras": keras.__version__, "cases": cases}))
    np.savez_compressed(FILE, **stored)


if __name__ == "__main__":
    main()
