"""Writes what Keras does with the runs of `training_*.py`, for the tests in `tests/trainer/`.

Run from the project's root: KERAS_BACKEND=jax python -m tests.golden.make_training

`training.npz`: for each "net/optimizer" the losses of 200 batches. `training.json`: what fit,
evaluate and predict return and print (`cases`), the summaries, and the outcomes of EarlyStopping
(`stopping`). Both hold Keras's version.
"""

import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras
import numpy as np

from tests.golden import training_calls as calls
from tests.golden import training_models as models
from tests.golden import training_stopping as stopping
from tests.golden.training_summaries import SUMMARIES
from tests.golden.training_summaries import summaries as summaries_of

FOLDER = pathlib.Path(__file__).parent


def plain(value: object) -> object:
    """NumPy scalars as numbers."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a record: expected plain values, got {value!r}")


def summaries(name: str) -> dict[str, str]:
    """The summaries of a model whose layers are the first that this process names."""
    keras.utils.clear_session()
    return summaries_of(keras, name)


def write_curves() -> None:
    """Writes `training.npz`."""
    names = [(net, optimizer) for net in models.NETS for optimizer in models.OPTIMIZERS]
    curves = {"/".join(name): models.curve(keras, *name) for name in names}
    np.savez_compressed(FOLDER / "training.npz", keras=keras.__version__, **curves)


def write_records() -> None:
    """Writes `training.json`, one record a line."""
    parts = {
        "cases": {name: calls.recorded(keras, name) for name in calls.CASES},
        "summaries": {name: summaries(name) for name in SUMMARIES},
        "stopping": {
            str(seed): stopping.stopped(keras, seed) for seed in range(stopping.STOPPING_SEEDS)
        },
    }
    lines = [f'"keras": {json.dumps(keras.__version__)}']
    for part, records in parts.items():
        rows = [f"{json.dumps(n)}: {json.dumps(r, default=plain)}" for n, r in records.items()]
        lines.append(f'"{part}": {{\n' + ",\n".join(rows) + "\n}")
    (FOLDER / "training.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    write_curves()
    write_records()
