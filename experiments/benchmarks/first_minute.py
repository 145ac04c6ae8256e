"""What the first minute with a library costs: jkeras beside Keras on JAX.

    python experiments/benchmarks/first_minute.py
    python experiments/benchmarks/first_minute.py --rows "first fit, residual" --rounds 5

The first fit of a model, thirty equal models one after the other, data of ever another length,
batches from a generator: what compiling and what Python around the device costs. Keras's API is the
same in both libraries, so one script serves both. Every figure comes from a process of its own that
finds no compiled programs of earlier runs; the libraries take turns, and medians are compared.
Written are `first_minute.json` and `first_minute.md`.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from suite import machine

LIBRARIES = {"jkeras": "jkeras", "keras-jax": "keras"}
ENVIRONMENT = {
    "KERAS_BACKEND": "jax",
    "JAX_ENABLE_COMPILATION_CACHE": "false",
    "JKERAS_COMPILATION_CACHE": "0",
    "PYTHONDONTWRITEBYTECODE": "",  # else every import compiles the package's source
}
COMPILED = "/jax/core/compile/backend_compile_duration"


class Size(NamedTuple):
    """How much is done: `WHOLE` for figures, `TINY` to see that it runs."""

    blocks: int
    examples: int
    models: int
    lengths: int
    batches: int


WHOLE, TINY = Size(4, 2048, 30, 164, 2000), Size(1, 64, 3, 3, 4)


# -- models, by Keras's API


def transformer(keras: Any, size: Size) -> Any:
    """Blocks of attention and two dense layers, 64 wide, over 64 tokens."""
    layers = keras.layers
    tokens = keras.Input((64,), dtype="int32")
    x = layers.Embedding(1000, 64)(tokens)
    for _ in range(size.blocks):
        y = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(4, 16)(y, y)])
        y = layers.Dense(128, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(64)(y)])
    return keras.Model(tokens, layers.Dense(10)(layers.GlobalAveragePooling1D()(x)))


def residual(keras: Any, size: Size) -> Any:
    """Convolutions with batch normalization over 32 by 32 pixels: 21 with shortcuts when whole."""
    layers = keras.layers

    def normalized(x: Any, filters: int, width: int, step: int = 1) -> Any:
        x = layers.Conv2D(filters, width, step, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    pixels = keras.Input((32, 32, 3))
    x = layers.ReLU()(normalized(pixels, 16, 3))
    for filters in (16, 32, 64) if size.blocks > 1 else (16,):
        for block in range(3 if size.blocks > 1 else 1):
            step = 2 if block == 0 and filters > 16 else 1
            y = layers.ReLU()(normalized(x, filters, 3, step))
            x = normalized(x, filters, 1, step) if step > 1 else x
            x = layers.ReLU()(layers.Add()([x, normalized(y, filters, 3)]))
    return keras.Model(pixels, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


def convolutional(keras: Any, size: Size) -> Any:
    """Two convolutions and two dense layers over 28 by 28 pixels."""
    del size
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *(layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D()),
            *(layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D()),
            *(layers.Flatten(), layers.Dropout(0.3), layers.Dense(64, activation="relu")),
            layers.Dense(10),
        ]
    )


def dense(keras: Any, size: Size) -> Any:
    """Two dense layers over 64 numbers."""
    del size
    hidden = keras.layers.Dense(64, activation="relu")
    return keras.Sequential([keras.Input((64,)), hidden, keras.layers.Dense(10)])


def compiled(keras: Any, model: Any) -> Any:
    """The model, ready for training on class ids."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    return model


