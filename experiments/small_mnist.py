"""MNIST in few bits: accuracy and size of the same network in float32, int8, int4, and pruned.

python experiments/small_mnist.py          # a minute
python experiments/small_mnist.py --tiny   # a few seconds, no download
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path
from typing import Any

import numpy as np

import jkeras
from jkeras import layers


def digits(tiny: bool) -> tuple[Any, Any]:
    """Digits as numbers from 0 to 1: the whole of MNIST, or the sample in the package."""
    load = jkeras.datasets.mnist.load_sample
    if not tiny:
        try:
            (x, y), (x_test, y_test) = jkeras.datasets.mnist.load_data()
        except jkeras.datasets.NoNetwork:
            (x, y), (x_test, y_test) = load()
    else:
        (x, y), (x_test, y_test) = load()
        x, y, x_test, y_test = x[:320], y[:320], x_test[:100], y_test[:100]
    return (x / np.float32(255), y), (x_test / np.float32(255), y_test)


def network() -> jkeras.Sequential:
    """Two hidden layers."""
    parts = [layers.Flatten(), layers.Dense(256, "relu"), layers.Dense(128, "relu")]
    model = jkeras.Sequential([jkeras.Input((28, 28)), *parts, layers.Dense(10)], seed=0)
    loss = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(jkeras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
    return model


def report(name: str, model: Any, test: Any, folder: Path) -> None:
    """Prints the accuracy of a model, and the size of its file, plain and compressed."""
    path = folder / f"{name.replace(' ', '_')}.keras"
    model.save(path, include_optimizer=False)
    content = path.read_bytes()
    accuracy = model.evaluate(*test, verbose=0)[1]
    sizes = len(content) / 1024, len(gzip.compress(content)) / 1024
    print(f"{name:20} accuracy {accuracy:.4f}, {sizes[0]:6.0f} KiB, {sizes[1]:6.0f} KiB compressed")


def main() -> None:
    """Trains one network, and makes it small in several ways."""
    parser = argparse.ArgumentParser(description="MNIST in few bits.")
    parser.add_argument("--tiny", action="store_true", help="little data, one epoch, no download")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path("results/small_mnist"))
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    (x, y), test = digits(args.tiny)
    model = network()
    model.fit(x, y, batch_size=128, epochs=1 if args.tiny else args.epochs, verbose=0)
    report("float32", model, test, args.output)
    weights = model.get_weights()
    for mode in ("int8", "int4"):
        small = network()
        small.set_weights(weights)
        small.quantize(mode)
        report(mode, small, test, args.output)
    pruning = jkeras.callbacks.MagnitudePruning(0.8)
    model.fit(x, y, batch_size=128, epochs=1, callbacks=[pruning], verbose=0)
    report(f"{pruning.sparsity:.0%} of zeros".replace("%", " percent"), model, test, args.output)


if __name__ == "__main__":
    main()
