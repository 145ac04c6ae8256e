"""A training run that can be killed: it saves as it goes, and goes on where it was.

    python experiments/faults/jobs/train.py mlp-resident FOLDER
    python experiments/faults/jobs/train.py cnn-streaming FOLDER --library keras
    python experiments/faults/jobs/train.py mlp-resident FOLDER --tiny

Backups lie in FOLDER/backup. At the end FOLDER/result.json holds a digest of everything that the
run ended with; runs that ended alike have equal files. The same script runs under Keras, as a peer.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 32


def data(kind: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of four classes, each a pattern under noise."""
    rng = np.random.default_rng(0)
    patterns = rng.normal(size=(4, 12, 12, 1))
    labels = rng.integers(0, 4, count)
    images = patterns[labels] + rng.normal(scale=2.0, size=(count, 12, 12, 1))
    flat = images.reshape(count, -1) if kind == "mlp" else images
    return flat.astype(np.float32), labels.astype(np.int32)


def batches(x: np.ndarray, y: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches without end, drawn at random."""
    rng = np.random.default_rng(1)
    while True:
        rows = rng.integers(0, len(x), BATCH)
        yield x[rows], y[rows]


def network(keras: Any, kind: str) -> Any:
    """An MLP, or a small CNN; both draw at random and keep statistics."""
    layers = keras.layers
    if kind == "mlp":
        inputs = [layers.Input((144,)), layers.Dense(64, activation="relu")]
    else:
        inputs = [
            layers.Input((12, 12, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
        ]
    middle = [layers.BatchNormalization(), layers.Dropout(0.3)]
    return keras.Sequential([*inputs, *middle, layers.Dense(4, activation="softmax")])


def callbacks(keras: Any, folder: Path) -> list[Any]:
    """The backup first, where it hears of each epoch before the others have."""
    kinds = keras.callbacks
    return [
        kinds.BackupAndRestore(str(folder / "backup"), save_freq=17),
        kinds.EarlyStopping("val_loss", patience=5, restore_best_weights=True),
        kinds.ReduceLROnPlateau("val_loss", patience=1, cooldown=1, factor=0.7),
    ]


def digest(arrays: Any) -> str:
    """A checksum over shapes, dtypes and bytes."""
    sums = hashlib.sha256()
    for array in arrays:
        array = np.asarray(array)
        sums.update(f"{array.shape} {array.dtype}".encode() + array.tobytes())
    return sums.hexdigest()


def ended_with(model: Any, history: Any, used: Sequence[Any]) -> dict[str, str]:
    """What a run ended with, as words that are equal where runs are."""
    names = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter")
    remembered = [[getattr(c, name, None) for name in names] for c in used[1:]]
    if hasattr(model, "snapshot"):
        rest = digest(array for _, array in sorted(model.snapshot()["values"].items()))
    else:  # Keras
        rest = digest(variable.numpy() for variable in model.optimizer.variables)
    return {
        "weights": digest(model.get_weights()),
        "everything": rest,
        "history": json.dumps([history.epoch, history.history]),
        "callbacks": repr(remembered),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="A training run that can be killed.")
    parser.add_argument("job", help="mlp or cnn, resident or streaming: mlp-resident")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--library", default="jkeras", choices=["jkeras", "keras"])
    parser.add_argument("--tiny", action="store_true", help="a short run")
    options = parser.parse_args(arguments)
    if options.library == "keras":
        os.environ["KERAS_BACKEND"] = "jax"
        import keras
    else:
        import jkeras as keras
    kind, _, way = options.job.partition("-")
    keras.utils.set_random_seed(3)
    x, y = data(kind, 320 if options.tiny else 3200)
    model = network(keras, kind)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    source: dict[str, Any] = {"x": x, "y": y, "batch_size": BATCH}
    if way == "streaming":
        source = {"x": batches(x, y), "steps_per_epoch": len(x) // BATCH}
    used = callbacks(keras, options.folder)
    if any((options.folder / "backup").glob("*")):
        print("going on from a backup", flush=True)
    epochs = 40 if options.tiny else 12
    history = model.fit(
        **source, epochs=epochs, validation_data=(x[:100], y[:100]), callbacks=used, verbose=0
    )
    text = json.dumps(ended_with(model, history, used), indent=1)
    temporary = options.folder / "result.tmp"
    temporary.write_text(text)
    temporary.replace(options.folder / "result.json")


if __name__ == "__main__":
    main()
