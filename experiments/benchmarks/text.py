"""What strings cost: `TextVectorization` of short texts, beside Keras's where it runs.

    python experiments/benchmarks/text.py
    python experiments/benchmarks/text.py --texts 50000 --turns 9
    python experiments/benchmarks/text.py --tiny

Keras's layer needs TensorFlow; where both are installed, the two libraries take turns in one
process, and every time is the median of all turns but the first. Texts are made of words whose
frequencies fall as in natural language, with capitals and punctuation. Both libraries must give
equal ids.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax")

import jkeras

MODES = ("int", "multi_hot", "tf_idf")


def made_up(count: int, words: int, seed: int) -> list[str]:
    """Texts of 5 to 30 words out of so many, the n-th of which is as frequent as 1 / n."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    known = ["".join(rng.choice(letters, rng.integers(2, 10))) for _ in range(words)]
    chances = 1 / np.arange(1, words + 1)
    lengths = rng.integers(5, 31, count)
    drawn = rng.choice(words, lengths.sum(), p=chances / chances.sum())
    texts, start = [], 0
    for length in lengths.tolist():
        text = " ".join(known[i] for i in drawn[start : start + length])
        texts.append(text.capitalize() + ".")
        start += length
    return texts


def adapt(layer: Any, texts: np.ndarray) -> int:
    """Adapts a layer, to the end."""
    layer.adapt(texts)
    return 0


def seconds(work: Callable[[], Any]) -> float:
    """How long a call takes, until its result is there."""
    began = time.perf_counter()
    np.asarray(work())
    return time.perf_counter() - began


def libraries() -> dict[str, Any]:
    """The layers of each library that can run here."""
    found: dict[str, Any] = {"jkeras": jkeras.layers}
    if all(importlib.util.find_spec(name) for name in ("keras", "tensorflow")):
        import keras

        found["keras"] = keras.layers
    return found


def measured(texts: list[str], turns: int) -> dict[str, dict[str, float]]:
    """Median milliseconds of `adapt`, and of a call in each mode, by library."""
    found: dict[str, dict[str, list[float]]] = {}
    outputs: dict[str, list[Any]] = {}
    array = np.array(texts, dtype=object)
    for turn in range(turns + 1):
        for name, layers in libraries().items():
            for mode in MODES:
                layer = layers.TextVectorization(max_tokens=10_000, output_mode=mode)
                took = {f"adapt {mode}": seconds(functools.partial(adapt, layer, array))}
                took[f"call {mode}"] = seconds(functools.partial(layer, array))
                for what, value in took.items() if turn else ():
                    found.setdefault(name, {}).setdefault(what, []).append(value * 1e3)
                if not turn:
                    outputs.setdefault(mode, []).append(np.asarray(layer(array[:100])))
    for mode, (first, *others) in outputs.items():
        for other in others:
            np.testing.assert_allclose(first, other, rtol=1e-5, err_msg=mode)
    return {
        name: {what: statistics.median(values) for what, values in rows.items()}
        for name, rows in found.items()
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Measures, prints a table, writes the figures."""
    parser = argparse.ArgumentParser(description="What strings cost.")
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--words", type=int, default=20_000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path("results/text"))
    parser.add_argument("--tiny", action="store_true", help="few texts, one turn")
    args = parser.parse_args(argv)
    count, turns = (200, 1) if args.tiny else (args.texts, args.turns)
    figures = measured(made_up(count, args.words // (20 if args.tiny else 1), 0), turns)
    print(f"milliseconds for {count} texts of 5 to 30 words, median of {turns}")
    for what in figures["jkeras"]:
        row = "  ".join(f"{name} {rows[what]:8.1f}" for name, rows in figures.items())
        print(f"{what:<16}{row}")
    if "keras" not in figures:
        print("Keras's layer needs TensorFlow, which is not installed here.")
    args.output.mkdir(parents=True, exist_ok=True)
    (args.output / "text.json").write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
