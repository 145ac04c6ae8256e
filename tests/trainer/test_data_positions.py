"""Runs over data with a position, of Grain and of single examples: one that goes on ends with the
bits of one that was never interrupted, and reads nothing twice.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import grain
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import jkeras
from jkeras import callbacks, layers
from jkeras.utils import parquet_dataset

RNG = np.random.default_rng(0)
X = RNG.normal(size=(35, 4)).astype(np.float32)
Y = (X.sum(1) > 0).astype(np.int32)
STEPS = 5  # of 8 and, the last one, of 3 examples
EPOCHS = 3


class Examples:
    """Examples by number, which remembers those that were read."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> Any:
        self.seen.append(index)
        return X[index], Y[index]

    def __repr__(self) -> str:
        return "Examples"


def by_number(source: Any) -> Any:
    return grain.MapDataset.source(source).shuffle(seed=3).batch(8)


def one_by_one(source: Any) -> Any:
    """Shuffled through a window, one example after the other, without threads."""
    parts = grain.MapDataset.source(source).shuffle(seed=4).to_iter_dataset(grain.ReadOptions(0, 0))
    return grain.experimental.WindowShuffleIterDataset(parts, window_size=6, seed=5).batch(8)


def loader(source: Any, epochs: int | None = 1) -> Any:
    return grain.DataLoader(
        data_source=source,
        sampler=grain.samplers.IndexSampler(
            len(X), grain.sharding.NoSharding(), shuffle=True, num_epochs=epochs, seed=1
        ),
        operations=[grain.transforms.Batch(8)],
        read_options=grain.ReadOptions(0, 0),
    )


def rows(source: Any) -> Any:
    return datasets.Dataset.from_dict({"x": X, "label": Y})


KINDS: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "numbers": (by_number, {}),
    "numbers, in parts": (by_number, {"steps_per_epoch": 2}),
    "endless numbers": (lambda source: by_number(source).repeat(), {"steps_per_epoch": 4}),
    "one by one": (one_by_one, {}),
    "one by one, in parts": (one_by_one, {"steps_per_epoch": 3}),
    "iterator": (lambda source: iter(one_by_one(source)), {"steps_per_epoch": 1}),
    "loader": (loader, {}),
    "endless loader": (lambda source: loader(source, None), {"steps_per_epoch": 4}),
    "rows": (rows, {"batch_size": 8}),
    "stream of rows": (
        lambda source: rows(source).to_iterable_dataset().shuffle(seed=1, buffer_size=9),
        {"batch_size": 8},
    ),
    "rows, in parts": (rows, {"batch_size": 8, "steps_per_epoch": 2}),
}


