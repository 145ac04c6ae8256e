"""What every peer shares: the data, the options, and the one line of JSON it prints.

The data come from the environment's MNIST folder (`MNIST_NPZ`, written once by `compare.py`), so
that no peer pays for another's loader.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

START = time.perf_counter()
Pair = tuple[np.ndarray, np.ndarray]


def options() -> argparse.Namespace:
    """The command line that `compare.py` gives to every peer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", required=True)
    parser.add_argument("--model", choices=["mlp", "cnn"], default="mlp")
    parser.add_argument("--optimizer", choices=["sgd", "adam"], default="sgd")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=3)
    return parser.parse_args()


def load(model: str) -> tuple[Pair, Pair]:
    """MNIST as float32 in [0, 1] and integer labels; images with a channel for the CNN."""
    with np.load(os.environ["MNIST_NPZ"]) as file:
        x, y, x_test, y_test = (file[name] for name in ("x", "y", "x_test", "y_test"))
    x, x_test = x.astype("float32") / 255, x_test.astype("float32") / 255
    if model == "cnn":
        x, x_test = x[..., None], x_test[..., None]
    return (x, y.astype("int32")), (x_test, y_test.astype("int32"))


def timed_epochs(epochs: int, run_epoch: Callable[[], Any]) -> list[float]:
    """Seconds of each call."""
    seconds = []
    for _ in range(epochs):
        start = time.perf_counter()
        run_epoch()
        seconds.append(time.perf_counter() - start)
    return seconds


def report(
    args: argparse.Namespace, *, imports: float, epochs: Sequence[float], accuracy: float
) -> None:
    """Prints the result as one line of JSON."""
    result = {
        "peer": args.peer,
        "model": args.model,
        "import_s": imports,
        "first_epoch_s": epochs[0],
        "epoch_s": float(np.median(epochs[1:] or epochs)),
        "total_s": time.perf_counter() - START,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "accuracy": accuracy,
    }
    print(json.dumps(result), file=sys.stdout, flush=True)
