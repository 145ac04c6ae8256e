"""Many small networks in one program, beside as many runs one after the other.

    python experiments/benchmarks/populations.py
    python experiments/benchmarks/populations.py --members 8 --epochs 20
    python experiments/benchmarks/populations.py --tiny

Three ways to train the same networks with different seeds and learning rates, each in a process of
its own, which has imported everything and compiled nothing: a population; runs that share one
program, as equal models do; runs that compile each, as models with functions of their own do
(`jax.clear_caches` and `jkeras.utils.clear_session` between them). Times include compilation, and
the persistent cache of compiled programs is off. The last losses of all three are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

WAYS = ("population", "shared", "compiled")
LIMITS = {"compiled": 0.25, "shared": 0.7}
"""What a population may take at most, as a part of the time of these runs."""


def network(seed: int) -> Any:
    """A small network for tables."""
    import jkeras
    from jkeras import layers

    hidden = [layers.Dense(32, activation="relu"), layers.Dense(32, activation="relu")]
    return jkeras.Sequential([layers.Input((16,)), *hidden, layers.Dense(1)], seed=seed)


def data(examples: int) -> tuple[np.ndarray, np.ndarray]:
    """A smooth function of sixteen numbers."""
    random = np.random.default_rng(0)
    x = random.normal(size=(examples, 16)).astype("float32")
    return x, np.sin(x[:, :4]).sum(axis=1, keepdims=True).astype("float32")


def measured(way: str, members: int, epochs: int, examples: int) -> dict[str, Any]:
    """Seconds and last losses of one way to train all networks."""
    import jax

    import jkeras

    x, y = data(examples)
    rates = np.geomspace(1e-4, 1e-2, members).tolist()
    jax.numpy.zeros(3).block_until_ready()  # the device is there
    begin, engine, losses = time.perf_counter(), "", list[Any]()
    if way == "population":
        population = jkeras.Population(network(0), seeds=range(members), learning_rate=rates)
        population.compile("adam", "mse")
        history = population.fit(x, y, epochs=epochs, verbose=0)
        last: Any = history.history["loss"][-1]
        losses += last
        engine = repr(population.engine)
    else:
        for seed, rate in enumerate(rates):
            if way == "compiled":
                jax.clear_caches()
                jkeras.utils.clear_session()
            model = network(seed)
            model.compile(jkeras.optimizers.Adam(rate), "mse")
            losses.append(model.fit(x, y, epochs=epochs, verbose=0).history["loss"][-1])
    return {"seconds": time.perf_counter() - begin, "losses": losses, "engine": engine}


def in_process(way: str, args: argparse.Namespace) -> dict[str, Any]:
    """`measured` in a new process."""
    sizes = [str(size) for size in (args.members, args.epochs, args.examples)]
    env = os.environ | {"JKERAS_COMPILATION_CACHE": "0"}
    done = subprocess.run(
        [sys.executable, __file__, "--one", way, *sizes],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Populations beside single runs.")
    parser.add_argument("--members", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--tiny", action="store_true", help="a quick check of the script")
    parser.add_argument("--output", type=Path, help="a folder for the figures as JSON")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        way, *sizes = args.one
        print(json.dumps(measured(way, *map(int, sizes))))
        return
    if args.tiny:
        args.members, args.epochs, args.examples, args.turns = 2, 1, 64, 1
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for _ in range(args.turns):
        for way in WAYS:
            found[way].append(in_process(way, args))
    seconds = {
        way: statistics.median(turn["seconds"] for turn in turns) for way, turns in found.items()
    }
    if args.output:
        args.output.mkdir(parents=True, exist_ok=True)
        (args.output / "populations.json").write_text(json.dumps(found))
    print(f"{args.members} networks, {args.epochs} epochs of {args.examples} examples")
    print(f"{found['population'][0]['engine']}")
    for way in WAYS:
        ratio = seconds["population"] / seconds[way]
        limit = f", at most {LIMITS[way]}" if way in LIMITS else ""
        print(f"{way:12} {seconds[way]:8.2f} s   population takes {ratio:.2f} of it{limit}")
    for way in WAYS[1:]:
        losses = [np.asarray(found[each][0]["losses"]) for each in ("population", way)]
        apart = np.abs(losses[0] - losses[1]) / np.abs(losses[1])
        print(
            f"last losses differ from those of {way} by {np.median(apart):.0e} of themselves "
            f"(median), {np.max(apart):.0e} (most: thousands of steps amplify the last bit)"
        )


if __name__ == "__main__":
    main()
