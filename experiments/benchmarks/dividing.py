"""What dividing a step over devices costs by itself: the last table of docs/scale.md.

    python experiments/benchmarks/dividing.py
    python experiments/benchmarks/dividing.py --tiny

Two virtual devices of one CPU do the work of one, so what they take longer is the cost of dividing.
The time of a step is measured, and the processor time of all threads, which other work on the
machine changes little: each the least of four times twenty steps.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from typing import NamedTuple

os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")  # before JAX is imported

import numpy as np

import jkeras
from jkeras.distribution import DataParallel, list_devices

DEVICES = 2


class Case(NamedTuple):
    """What is measured: rows of a batch, units of a hidden layer, steps at a time, and times."""

    batch: int
    units: int
    steps: int
    times: int


def milliseconds(case: Case, devices: int) -> tuple[float, float]:
    """Time, and processor time, of a step of training on so many devices."""
    random = np.random.default_rng(0)
    rows = case.batch * case.steps
    x = random.normal(size=(rows, 784)).astype("float32")
    y = random.integers(0, 10, rows).astype("int32")
    hidden = [jkeras.layers.Dense(case.units, activation="relu") for _ in range(2)]
    model = jkeras.Sequential([jkeras.Input((784,)), *hidden, jkeras.layers.Dense(10)], seed=0)
    loss = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)
    spread = DataParallel(devices=list_devices()[:devices]) if devices > 1 else None
    model.compile("adam", loss, distribution=spread)
    model.fit(x, y, case.batch, verbose=0)  # compiles
    walls, processors = [], []
    for _ in range(case.times):
        began = time.perf_counter(), time.process_time()
        model.fit(x, y, case.batch, verbose=0)
        walls.append(time.perf_counter() - began[0])
        processors.append(time.process_time() - began[1])
    return 1000 * min(walls) / case.steps, 1000 * min(processors) / case.steps


def rows(cases: Sequence[Case]) -> list[str]:
    """The rows of the table."""
    found = []
    for case in cases:
        pairs = zip(*(milliseconds(case, devices) for devices in (1, DEVICES)), strict=True)
        cells = [f"{one:.1f} | {two:.1f} | {two / one:.2f}" for one, two in pairs]
        found.append(f"| {case.batch:,} | {' | '.join(cells)} |")
    return found


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tiny", action="store_true", help="one small case")
    parser.add_argument("--output", help="not used: nothing is written")
    tiny = parser.parse_args().tiny
    cases = [Case(batch, 1024, 20, 4) for batch in (256, 512, 1024)]
    print("| batch | one device, ms | two, ms | ratio | processor: one, ms | two, ms | ratio |")
    print("|---|---|---|---|---|---|---|")
    print("\n".join(rows([Case(8, 8, 2, 1)] if tiny else cases)))


if __name__ == "__main__":
    main()
