"""What every peer shares: the options, the data, the clock, and the one line of JSON it prints.

A peer is a script that makes a `Runner` for the model it is asked for and hands it to `measure`.
The data come from the file that `BENCH_DATA` names, written once by the suite, so that no peer pays
for another's loader.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

IMAGES = ("cnn", "resnet", "deep")  # models that want a channel axis
TINY_IMAGE = slice(10, 18)  # what the deep model sees: 8 x 8 pixels from the middle
EVALUATED_AT_ONCE = 1000  # examples, in the loops written by hand


class Data(NamedTuple):
    """Images `[n, 28, 28]`, for convolutions `[n, height, width, 1]`, float32 in [0, 1]; labels
    `[n]` int32.
    """

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


class Runner(Protocol):
    """A model that is ready to be trained."""

    weights: int
    device: str

    def first_step(self) -> None:
        """One update, until its result has arrived."""

    def epochs(self, count: int) -> tuple[list[float], float]:
        """Trains: the seconds of each epoch with its validation, and the last test accuracy."""


class Loop:
    """The part of a `Runner` that the hand-written loops share: epochs one by one."""

    def epoch(self) -> float:
        """Trains for one epoch and returns the test accuracy."""
        raise NotImplementedError

    def epochs(self, count: int) -> tuple[list[float], float]:
        """As `Runner.epochs`."""
        seconds, accuracy = [], 0.0
        for _ in range(count):
            start = time.perf_counter()
            accuracy = self.epoch()
            seconds.append(time.perf_counter() - start)
        return seconds, accuracy


def options() -> argparse.Namespace:
    """The command line that the suite gives to every peer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--optimizer", choices=["sgd", "adam"], required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--depth", type=int, default=50, help="layers of the deep model")
    parser.add_argument("--first-step", action="store_true", help="one update, then stop")
    return parser.parse_args()


def load(model: str) -> Data:
    """The digits in the form that a model takes."""
    with np.load(os.environ["BENCH_DATA"]) as file:
        x, y, x_test, y_test = (file[name] for name in ("x", "y", "x_test", "y_test"))
    if model == "deep":
        x, x_test = (images[:, TINY_IMAGE, TINY_IMAGE] for images in (x, x_test))
    if model in IMAGES:
        x, x_test = x[..., None], x_test[..., None]
    pixels, pixels_test = x.astype("float32") / 255, x_test.astype("float32") / 255
    return Data(pixels, y.astype("int32"), pixels_test, y_test.astype("int32"))


def batches(rng: np.random.Generator, length: int, size: int) -> Iterator[np.ndarray]:
    """The indices of each full batch of an epoch, shuffled; the odd rest is left out."""
    order = rng.permutation(length)
    for start in range(0, length // size * size, size):
        yield order[start : start + size]


def share(count_fn: Callable[[Any, Any], Any], x: Any, y: Any) -> float:
    """The share of examples that `count_fn(x, y)` counts, asked for a thousand at a time."""
    starts = range(0, len(x), EVALUATED_AT_ONCE)
    parts = [slice(start, start + EVALUATED_AT_ONCE) for start in starts]
    return float(sum(count_fn(x[part], y[part]) for part in parts)) / len(x)


def peak_mb() -> float:
    """The most memory that this process has held, in MB.

    Where Linux tells it, the peak of this program alone: `ru_maxrss` of a process that was started
    by a larger one is at least the larger one's.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def measure(
    args: argparse.Namespace, imports: float, build: Callable[[argparse.Namespace, Data], Runner]
) -> None:
    """Builds, trains, and prints the figures as one line of JSON.

    Args:
      args: what `options` returned.
      imports: seconds that the peer's imports took.
      build: makes the model. Its time counts for the first step: weights are made there, or later.
    """
    data = load(args.model)
    start = time.perf_counter()
    runner = build(args, data)
    figures: dict[str, Any] = {
        "weights": runner.weights,
        "device": runner.device,
        "examples": len(data.x),
    }
    if args.first_step:
        runner.first_step()
        figures |= {"first_step_s": time.perf_counter() - start}
    else:
        seconds, accuracy = runner.epochs(args.epochs)
        epoch_s = float(np.median(seconds[1:] or seconds))
        figures |= {"epoch_s": epoch_s, "first_epoch_s": seconds[0], "accuracy": accuracy}
    figures |= {"import_s": imports, "peak_mb": peak_mb()}
    print(json.dumps(figures), flush=True)
