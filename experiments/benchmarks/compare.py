"""jkeras beside its peers: epoch, first epoch, import, whole script and memory, as ratios.

    python experiments/benchmarks/compare.py
    python experiments/benchmarks/compare.py --models cnn --peers jkeras keras-jax --rounds 5

Every peer runs in a process of its own; the peers take turns, so that a slow moment of the machine
hits them alike. What is shown are medians over the rounds, and ratios to Keras on JAX. A peer that
is not installed is skipped with a message; `requirements.txt` beside this file lists them.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

import jkeras

HERE = Path(__file__).parent / "peers"
PEERS = {  # name: script, packages it needs
    "jkeras": ("keras_face.py", ()),
    "raw-scan": ("raw_jax.py", ()),
    "raw-step": ("raw_jax.py", ()),
    "keras-jax": ("keras_face.py", ("keras",)),
    "keras-tf": ("keras_face.py", ("keras", "tensorflow")),
    "keras-torch": ("keras_face.py", ("keras", "torch")),
    "torch": ("torch_loop.py", ("torch",)),
}
SETTINGS = {  # model: optimizer, batch size
    "mlp": ("sgd", 32),
    "cnn": ("adam", 128),
}
FIGURES = {
    "epoch_s": "epoch, s",
    "first_epoch_s": "first epoch, s",
    "import_s": "import, s",
    "total_s": "whole script, s",
    "peak_mb": "peak memory, MB",
    "accuracy": "test accuracy",
}
Results = dict[str, list[dict[str, float]]]


def installed(peers: Sequence[str]) -> list[str]:
    """The peers that can run here; says which cannot."""
    found = []
    for peer in peers:
        missing = [name for name in PEERS[peer][1] if importlib.util.find_spec(name) is None]
        if missing:
            print(f"{peer}: skipped, {' and '.join(missing)} not installed")
        else:
            found.append(peer)
    return found


def write_data(folder: Path, tiny: bool) -> Path:
    """MNIST in one file that every peer reads alike."""
    try:
        (x, y), (x_test, y_test) = jkeras.datasets.mnist.load_data()
    except jkeras.datasets.DatasetError:
        print("MNIST is not here and cannot be downloaded: the shipped sample stands in for it.")
        (x, y), (x_test, y_test) = jkeras.datasets.mnist.load_sample()
    if tiny:
        x, y, x_test, y_test = x[:256], y[:256], x_test[:128], y_test[:128]
    path = folder / "mnist.npz"
    np.savez(path, x=x, y=y, x_test=x_test, y_test=y_test)
    return path


def run_once(peer: str, model: str, epochs: int, data: Path, cache: Path) -> dict[str, float]:
    """The figures of one peer in a process of its own."""
    optimizer, batch_size = SETTINGS[model]
    script = str(HERE / PEERS[peer][0])
    options = {
        "peer": peer,
        "model": model,
        "optimizer": optimizer,
        "batch-size": batch_size,
        "epochs": epochs,
    }
    command = [sys.executable, script]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "JKERAS_HOME": str(cache)}
    environment = os.environ | quiet | {"MNIST_NPZ": str(data)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{peer} on {model} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(
    model: str, peers: Sequence[str], turns: range, epochs: int, data: Path, cache: Path
) -> Results:
    """Every peer once a turn; turn 0 warms the caches and is dropped."""
    results: Results = {peer: [] for peer in peers}
    for turn in turns:
        for peer in peers:
            found = run_once(peer, model, epochs, data, cache)
            if turn:
                results[peer].append(found)
                print(f"{model} {turn}/{turns[-1]} {peer}: {found['epoch_s']:.2f} s", flush=True)
    return results


def table(model: str, results: Results) -> str:
    """A Markdown table of medians, with the ratio to Keras on JAX beside each."""
    optimizer, batch_size = SETTINGS[model]
    base = results.get("keras-jax")
    lines = [
        f"### {model}: {optimizer}, batch {batch_size}",
        "",
        "| peer | " + " | ".join(FIGURES.values()) + " |",
        "|---" * (len(FIGURES) + 1) + "|",
    ]
    for peer, runs in results.items():
        cells = []
        for figure in FIGURES:
            value = statistics.median(run[figure] for run in runs)
            ratio = ""
            if base and figure != "accuracy":
                ratio = f" ({value / statistics.median(run[figure] for run in base):.2f})"
            cells.append(f"{value:.3g}{ratio}" if figure != "accuracy" else f"{value:.4f}")
        lines.append(f"| {peer} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def machine() -> str:
    """What the figures were measured on."""
    names = ("jkeras", "jax", "keras", "tensorflow", "torch")
    found = []
    for name in names:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    cores = os.cpu_count()
    return (
        f"{platform.machine()}, {cores} cores, Python {platform.python_version()}, "
        f"{', '.join(found)}. Medians; in brackets the ratio to Keras on JAX."
    )


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="jkeras beside its peers.")
    parser.add_argument("--models", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks"))
    parser.add_argument("--tiny", action="store_true", help="little data, one round: does it run?")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Measures, prints the tables and writes them."""
    args = parse(argv)
    turns, epochs = (range(1, 2), 2) if args.tiny else (range(args.rounds + 1), args.epochs)
    peers = installed(["jkeras", "raw-scan"] if args.tiny else args.peers)
    args.output.mkdir(parents=True, exist_ok=True)
    data = write_data(args.output, args.tiny)
    cache = args.output / "cache"
    sections = [machine()]
    for model in args.models:
        sections.append(table(model, measure(model, peers, turns, epochs, data, cache)))
    text = "\n\n".join(sections) + "\n"
    (args.output / "benchmarks.md").write_text(text, encoding="utf-8")
    print(f"\n{text}\nwrote {args.output / 'benchmarks.md'}")


if __name__ == "__main__":
    main()