class Stop(callbacks.Callback):
    """Ends the process, so to speak, after so many steps."""

    boundaries = 1

    def __init__(self, step: int) -> None:
        self.left = step

    def on_boundary(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        if not self.left:
            raise RuntimeError("power cut")


@pytest.fixture(scope="module")
def compiled() -> tuple[jkeras.Sequential, Any]:
    """A model, and its values before training."""
    stack = [layers.Dense(4, activation="relu"), layers.Dropout(0.3), layers.Dense(2, "softmax")]
    model = jkeras.Sequential([layers.Input((4,)), *stack], seed=1)
    model.compile(jkeras.optimizers.Adam(0.05), "sparse_categorical_crossentropy")
    model.build()
    return model, model.train_state


def ended(model: Any, history: Any) -> Any:
    values = model.snapshot()["values"]
    return {name: array.tobytes() for name, array in values.items()}, history.history


@pytest.mark.filterwarnings("ignore:fit. the data ended after:UserWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_it_ends_with_the_same_bits(kind: str, compiled: tuple[Any, Any]) -> None:
    model, start = compiled
    make, options = KINDS[kind]
    fit: dict[str, Any] = {**options, "epochs": EPOCHS, "verbose": 0}
    model.train_state = start
    expected = ended(model, model.fit(make(Examples()), **fit))
    in_all = options.get("steps_per_epoch", STEPS) * EPOCHS
    for step in (4, 7):
        if step > in_all:
            continue
        model.train_state = start
        with tempfile.TemporaryDirectory() as folder:
            backup = callbacks.BackupAndRestore(folder, save_freq=1)
            with pytest.raises(RuntimeError, match="power cut"):
                model.fit(make(Examples()), callbacks=[backup, Stop(step)], **fit)
            model.train_state = start
            again = callbacks.BackupAndRestore(folder, save_freq=1)
            history = model.fit(make(Examples()), callbacks=[again], **fit)
        assert ended(model, history) == expected, step


def test_nothing_is_read_twice(compiled: tuple[Any, Any], tmp_path: Path) -> None:
    """Seven steps in: the second epoch goes on behind its second batch."""
    model, start = compiled
    folder = str(tmp_path / "run")
    model.train_state, first = start, Examples()
    checkpoints = callbacks.OrbaxCheckpoint(folder, save_freq=1, save_on_background=False)
    with pytest.raises(RuntimeError, match="power cut"):
        model.fit(loader(first), epochs=EPOCHS, callbacks=[checkpoints, Stop(7)], verbose=0)
    model.train_state, rest = start, Examples()
    model.fit(loader(rest), epochs=EPOCHS, resume_from=folder, verbose=0)
    # The first batch is read to build the model, before it is known where the run stands.
    assert len(rest.seen) == 8 + (35 - 16) + 35
    assert rest.seen[:8] == first.seen[:8] and rest.seen[8:27] == first.seen[16:35]


def test_parquet_files_go_on(compiled: tuple[Any, Any], tmp_path: Path) -> None:
    model, start = compiled
    table = pa.table({"x": pa.FixedSizeListArray.from_arrays(X.ravel(), 4), "label": Y})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=10)
    model.train_state = start
    fit: dict[str, Any] = {"epochs": EPOCHS, "verbose": 0}
    make = lambda: parquet_dataset(tmp_path, "x", "label", batch_size=8, seed=2)  # noqa: E731
    expected = ended(model, model.fit(make(), **fit))
    model.train_state = start
    backup = callbacks.BackupAndRestore(tmp_path / "backup", save_freq=2)
    with pytest.raises(RuntimeError, match="power cut"):
        model.fit(make(), callbacks=[backup, Stop(8)], **fit)
    model.train_state = start
    again = callbacks.BackupAndRestore(tmp_path / "backup", save_freq=2)
    assert ended(model, model.fit(make(), callbacks=[again], **fit)) == expected


def test_validation_data_with_a_position_are_not_read_again(compiled: tuple[Any, Any]) -> None:
    model, start = compiled
    held_out = Examples()
    fit: dict[str, Any] = {"epochs": EPOCHS, "verbose": 0, "validation_data": one_by_one(held_out)}
    taken = []
    save = callbacks.Callback()
    save.on_pause = lambda reason: taken.append(model.snapshot())  # type: ignore[method-assign]
    model.train_state = start
    expected = ended(model, model.fit(one_by_one(Examples()), callbacks=[save], **fit))
    assert len(held_out.seen) == 35 * EPOCHS
    model.train_state, held_out.seen = start, []
    history = model.fit(one_by_one(Examples()), resume_from=taken[1], **fit)
    assert ended(model, history) == expected
    assert len(held_out.seen) == 35


def test_other_data_are_refused(compiled: tuple[Any, Any]) -> None:
    model, start = compiled
    taken = []
    save = callbacks.Callback()
    save.boundaries = 2
    save.on_boundary = lambda batch, logs: taken.append(model.snapshot())  # type: ignore[method-assign]
    model.train_state = start
    model.fit(loader(Examples()), callbacks=[save], verbose=0)
    model.train_state = start
    with pytest.raises(ValueError) as caught:
        model.fit(loader(Examples(), 2), epochs=2, resume_from=taken[0], verbose=0)
    assert str(caught.value).startswith(
        "fit: expected the data that were read before the run was interrupted; these do not "
        "continue where those were: Sampler in checkpoint does not match dataloader sampler."
    )
    model.train_state = start
    model.fit(rows(None), batch_size=8, callbacks=[save], verbose=0)
    with pytest.raises(ValueError, match="expected batch_size 8, got 7"):
        model.fit(rows(None), batch_size=7, resume_from=taken[-1], verbose=0)
