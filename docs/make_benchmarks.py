"""Writes docs/benchmarks.md and its picture: `python docs/make_benchmarks.py`.

    python docs/make_benchmarks.py                 # measures for an hour or two, then writes
    python docs/make_benchmarks.py --only calls    # measures calls anew, the rest as it was
    python docs/make_benchmarks.py --only          # only writes

Each part is a script of experiments/benchmarks with the options below; its results stay in
`results/page`, where the next run finds them. The heavier models train on 12,800 digits.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
SCRIPTS = DOCS.parent / "experiments" / "benchmarks"
sys.path.insert(0, str(SCRIPTS))  # as for the scripts themselves

import calls  # noqa: E402  # from that folder, as the three below
import first_minute  # noqa: E402
from suite import machine, plot, report  # noqa: E402
from suite.runs import Results  # noqa: E402

PEERS = ("jkeras", "raw-step", "keras-jax", "keras-tf", "torch")
OF_SEQUENCES = ("jkeras", "raw-scan", "keras-jax", "keras-tf")
MEDIUM = ("--rounds", "2", "--epochs", "3", "--limit", "12800")
PARTS: dict[str, tuple[str, list[str], str]] = {
    "mlp": (
        "compare.py",
        ["--models", "mlp", "--peers", "raw-scan", *PEERS, "--rounds", "2"],
        "results.json",
    ),
    "convolutions": (  # without raw-scan: in a loop XLA's own convolution takes 25 times as long
        "compare.py",
        ["--models", "cnn", "resnet", "--peers", *PEERS, *MEDIUM],
        "results.json",
    ),
    "sequences": (
        "compare.py",
        ["--models", "lstm", "transformer", "deep", "--peers", *OF_SEQUENCES, *MEDIUM],
        "results.json",
    ),
    "calls": ("calls.py", [], "calls.json"),
    "first_minute": ("first_minute.py", [], "first_minute.json"),
}
"""Each part: its script, its options, and the file with its results."""


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="Writes docs/benchmarks.md and its picture.")
    add = parser.add_argument
    add("--only", nargs="*", choices=list(PARTS), default=list(PARTS), help="parts to measure")
    add("--results", type=Path, default=Path("results/page"), help="where the results lie")
    add("--output", type=Path, default=DOCS, help="the folder of the page and the picture")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Measures the parts asked for, and writes the page from the results of all."""
    args = parse(argv)
    for part in args.only:
        script, options, _ = PARTS[part]
        words = [sys.executable, str(SCRIPTS / script), *options]
        subprocess.run([*words, "--output", str(args.results / part)], check=True)
    files = {part: args.results / part / name for part, (_, _, name) in PARTS.items()}
    missing = [part for part, path in files.items() if not path.exists()]
    if missing:
        raise SystemExit(
            f"make_benchmarks: expected results of every part in {args.results}, got none of "
            f"{', '.join(missing)}. Measure them: --only {' '.join(missing)}"
        )
    args.output.mkdir(parents=True, exist_ok=True)
    compared = Results.joined([Results.load(files[part]) for part in list(PARTS)[:3]])
    text = page(compared, *(json.loads(files[p].read_text("utf-8")) for p in list(PARTS)[3:]))
    (args.output / "benchmarks.md").write_text(text, encoding="utf-8")
    print(plot.draw(compared, args.output / "benchmarks.png"))


def page(compared: Results, of_calls: dict[str, Any], of_first_minute: dict[str, Any]) -> str:
    """The whole page.

    Args:
      compared: what `compare.py` measured.
      of_calls, of_first_minute: the files of the scripts of these names.
    """
    settings = of_calls["settings"]
    return (
        f"{report.page(compared)}\n## Calls\n\n"
        f"{machine.line(of_calls['machine'], [])} `python experiments/benchmarks/calls.py`: "
        f"medians of {settings['calls']} calls in milliseconds, {settings['optimizer']}; a ratio "
        f"above its target is bold.\n\n{calls.table(of_calls['rows'])}\n\n## The first minute\n\n"
        f"{machine.line(of_first_minute['machine'], [])} `python "
        f"experiments/benchmarks/first_minute.py --rounds {of_first_minute['rounds']}`: a process "
        "each, without programs compiled earlier; seconds, unless the name says otherwise. A ratio "
        f"above its target is bold.\n\n{first_minute.table(of_first_minute['rows'])}\n"
    )


if __name__ == "__main__":
    main()
