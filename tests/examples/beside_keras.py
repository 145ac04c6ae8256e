"""Runs every example under Keras and under jkeras and writes `docs/examples_beside_keras.md`.

Run from the project's root: python -m tests.examples.beside_keras [NAME …]

Each example runs in two processes at a time, one for each library. Both write their models, then
both open both folders of files; a step is timed last, while the other process waits. Names as
arguments run those only; the page keeps its other rows. What Keras gave is kept in
`tests/golden/examples/` for `tests/test_examples.py`, which runs all but the slow ones.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.examples.run import EXAMPLES, GOLDENS, MISREAD, SLOW, thinned

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "examples_beside_keras.md"
LIBRARIES = ("keras", "jkeras")
RTOL, ATOL = 1e-3, 1e-5


class Worker:
    """A process that serves one example under one library."""

    def __init__(self, library: str, name: str, folder: Path) -> None:
        self.folder = folder / library
        self.folder.mkdir()
        self.log = (folder / f"{library}.log").open("w")
        command = [sys.executable, "-m", "tests.examples.run", library, name, str(self.folder)]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )

    def ask(self, command: str) -> dict[str, Any]:
        """The answer to a command; an `error` when the process ended."""
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
            answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            answer = {"error": "the process ended"}
        return answer

    def close(self) -> None:
        """Ends the process."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait()
        self.log.close()


@dataclass
class Row:
    """What the page says of an example.

    Attributes:
      name: the example.
      history: the largest relative difference of its numbers.
      outputs: the largest relative difference of its models' outputs.
      here: the largest relative difference of models written by Keras and read by jkeras.
      there: of models written by jkeras and read by Keras.
      seconds: of processor time of a step, by library.
      notes: what failed.
      remark: the example's own, on Keras.
    """

    name: str
    history: float
    outputs: float
    here: float
    there: float
    seconds: dict[str, float]
    notes: list[str]
    remark: str

    def fails(self) -> bool:
        """Whether something is further apart than it may be, or jkeras failed."""
        figures = (self.history, self.outputs, self.here, self.there)
        return any(not figure <= RTOL for figure in figures) or bool(self.notes)


def difference(own: Path, theirs: Path, notes: list[str]) -> float:
    """The largest difference of the arrays of two files, relative to |expected| + ATOL / RTOL."""
    if not (own.exists() and theirs.exists()):
        return float("nan")
    largest = 0.0
    with np.load(own) as got, np.load(theirs) as wanted:
        if set(got.files) != set(wanted.files):
            notes.append(f"only one has {sorted(set(got.files) ^ set(wanted.files))}")
            return float("nan")
        for name in wanted.files:
            a, b = np.asarray(got[name]), np.asarray(wanted[name])
            if a.shape != b.shape:
                notes.append(f"{name}: shape {a.shape}, Keras {b.shape}")
                return float("nan")
            if b.dtype.kind not in "fiub":
                apart = 0.0 if (a == b).all() else float("inf")
            else:
                a, b = a.astype("float64"), b.astype("float64")
                same = (a == b) | (np.isnan(a) & np.isnan(b))
                apart = float(
                    np.where(same, 0, np.abs(a - b) / (np.abs(b) + ATOL / RTOL)).max(initial=0)
                )
            if apart > RTOL:
                notes.append(f"{name}: {apart:.1e}")
            largest = max(largest, apart)
    return largest


