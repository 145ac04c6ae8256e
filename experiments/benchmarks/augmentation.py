"""What image augmentation costs inside of `fit`, beside Keras on JAX.

    python experiments/benchmarks/augmentation.py
    python experiments/benchmarks/augmentation.py --batches 16 --turns 5
    python experiments/benchmarks/augmentation.py --tiny

RandomFlip, RandomRotation, RandomZoom and RandomContrast on batches of 128 images of 64 x 64 x 3,
in front of a model that does next to nothing. Both libraries run in this process, fits in turns,
and medians are compared. Keras does not compile a step that has these layers in it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import jkeras

TARGET = 0.15
"""The share of Keras's time that is aimed at."""


def network(k: Any, side: int) -> Any:
    """The four layers of a library, and a model behind them that costs little."""
    layers = k.layers
    model = k.Sequential(
        [
            k.Input((side, side, 3)),
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.1),
            layers.RandomZoom(0.2),
            layers.RandomContrast(0.3, value_range=(0, 1)),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def seconds_of(model: Any, x: np.ndarray, y: np.ndarray, batch: int) -> float:
    """How long an epoch takes, in a fit of three."""
    began = time.perf_counter()
    model.fit(x, y, batch_size=batch, epochs=3, verbose=0)
    return (time.perf_counter() - began) / 3


def milliseconds(
    models: dict[str, Any], side: int, batch: int, batches: int, turns: int
) -> dict[str, float]:
    """Median milliseconds of a batch for each model; the first fit of each only compiles."""
    rng = np.random.default_rng(0)
    x = rng.random((batch * batches, side, side, 3), np.float32)
    y = rng.integers(0, 10, batch * batches)
    found: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(turns + 1):
        for name, model in models.items():
            seconds = seconds_of(model, x, y, batch)
            if turn:
                found[name].append(1000 * seconds / batches)
    return {name: statistics.median(times) for name, times in found.items()}


def peers(side: int, *, alone: bool) -> dict[str, Any]:
    """The models to compare."""
    models = {"jkeras": network(jkeras, side)}
    if alone or importlib.util.find_spec("keras") is None:
        return models
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    return {**models, "Keras": network(keras, side)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, prints a table and writes it."""
    parser = argparse.ArgumentParser(description="Measures what image augmentation costs in fit.")
    parser.add_argument("--batch", type=int, default=128, help="images in a batch")
    parser.add_argument("--batches", type=int, default=8, help="batches in an epoch")
    parser.add_argument("--side", type=int, default=64, help="height and width of the images")
    parser.add_argument("--turns", type=int, default=3, help="fits of each that are measured")
    parser.add_argument("--tiny", action="store_true", help="a few small images, without Keras")
    parser.add_argument("--output", type=Path, default=Path("results/augmentation"))
    args = parser.parse_args(arguments)
    if args.tiny:
        args.batch, args.batches, args.side, args.turns = 4, 2, 8, 1
    models = peers(args.side, alone=args.tiny)
    found = milliseconds(models, args.side, args.batch, args.batches, args.turns)
    print(f"a batch of {args.batch} images of {args.side} x {args.side} x 3 in fit:")
    for name, time_of_batch in found.items():
        print(f"  {name:8s}{time_of_batch:8.1f} ms")
    if "Keras" in found:
        ratio = found["jkeras"] / found["Keras"]
        print(f"jkeras takes {ratio:.3f} of Keras's time (target: at most {TARGET})")
    args.output.mkdir(parents=True, exist_ok=True)
    (args.output / "augmentation.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
