"""What an import costs: jkeras beside what it stands on, and beside Keras.

    python experiments/benchmarks/imports.py

Each import runs in a fresh process, the imports take turns, and the medians are compared.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence

STATEMENTS = {
    "jkeras": "import jkeras",
    "its base": "import jax, optax, flax.struct",
    "keras": "import keras",
}
CLOCK = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"


def seconds(statement: str) -> float:
    """Seconds of one import in a process of its own."""
    command = [sys.executable, "-c", CLOCK.format(statement)]
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main(argv: Sequence[str] | None = None) -> None:
    """Prints medians and ratios."""
    parser = argparse.ArgumentParser(description="What an import costs.")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--tiny", action="store_true", help="one round: does it run?")
    parser.add_argument("--output", help="ignored: nothing is written")
    args = parser.parse_args(argv)
    statements = dict(STATEMENTS)
    if importlib.util.find_spec("keras") is None:
        print("keras: skipped, not installed")
        del statements["keras"]
    found: dict[str, list[float]] = {name: [] for name in statements}
    # The first turn fills the file cache and is not counted.
    for turn in range(1, 2) if args.tiny else range(args.rounds + 1):
        for name, statement in statements.items():
            taken = seconds(statement)
            if turn:
                found[name].append(taken)
    medians = {name: statistics.median(times) for name, times in found.items()}
    for name, value in medians.items():
        ratio = medians["jkeras"] / value
        print(f"{statements[name]}: {value:.3f} s, jkeras takes {ratio:.2f} of it")


if __name__ == "__main__":
    main()
