"""How long one example takes: in the model, in Keras, in exported files, and over HTTP.

    python experiments/benchmarks/serving_latency.py
    python experiments/benchmarks/serving_latency.py --calls 2000 --output results
    python experiments/benchmarks/serving_latency.py --tiny

A small CNN answers for one digit of 28 by 28 pixels: `model.predict`, `model(x)`, Keras's `predict`
with the same weights, the exported file in JAX and in onnxruntime, and `python -m jkeras serve` in
a process of its own, on the loopback, with one connection that stays. The ways take turns, and the
median and the 95th percentile of all calls are compared; ratios are to Keras's `predict`. Written
are `serving_latency.json` and `serving_latency.md`.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from suite import machine

os.environ.setdefault("KERAS_BACKEND", "jax")

BASE = "Keras, predict"
Way = Callable[[np.ndarray], Any]


def cnn(keras: Any) -> Any:
    """The network, by Keras's API."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *(layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D()),
            *(layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D()),
            *(layers.Flatten(), layers.Dense(10, activation="softmax")),
        ]
    )


@contextlib.contextmanager
def served(path: Path) -> Iterator[Way]:
    """What asks a server of a file for the predictions of one example."""
    command = [sys.executable, "-m", "jkeras", "serve", f"model={path}", "--port", "0"]
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1].removeprefix("http://").rstrip("/")
        connection = http.client.HTTPConnection(address, timeout=60)

        def ask(x: np.ndarray) -> Any:
            body = json.dumps({"instances": x.tolist()})
            connection.request("POST", "/v1/models/model:predict", body)
            return json.loads(connection.getresponse().read())["predictions"]

        try:
            yield ask
        finally:
            connection.close()
            process.terminate()


@contextlib.contextmanager
def ways(folder: Path) -> Iterator[dict[str, Way]]:
    """The ways to an answer, all with the same weights."""
    import keras

    import jkeras

    model, other = cnn(jkeras), cnn(keras)
    model.build()
    model.compile("sgd", "mse")  # so that nothing warns of weights that were not trained
    other.set_weights(model.get_weights())
    model.save(folder / "model.keras")
    for ending in (".stablehlo", ".onnx"):
        model.export(folder / f"model{ending}", verbose=False)
    in_jax = jkeras.load_exported(folder / "model.stablehlo")
    in_onnxruntime = jkeras.load_exported(folder / "model.onnx")
    with served(folder / "model.keras") as by_jax, served(folder / "model.onnx") as by_onnx:
        yield {
            "jkeras, model(x)": lambda x: np.asarray(model(x)),
            "jkeras, predict": lambda x: model.predict(x, verbose=0),
            "Keras, model(x)": lambda x: np.asarray(other(x)),
            BASE: lambda x: other.predict(x, verbose=0),
            "exported StableHLO, in JAX": in_jax,
            "exported ONNX, in onnxruntime": in_onnxruntime,
            "served .keras, over HTTP": by_jax,
            "served ONNX, over HTTP": by_onnx,
        }


def measured(by_name: Mapping[str, Way], calls: int, turns: int) -> dict[str, list[float]]:
    """Seconds of each call, after some that are not counted.

    Raises:
      AssertionError: two ways have different answers.
    """
    x = np.random.default_rng(0).random((1, 28, 28, 1), np.float32)
    expected = by_name[BASE](x)
    for name, way in by_name.items():
        np.testing.assert_allclose(way(x), expected, rtol=1e-3, atol=1e-5, err_msg=name)
    found: dict[str, list[float]] = {name: [] for name in by_name}
    for turn in range(turns + 1):  # the first one only warms
        for name, way in by_name.items():
            for _ in range(calls // turns):
                start = time.perf_counter()
                way(x)
                seconds = time.perf_counter() - start
                found[name] += [seconds] if turn else []
    return found


def rows(found: Mapping[str, Sequence[float]]) -> list[dict[str, Any]]:
    """For each way the median and the 95th percentile, in milliseconds, and the ratio."""
    base = float(np.median(found[BASE]))
    return [
        {
            "way": name,
            "p50": 1e3 * float(np.median(seconds)),
            "p95": 1e3 * float(np.percentile(seconds, 95)),
            "ratio": float(np.median(seconds)) / base,
        }
        for name, seconds in found.items()
    ]


def table(listed: Sequence[Mapping[str, Any]]) -> str:
    """The rows as a table of Markdown."""
    lines = ["| one example | p50, ms | p95, ms | to Keras's predict |", "|---|---|---|---|"]
    for row in listed:
        lines.append(f"| {row['way']} | {row['p50']:.3g} | {row['p95']:.3g} | {row['ratio']:.2f} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description="Measures how long one example takes.")
    parser.add_argument("--calls", type=int, default=1000, help="of each way")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path("results"), help="folder of the report")
    parser.add_argument("--tiny", action="store_true", help="a few calls of each way")
    options = parser.parse_args(arguments)
    if options.tiny:
        options.calls, options.turns = 4, 1
    with tempfile.TemporaryDirectory() as home, ways(Path(home)) as by_name:
        listed = rows(measured(by_name, options.calls, options.turns))
    text = f"{machine.line(machine.describe(), [])}\n\n{table(listed)}\n"
    print(text)
    options.output.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine.describe(), "rows": listed}
    (options.output / "serving_latency.json").write_text(json.dumps(content, indent=1) + "\n")
    (options.output / "serving_latency.md").write_text(text)


if __name__ == "__main__":
    main()
