"""What saving costs: beside an epoch of a CNN, and beside a plain copy of the bytes.

    python experiments/benchmarks/saving.py
    python experiments/benchmarks/saving.py --gigabytes 0.25 --turns 5
    python experiments/benchmarks/saving.py --tiny

Two questions. How much longer is an epoch when all that a run is is saved behind each, in the
background (`OrbaxCheckpoint`) or before the next begins (`BackupAndRestore`)? Turns with and
without alternate in one process, and the medians are compared. And how long does it take to write
a large state and to read it, beside a plain copy of a file with the same bytes? Every write
includes the flush to the disk, every read fills arrays of its own.
"""

from __future__ import annotations

import argparse
import functools
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

import jkeras
from jkeras import layers, saving
from jkeras.callbacks import BackupAndRestore, Callback, OrbaxCheckpoint


class Clock(Callback):
    """Measures epochs, from one beginning to the next, so that what other callbacks do counts."""

    def __init__(self) -> None:
        self.moments: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.moments.append(time.perf_counter())

    @property
    def seconds(self) -> list[float]:
        """The epochs but the last; of that nobody knows when it ended."""
        return [b - a for a, b in zip(self.moments[:-1], self.moments[1:], strict=True)]


def cnn() -> jkeras.Sequential:
    """The CNN of the other benchmarks."""
    model = jkeras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ],
        seed=0,
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def epochs(examples: int, turns: int, home: Path) -> dict[str, float]:
    """Median seconds of an epoch, by what saves behind it."""
    (x, y), _ = jkeras.datasets.mnist.load_sample()
    x, y = np.resize(x, (examples, 28, 28))[..., None], np.resize(y, examples)
    model = cnn()
    model.fit(x, y, batch_size=128, epochs=1, verbose=0)
    ways: dict[str, Callable[[int], list[Any]]] = {
        "nothing": lambda turn: [],
        "OrbaxCheckpoint": lambda turn: [OrbaxCheckpoint(home / f"orbax-{turn}", max_to_keep=2)],
        "BackupAndRestore": lambda turn: [BackupAndRestore(home / f"backup-{turn}")],
    }
    found: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(turns):
        for way, used in ways.items():
            clock = Clock()
            model.fit(x, y, batch_size=128, epochs=3, callbacks=[*used(turn), clock], verbose=0)
            found[way] += clock.seconds
    return {way: statistics.median(seconds) for way, seconds in found.items()}


def state(megabytes: float) -> dict[str, Any]:
    """Arrays of eight sizes, all together so many megabytes (10^6 bytes), on the device."""
    count = int(megabytes * 1e6 / 4 / 36)
    rng = np.random.default_rng(0)
    return {
        f"layer_{i}": jax.device_put(rng.standard_normal(count * i, np.float32))
        for i in range(1, 9)
    }


def seconds_of(work: Callable[[], Any]) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def copied(source: Path, target: Path) -> None:
    """A plain copy of a file, flushed to the disk."""
    shutil.copyfile(source, target)
    with open(target, "rb+") as file:
        os.fsync(file.fileno())


def files(megabytes: float, turns: int, home: Path) -> dict[str, tuple[float, float]]:
    """Median seconds to write and to read a state in each format, and to copy its bytes."""
    tree = state(megabytes)
    found: dict[str, list[tuple[float, float]]] = {}
    plain, copy = home / "plain", home / "copy"
    plain.write_bytes(b"".join(np.asarray(leaf).tobytes() for leaf in tree.values()))
    for _ in range(turns):
        seconds = seconds_of(functools.partial(copied, plain, copy))
        found.setdefault("a plain copy", []).append((seconds, seconds))
        copy.unlink()
        for ending in (".safetensors", ".msgpack"):
            path = home / f"state{ending}"
            write = seconds_of(functools.partial(saving.save, path, tree))
            read = seconds_of(functools.partial(saving.load, path, tree))
            found.setdefault(ending, []).append((write, read))
            path.unlink()
    return {
        name: (statistics.median(w for w, _ in pairs), statistics.median(r for _, r in pairs))
        for name, pairs in found.items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measures what saving costs.")
    parser.add_argument("--gigabytes", type=float, default=1.0, help="size of the large state")
    parser.add_argument("--examples", type=int, default=12_800, help="digits in an epoch")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("results"), help="folder of the report")
    parser.add_argument("--tiny", action="store_true", help="one turn of a second or two")
    options = parser.parse_args(arguments)
    if options.tiny:
        options.gigabytes, options.examples, options.turns = 0.001, 256, 1
    with tempfile.TemporaryDirectory() as home:
        by_way = epochs(options.examples, options.turns, Path(home))
        by_format = files(options.gigabytes * 1000, options.turns, Path(home))
    lines = ["| saved behind each epoch | an epoch, s | to nothing |", "|---|---|---|"]
    for way, seconds in by_way.items():
        lines.append(f"| {way} | {seconds:.3f} | {seconds / by_way['nothing']:.3f} |")
    lines += [
        "",
        f"| {options.gigabytes:g} GB | written, s | to a copy | read, s | to a copy |",
        "|---|---|---|---|---|",
    ]
    first = by_format["a plain copy"]
    for name, (write, read) in by_format.items():
        ratios = f"{write:.3f} | {write / first[0]:.2f} | {read:.3f} | {read / first[1]:.2f}"
        lines.append(f"| {name} | {ratios} |")
    print("\n".join(lines))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "saving.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
