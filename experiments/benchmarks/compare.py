"""jkeras beside its peers: epoch, first step, whole script, import and memory, as ratios.

    python experiments/benchmarks/compare.py
    python experiments/benchmarks/compare.py --models cnn lstm --peers jkeras keras-jax --rounds 5
    python experiments/benchmarks/compare.py --models resnet --limit 12000
    python experiments/benchmarks/compare.py --from results/benchmarks/results.json

Every peer runs in a process of its own; the peers take turns, so that a slow moment of the machine
hits them alike. What is shown are medians over the turns, and ratios to Keras on JAX. A peer that
is not installed is skipped with a message (`requirements.txt` beside this file lists them), one
that fails is shown as failed. Written are `results.json` after every run, and at the end
`benchmarks.md` and `benchmarks.png`. `README.md` says what is compared, and how it stays fair.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from suite import plot, report
from suite.registry import MODELS, PEERS, TINY_PEERS, missing
from suite.runs import Results, Settings, jobs, measure

# In a process of its own, so that this one stays small beside the peers that it measures.
WRITE_DATA = """
import sys
import numpy as np
import jkeras

path, limit, sample = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "sample"
mnist = jkeras.datasets.mnist
try:
    (x, y), (x_test, y_test) = mnist.load_sample() if sample else mnist.load_data()
except jkeras.datasets.DatasetError:
    print("MNIST is not here and cannot be downloaded: the shipped sample stands in for it.")
    (x, y), (x_test, y_test) = mnist.load_sample()
x, y = x[:limit], y[:limit]
x_test, y_test = x_test[: max(limit // 6, 20)], y_test[: max(limit // 6, 20)]
np.savez(path, x=x, y=y, x_test=x_test, y_test=y_test)
print(f"training on {len(x)} digits, testing on {len(x_test)}")
"""
EVERYTHING = 60000
TINY = 32


def installed(peers: Sequence[str], results: Results) -> list[str]:
    """The peers that can run here; notes which cannot."""
    found = []
    for peer in peers:
        needed = missing(peer)
        if needed:
            results.skipped[peer] = f"{' and '.join(needed)} not installed"
            print(f"{peer}: skipped, {results.skipped[peer]}")
        else:
            found.append(peer)
    return found


def write_data(path: Path, limit: int, *, sample: bool) -> None:
    """MNIST in one file that every peer reads alike; a sixth as many digits to test on."""
    source = "sample" if sample else "whole"
    words = [sys.executable, "-c", WRITE_DATA, str(path), str(limit), source]
    subprocess.run(words, check=True)


def whole_number(word: str) -> int:
    """An option that counts something."""
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {word!r}")
    return int(word)


def results_file(word: str) -> Results:
    """An option that names results to show again."""
    try:
        return Results.load(Path(word))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="jkeras beside its peers.")
    add = parser.add_argument
    add("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    add("--peers", nargs="+", choices=list(PEERS), default=list(PEERS))
    add("--rounds", type=whole_number, default=3, help="turns that count")
    add("--epochs", type=whole_number, default=4, help="of each run; the first is left out")
    add("--limit", type=whole_number, default=EVERYTHING, help="digits to train on")
    add("--timeout", type=whole_number, default=1800, help="seconds after which a run is given up")
    add("--cold", action="store_true", help="compile anew in every run")
    add("--output", type=Path, default=Path("results/benchmarks"))
    words = "show what is in these results.json files of one machine: no measuring"
    add("--from", dest="results", nargs="+", type=results_file, help=words)
    add("--tiny", action="store_true", help="little data, two peers, one turn: does it run?")
    return parser.parse_args(argv)


def tiny(args: argparse.Namespace) -> None:
    """The options that only show that it runs."""
    args.peers, args.rounds, args.epochs = list(TINY_PEERS), 1, 1
    args.limit = min(args.limit, TINY)


def run_all(args: argparse.Namespace) -> Results:
    """Measures everything that was asked for, and writes the results as they come."""
    results = Results()
    results.settings = {name: getattr(args, name) for name in ("rounds", "epochs", "cold")}
    peers = installed(args.peers, results)
    data, path = args.output / "digits.npz", args.output / "results.json"
    write_data(data, args.limit, sample=args.tiny)
    cache = args.output / "cache"
    settings = Settings(data, cache, args.epochs, args.timeout, args.cold, args.tiny)
    todo = jobs(args.models, peers, args.rounds, tiny=args.tiny)
    for _ in measure(todo, settings, results, lambda words: print(words, flush=True)):
        results.save(path)
    return results


def main(argv: Sequence[str] | None = None) -> None:
    """Measures, prints the tables, and writes them with the picture."""
    args = parse(argv)
    if args.tiny:
        tiny(args)
    args.output.mkdir(parents=True, exist_ok=True)
    results = Results.joined(args.results) if args.results else run_all(args)
    text = report.page(results)
    path = args.output / "benchmarks.md"
    path.write_text(text, encoding="utf-8")
    print(f"\n{text}\nwrote {path}")
    print(plot.draw(results, args.output / "benchmarks.png"))
    if args.tiny and results.failures:
        raise SystemExit("A peer failed: the notes above say why.")


if __name__ == "__main__":
    main()
