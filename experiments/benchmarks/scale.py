"""How cost grows: an epoch with the number of examples, a step with the number of layers.

    python experiments/benchmarks/scale.py
    python experiments/benchmarks/scale.py --examples 10000 1000000 --ways streaming

Examples: made rows of 32 numbers go through a small dense network, held on the device ("resident")
or handed over batch by batch ("streaming"). If an epoch's time is linear, the time per example is
the same in every row; if streaming holds no more than it needs, its memory is too.

Layers: a row of equal dense layers, beside the same network hand-written as one scan. What a step
costs beyond the arithmetic is the difference. Every measurement runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from suite import machine

sys.path.append(str(Path(__file__).parent / "peers"))
import common

FEATURES, BATCH, POOL = 32, 256, 64  # numbers a row, rows a batch, batches that a stream repeats
WIDTH, STEPS = 64, 512  # of the layers that are counted, and of an epoch through them
WAYS = ("resident", "streaming")
PEERS = ("jkeras", "raw-scan")


class Rows:
    """Batches of made rows: a stream that can be started again, and that holds few of them."""

    def __init__(self, examples: int) -> None:
        self._steps = examples // BATCH
        self._x, self._y = made_rows(POOL * BATCH)

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for step in range(self._steps):
            rows = slice(step % POOL * BATCH, (step % POOL + 1) * BATCH)
            yield self._x[rows], self._y[rows]


def made_rows(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows `[count, 32]` float32, and whether the first number is positive, `[count]` int32."""
    x = np.random.default_rng(0).standard_normal((count, FEATURES), np.float32)
    return x, (x[:, 0] > 0).astype(np.int32)


def dense_network(depth: int, width: int) -> Any:
    """A compiled classifier with `depth` hidden layers."""
    import jkeras
    from jkeras.layers import Dense

    hidden = [Dense(width, activation="relu") for _ in range(depth)]
    layers = [jkeras.Input((FEATURES,)), *hidden, Dense(2, activation="softmax")]
    model = jkeras.Sequential(layers, seed=0)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def fit_seconds(model: Any, epochs: int, *data: Any, **options: Any) -> list[float]:
    """Seconds of each epoch."""
    import jkeras

    class Clock(jkeras.callbacks.Callback):
        marks: tuple[float, ...] = ()

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.marks += (time.perf_counter(),)

        on_epoch_end = on_epoch_begin

    clock = Clock()
    model.fit(*data, epochs=epochs, verbose=0, callbacks=[clock], **options)
    return [end - start for start, end in zip(clock.marks[::2], clock.marks[1::2], strict=True)]


def measure_examples(way: str, examples: int, epochs: int) -> dict[str, float]:
    """Seconds of an epoch over so many examples, and the memory that the process took."""
    model = dense_network(2, WIDTH)
    if way == "resident":
        x, y = made_rows(examples // BATCH * BATCH)
        seconds = fit_seconds(model, epochs, x, y, batch_size=BATCH)
    else:
        seconds = fit_seconds(model, epochs, Rows(examples))
    return {"seconds": statistics.median(seconds[1:]), "peak_mb": common.peak_mb()}


def measure_layers(peer: str, depth: int, epochs: int) -> dict[str, float]:
    """Seconds of a step with so many hidden layers."""
    x, y = made_rows(STEPS * BATCH)
    if peer == "jkeras":
        seconds = fit_seconds(dense_network(depth, WIDTH), epochs, x, y, batch_size=BATCH)
    else:
        seconds = scan_seconds(depth, epochs, x, y)
    return {"seconds": statistics.median(seconds[1:]) / STEPS, "peak_mb": common.peak_mb()}


def scan_seconds(depth: int, epochs: int, x: np.ndarray, y: np.ndarray) -> list[float]:
    """Seconds of each epoch of the same network, hand-written as one scan."""
    import jax
    import raw_jax
    import raw_models

    sizes = [FEATURES, *[WIDTH] * depth, 2]
    shapes: dict[str, tuple[int, ...]] = {}
    for i in range(depth + 1):
        shapes |= raw_models.dense_shapes(str(i), sizes[i], sizes[i + 1])

    def network(params: Any, state: Any, x: Any, key: Any, training: bool) -> Any:
        for i in range(depth):
            x = jax.nn.relu(raw_models.dense(params, str(i), x))
        return raw_models.dense(params, str(depth), x), state

    data = common.Data(x, y, x[:BATCH], y[:BATCH])
    loop = raw_jax.RawLoop((network, shapes, {}), data, "adam", BATCH, scans=True)
    seconds = []
    for _ in range(epochs):
        start = time.perf_counter()
        loop.train(loop.data.x, loop.data.y)
        jax.block_until_ready(loop.carry)
        seconds.append(time.perf_counter() - start)
    return seconds


def ask(kind: str, choice: str, size: int, epochs: int) -> dict[str, float]:
    """One measurement in a process of its own."""
    words = [sys.executable, __file__, "--measure", kind, choice, str(size), str(epochs)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{choice} with {size} {kind} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def examples_table(sizes: Sequence[int], ways: Sequence[str], epochs: int) -> str:
    """Markdown: seconds an epoch, nanoseconds an example, peak memory, for each way."""
    heads = [f"{way}: {what}" for way in ways for what in ("epoch, s", "ns an example", "MB")]
    lines = [f"| examples | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for size in sizes:
        cells = [f"{size:,}"]
        for way in ways:
            found = ask("examples", way, size, epochs)
            each = 1e9 * found["seconds"] / (size // BATCH * BATCH)
            cells += [f"{found['seconds']:.3g}", f"{each:.0f}", f"{found['peak_mb']:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def layers_table(depths: Sequence[int], epochs: int) -> str:
    """Markdown: microseconds a step, of jkeras and of the hand-written scan."""
    lines = ["| layers | jkeras: µs a step | hand-written scan: µs a step | µs more a layer |"]
    lines.append("|---" * 4 + "|")
    for depth in depths:
        own, raw = (1e6 * ask("layers", peer, depth, epochs)["seconds"] for peer in PEERS)
        lines.append(f"| {depth} | {own:.0f} | {raw:.0f} | {(own - raw) / depth:+.1f} |")
    return "\n".join(lines)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="How cost grows with examples and layers.")
    add = parser.add_argument
    add("--examples", nargs="+", type=int, default=[10_000, 30_000, 100_000, 300_000, 1_000_000])
    add("--layers", nargs="+", type=int, default=[1, 4, 16, 64])
    add("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    add("--epochs", type=int, default=4, help="of each run; the first is left out")
    add("--output", type=Path, help="folder in which the tables are written too")
    add("--tiny", action="store_true", help="few examples and layers: does it run?")
    add("--measure", nargs=4, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the tables, or, asked by itself, one measurement."""
    args = parse(argv)
    if args.measure:
        kind, choice, size, epochs = args.measure
        measure = measure_examples if kind == "examples" else measure_layers
        print(json.dumps(measure(choice, int(size), int(epochs))))
        return
    if args.tiny:
        args.examples, args.layers, args.epochs = [BATCH * 4], [2], 2
    text = "\n\n".join(
        [
            f"# Scale\n\n{machine.line(machine.describe(), [])}",
            examples_table(args.examples, args.ways, args.epochs),
            layers_table(args.layers, args.epochs),
        ]
    )
    print(text)
    if args.output:
        args.output.mkdir(parents=True, exist_ok=True)
        (args.output / "scale.md").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