def row(name: str) -> Row:
    """Runs an example under both libraries."""
    notes: list[str] = []
    remark = ""
    with tempfile.TemporaryDirectory() as folder:
        workers = {library: Worker(library, name, Path(folder)) for library in LIBRARIES}
        seconds = {}
        try:
            paths = [worker.folder for worker in workers.values()]
            commands = ["write", *(f"read {path}" for path in paths), "time"]
            for command in commands:
                ask = functools.partial(Worker.ask, command=command)
                threads = 1 if command == "time" else 2  # a time is taken while the other waits
                with ThreadPoolExecutor(threads) as pool:
                    answers = dict(zip(workers, pool.map(ask, workers.values()), strict=True))
                for library, answer in answers.items():
                    remark = answer.get("remark", "") or remark
                    if "error" in answer:
                        what = command.replace(folder + "/", "")
                        notes.append(f"{library}, {what}: {answer['error']}")
                    seconds[library] = answer.get("seconds", float("nan"))
                if command == "write" and notes:
                    break
        finally:
            for worker in workers.values():
                worker.close()
        for library in LIBRARIES:
            if any(note.startswith(library + ",") for note in notes):
                lines = (Path(folder) / f"{library}.log").read_text().splitlines()[-30:]
                print(f"--- {library}", *lines, sep="\n", file=sys.stderr)
        keras, own = (workers[library].folder for library in LIBRARIES)
        if not any(note.startswith("keras,") for note in notes) and name not in SLOW | MISREAD:
            keep(name, keras)
        return Row(
            name,
            difference(own / "result.npz", keras / "result.npz", notes),
            difference(own / "outputs.npz", keras / "outputs.npz", notes),
            difference(own / "read_keras.npz", keras / "read_keras.npz", notes),
            difference(keras / "read_jkeras.npz", own / "read_jkeras.npz", notes),
            seconds,
            notes,
            remark,
        )


def keep(name: str, folder: Path) -> None:
    """Keeps what Keras gave and its files for a test: `result/…`, `read/…`, `files/…`."""
    arrays: dict[str, Any] = {}
    for part, file in (("result", "result.npz"), ("read", "read_keras.npz")):
        with np.load(folder / file) as made:
            # Weights of whole models come from their files; weights alone only without those.
            names = [key for key in made.files if key.replace("weights/", "whole/") == key
                     or key.replace("weights/", "whole/") not in made.files]  # fmt: skip
            arrays |= {f"{part}/{key}": thinned(made[key]) for key in names}
    for path in [*folder.glob("*.keras"), *folder.glob("*.weights.h5")]:
        if path.suffix == ".keras" or not (folder / f"{path.name.split('.')[0]}.keras").exists():
            arrays[f"files/{path.name}"] = np.frombuffer(path.read_bytes(), "uint8")
    GOLDENS.mkdir(exist_ok=True)
    np.savez_compressed(GOLDENS / f"{name}.npz", **arrays)


def line(row: Row) -> str:
    """A row of the table."""
    figures = " | ".join(f"{x:.0e}" for x in (row.history, row.outputs, row.here, row.there))
    times = " | ".join(f"{row.seconds[library] * 1e3:.2f}" for library in LIBRARIES)
    notes = "; ".join(note for note in (*row.notes, row.remark) if note) or "–"
    return f"| `{row.name}` | {figures} | {times} | {notes} |"


HEAD = """# Examples beside Keras

`python -m tests.examples.beside_keras` writes this page. It runs the examples in `tests/examples/`,
whole programs written for Keras 3.15.1, under Keras and under jkeras on a CPU, from equal weights.

- history, outputs: the largest difference of the numbers that an example leaves (losses, metrics,
  results) and of its models' predictions, relative to the number of Keras + 0.01.
- read here: models written by Keras as `.keras` and `.weights.h5`, read and trained on by jkeras;
  the largest difference from Keras, which read the same files. Read there: the other way round.

- step, Keras and jkeras: milliseconds of processor time that a step of training takes, all threads
  together, the shortest of several measurements; what a call of `fit` does is shared by its steps.

| example | history | outputs | read here | read there | step, Keras | step, jkeras | notes |
|---|---|---|---|---|---|---|---|
"""


def write(lines: list[str]) -> None:
    """Writes the page: these rows, and those of other examples as they were."""
    old = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.exists() else []
    found = {row.split("`")[1]: row for row in [*old, *lines] if row.startswith("| `")}
    kept = [found[name] for name in EXAMPLES if name in found]
    PAGE.write_text(HEAD + "\n".join(kept) + "\n", encoding="utf-8")


def main() -> int:
    """Runs the examples named as arguments, or all of them, and writes the page."""
    names = sys.argv[1:] or list(EXAMPLES)
    rows = []
    for name in names:
        rows.append(row(name))
        print(line(rows[-1]), flush=True)
        write([line(row) for row in rows])
    failed = [row.name for row in rows if row.fails()]
    print(f"{len(rows) - len(failed)} of {len(rows)} agree", *failed)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
