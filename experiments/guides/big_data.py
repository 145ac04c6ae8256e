"""Data that outgrow memory: record files, Grain, and a run that goes on where it stopped.

    python experiments/guides/big_data.py --tiny

A folder of Parquet files is read in batches, a few row groups at a time. The position in the files
is a part of every checkpoint, so a run that is stopped goes on and reads nothing twice.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import grain
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import jkeras
from jkeras import layers

parser = argparse.ArgumentParser(description="Data that outgrow memory.")
parser.add_argument("--tiny", action="store_true", help="few rows")
parser.add_argument("--output", type=Path, default=Path("results/big_data"))
args = parser.parse_args()
files, rows = (4, 500) if args.tiny else (40, 50_000)
folder = tempfile.TemporaryDirectory()

# -- a folder of Parquet files: eight numbers and a label in each row

random = np.random.default_rng(0)
direction = random.normal(size=8)
for number in range(files):
    x = random.normal(size=(rows, 8)).astype("float32")
    columns: dict[str, Any] = {f"x{i}": x[:, i] for i in range(8)}
    columns["label"] = (x @ direction > 0).astype("int32")
    path = f"{folder.name}/part-{number:03d}.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=rows // 4)

# -- batches: columns side by side as inputs, row groups and rows in a new order in each epoch

names = [f"x{i}" for i in range(8)]
train = jkeras.utils.parquet_dataset(folder.name, names, "label", batch_size=100, seed=0)
x, y = train[0]
print(f"{len(train)} batches of {x.shape} and {y.shape}, a {type(train).__name__} of Grain")

# -- all that Grain does to data sets: here it changes the batches


def noisy(batch: Any, generator: np.random.Generator) -> Any:
    """The batch with a little noise, from a generator that Grain seeds for each batch."""
    x, y = batch
    return x + 0.01 * generator.normal(size=x.shape).astype("float32"), y


train = train.seed(1).random_map(noisy)
assert isinstance(train, grain.MapDataset)

# -- a run that stops in the middle of its second epoch


def made() -> jkeras.Sequential:
    """A small compiled network."""
    stack = [layers.Dense(16, activation="relu"), layers.Dense(1, activation="sigmoid")]
    model = jkeras.Sequential([jkeras.Input((8,)), *stack], seed=0)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


class PowerCut(jkeras.callbacks.Callback):
    """Ends the run with an error after so many steps."""

    boundaries = len(train) + len(train) // 2

    def on_boundary(self, batch: int, logs: Any = None) -> None:
        raise RuntimeError("power cut")


backup = jkeras.callbacks.BackupAndRestore(args.output / "backup", save_freq=5)
try:
    made().fit(train, epochs=3, verbose=0, callbacks=[backup, PowerCut()])
except RuntimeError as error:
    print(f"stopped: {error}")

# -- started again it goes on from the last backup, and ends as if nothing had happened

model = made()
backup = jkeras.callbacks.BackupAndRestore(args.output / "backup", save_freq=5)
history = model.fit(train, epochs=3, verbose=0, callbacks=[backup])
whole = made()
whole.fit(train, epochs=3, verbose=0)
pairs = zip(model.get_weights(), whole.get_weights(), strict=True)
print("accuracy by epoch:", [round(value, 3) for value in history.history["accuracy"]])
print("equal to a run without a stop, bit for bit:", all((a == b).all() for a, b in pairs))
folder.cleanup()