def made_data(model: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Random inputs of a model, and class ids."""
    rng, shape = np.random.default_rng(0), (count, *model.input_shape[1:])
    is_text = len(model.layers) > 2 and shape[1:] == (64,)
    x = rng.integers(0, 1000, shape, np.int32) if is_text else rng.random(shape, np.float32)
    return x, rng.integers(0, 10, count).astype(np.int32)


# -- rows: each a function of the library and the size that gives named figures


def first_fit(make: Callable[[Any, Size], Any]) -> Callable[[Any, Size], dict[str, float]]:
    """Seconds of two steps from the layers on, of an epoch after it, of the first prediction, and
    the process's largest memory.
    """

    def run(keras: Any, size: Size) -> dict[str, float]:
        start = time.perf_counter()
        model = compiled(keras, make(keras, size))
        x, y = made_data(model, size.examples)
        built = time.perf_counter()
        model.fit(x[:64], y[:64], verbose=0)
        found = {"built and fitted": time.perf_counter() - start}
        found["fitted"] = time.perf_counter() - built
        for _ in range(2):  # the first one may compile for its length
            start = time.perf_counter()
            model.fit(x, y, verbose=0)
            found["epoch"] = time.perf_counter() - start
        start = time.perf_counter()
        model.predict(x[:1024], verbose=0)
        found["first predict"] = time.perf_counter() - start
        return found | {"peak MB": peak_mb()}

    return run


def equal_models(keras: Any, size: Size) -> dict[str, float]:
    """Seconds and memory of a model like those before it, built and fitted on 8 batches. Memory
    counts from the middle on: before, the allocator's own blocks grow.
    """
    seconds, memory = [], []
    for _ in range(size.models):
        start = time.perf_counter()
        model = compiled(keras, convolutional(keras, size))
        model.fit(*made_data(model, 256), verbose=0)
        seconds.append(time.perf_counter() - start)
        del model
        gc.collect()
        memory.append(resident_mb())
    settled = size.models // 2
    each = (memory[-1] - memory[settled]) / (size.models - 1 - settled)
    return {"each": statistics.median(seconds[1:]), "MB each": each}


def lengths(keras: Any, size: Size) -> dict[str, float]:
    """Programs that predictions, evaluations and trainings of different lengths compile."""
    names: list[str] = []

    def listen(event: str, duration_secs: float, **kwargs: Any) -> None:
        del duration_secs, kwargs
        names.extend([event] if event == COMPILED else [])

    import jax

    jax.monitoring.register_event_duration_secs_listener(listen)
    model = compiled(keras, dense(keras, size))
    x, y = made_data(model, 40 + size.lengths)
    calls: dict[str, Callable[[int], Any]] = {
        "predict": lambda n: model.predict(x[:n], verbose=0),
        "evaluate": lambda n: model.evaluate(x[:n], y[:n], verbose=0),
        "fit": lambda n: model.fit(x[:n], y[:n], verbose=0),
    }
    found = {}
    for name, call in calls.items():
        before = len(names)
        for extra in range(size.lengths if name != "fit" else min(size.lengths, 64)):
            call(40 + extra)
        found[f"{name}: programs"] = float(len(names) - before)
    return found


def streams(keras: Any, size: Size) -> dict[str, float]:
    """Seconds of an epoch of batches of 32 from a generator and from a `PyDataset`."""
    model = compiled(keras, dense(keras, size))
    x, y = made_data(model, 32 * size.batches)

    class Rows(keras.utils.PyDataset):
        """Every batch in order."""

        def __len__(self) -> int:
            return size.batches

        def __getitem__(self, i: int) -> Any:
            return x[32 * i : 32 * i + 32], y[32 * i : 32 * i + 32]

    def endless() -> Any:
        while True:
            yield from (rows[i] for i in range(size.batches))

    rows, found = Rows(), {}
    sources = {"PyDataset": rows, "generator": endless()}
    for name, source in sources.items():
        for _ in range(3):
            start = time.perf_counter()
            model.fit(source, steps_per_epoch=size.batches, verbose=0, shuffle=False)
            found[name] = time.perf_counter() - start
    return found


ROWS: dict[str, Callable[[Any, Size], dict[str, float]]] = {
    "first fit, transformer": first_fit(transformer),
    "first fit, residual": first_fit(residual),
    "equal models": equal_models,
    "lengths": lengths,
    "streams": streams,
}
TARGETS = {
    "first fit, transformer": {"built and fitted": 0.6, "fitted": 0.6, "epoch": 0.5},
    "first fit, residual": {
        **{"built and fitted": 0.6, "fitted": 0.6, "epoch": 0.3},
        **{"first predict": 0.6, "peak MB": 0.8},
    },
    "equal models": {"each": 0.1, "MB each": 1.0},
    "lengths": {"predict: programs": 1.0, "evaluate: programs": 1.0, "fit: programs": 1.0},
    "streams": {"PyDataset": 0.35, "generator": 0.35},
}
"""The most that jkeras may take of Keras's figure."""


def resident_mb() -> float:
    """Memory of this process, in megabytes; 0 where the system does not tell it."""
    path = Path("/proc/self/status")
    text = path.read_text() if path.exists() else ""
    return next((int(s.split()[1]) / 1000 for s in text.splitlines() if s[:6] == "VmRSS:"), 0.0)


def peak_mb() -> float:
    """The largest memory of this process so far, in megabytes."""
    path = Path("/proc/self/status")
    text = path.read_text() if path.exists() else ""
    return next((int(s.split()[1]) / 1000 for s in text.splitlines() if s[:6] == "VmHWM:"), 0.0)


# -- in the process that asks


def asked(row: str, library: str, *, tiny: bool) -> dict[str, float] | str:
    """The figures of a row, from a process of its own; the last line of its error if it fails."""
    words = [sys.executable, __file__, "--serve", library, "--rows", row, *(["--tiny"] * tiny)]
    done = subprocess.run(
        words, env=os.environ | ENVIRONMENT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no message"])[-1]
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(row: str, rounds: int, *, tiny: bool) -> dict[str, dict[str, float] | str]:
    """The medians of a row by library, or why there are none."""
    runs: dict[str, list[Any]] = {library: [] for library in LIBRARIES}
    for _ in range(rounds):
        for library, found in runs.items():
            found.append(asked(row, library, tiny=tiny))
    return {library: _medians(found) for library, found in runs.items()}


def _medians(found: Sequence[Any]) -> dict[str, float] | str:
    failure = next((each for each in found if isinstance(each, str)), None)
    if failure is not None:
        return failure
    return {name: statistics.median(each[name] for each in found) for name in found[0]}


def table(results: Mapping[str, Mapping[str, dict[str, float] | str]]) -> str:
    """Markdown; a ratio above its target is bold."""
    lines = ["| work | figure | jkeras | Keras-JAX | ratio | target |", "|---|---|---|---|---|---|"]
    for row, found in results.items():
        ours, theirs = (found[library] for library in LIBRARIES)
        if isinstance(ours, str) or isinstance(theirs, str):
            lines.append(f"| {row} | failed | {ours} | {theirs} | – | – |")
            continue
        for name, figure in ours.items():
            target, other = TARGETS[row].get(name), theirs[name]
            ratio = figure / other if other > 0 else float("nan")
            words = f"{ratio:.2f}"
            words = f"**{words}**" if target is not None and ratio > target else words
            wanted = "–" if target is None else f"{target:g}"
            lines.append(f"| {row} | {name} | {figure:.3g} | {other:.3g} | {words} | {wanted} |")
    return "\n".join(lines)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="What the first minute costs, beside Keras.")
    add = parser.add_argument
    add("--rows", nargs="+", choices=list(ROWS), default=list(ROWS))
    add("--rounds", type=int, default=3, help="in which the libraries take turns")
    add("--output", type=Path, default=Path("results/first_minute"))
    add("--tiny", action="store_true", help="small models, one round: does it run?")
    add("--serve", choices=list(LIBRARIES), help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Measures, prints the table, and writes it."""
    args = parse(argv)
    if args.serve:
        keras = importlib.import_module(LIBRARIES[args.serve])
        print(json.dumps(ROWS[args.rows[0]](keras, TINY if args.tiny else WHOLE)))
        return
    missing = importlib.util.find_spec("keras") is None
    if missing:
        print("keras: skipped, not installed: pip install -r requirements.txt")
        return
    results = {}
    for row in args.rows:
        results[row] = measured(row, 1 if args.tiny else args.rounds, tiny=args.tiny)
        print(table({row: results[row]}).split("\n", 2)[2], flush=True)
    told = machine.describe()
    text = (
        f"# The first minute\n\n{machine.line(told, [])} Medians of {args.rounds} processes each, "
        "without programs compiled earlier; seconds, unless the name says otherwise. A ratio above "
        f"its target is bold.\n\n{table(results)}\n"
    )
    args.output.mkdir(parents=True, exist_ok=True)
    whole = {"machine": told, "rounds": args.rounds, "rows": results}
    (args.output / "first_minute.json").write_text(json.dumps(whole, indent=1) + "\n", "utf-8")
    (args.output / "first_minute.md").write_text(text, "utf-8")
    if args.tiny and any(
        isinstance(each, str) for row in results.values() for each in row.values()
    ):
        raise SystemExit("A library failed: the table above says why.")


if __name__ == "__main__":
    main()
