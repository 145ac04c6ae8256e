"""Writes what Keras's callbacks do with the runs of `callbacks_runs.py`, for `tests/callbacks/`.

Run from the project's root: KERAS_BACKEND=jax python -m tests.golden.make_callbacks

`callbacks.json` holds the records, one a line, and Keras's version.
"""

import json
import os
import pathlib
import tempfile

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras

from tests.golden import callbacks_runs as runs
from tests.golden.make_training import plain

FILE = pathlib.Path(__file__).parent / "callbacks.json"


def records(folder: pathlib.Path) -> dict[str, dict[str, object]]:
    """Every part by name, each a dict of records."""
    return {
        "plateau": {str(s): runs.plateau(keras, s) for s in range(runs.PLATEAU_SEEDS)},
        "checkpoint": {
            str(s): runs.checkpoint(keras, s, ".weights.h5") for s in range(runs.CHECKPOINT_SEEDS)
        },
        "csv": {name: runs.csv_text(keras, name, folder) for name in runs.CSV_RUNS},
        "scheduled": {name: runs.scheduled(keras, name) for name in runs.SCHEDULES},
        "requests": {"all": runs.requests_of(keras)},
        "by_hand": {"all": runs.by_hand(keras)},
        "fitted": {name: runs.fitted(keras, name) for name in runs.FITS},
    }


def main() -> None:
    """Writes the file."""
    lines = [f'"keras": {json.dumps(keras.__version__)}']
    with tempfile.TemporaryDirectory() as folder:
        for part, found in records(pathlib.Path(folder)).items():
            rows = [f"{json.dumps(n)}: {json.dumps(r, default=plain)}" for n, r in found.items()]
            lines.append(f'"{part}": {{\n' + ",\n".join(rows) + "\n}")
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
