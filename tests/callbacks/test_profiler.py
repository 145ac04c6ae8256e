"""The profiler callback: a trace of some steps, and full speed afterwards."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jkeras import Sequential, layers
from jkeras.callbacks import CallbackList, Profiler


def fit(profiler: Profiler, epochs: int = 1) -> Sequential:
    model = Sequential([layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    x = np.ones((40, 2), np.float32)
    model.fit(x, x[:, :1], batch_size=4, epochs=epochs, verbose=0, callbacks=[profiler])
    return model


def marks(folder: Path) -> list[str]:
    """The numbers of the steps that stand in the trace."""
    (path,) = folder.glob("plugins/profile/*/*.trace.json.gz")
    events = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    found = {e["args"]["step_num"] for e in events if e.get("name") == "train"}
    return sorted(found, key=int)


def test_a_trace_of_the_steps_that_were_asked_for(tmp_path: Path) -> None:
    fit(Profiler(tmp_path, (3, 5)))
    assert marks(tmp_path) == ["3", "4", "5"]


def test_a_shorter_run_ends_the_trace(tmp_path: Path) -> None:
    fit(Profiler(tmp_path, (9, 100)))
    assert marks(tmp_path) == ["9", "10"]


def test_nobody_watches_batches_afterwards(tmp_path: Path) -> None:
    profiler = Profiler(tmp_path, (2, 2))
    assert CallbackList([profiler]).watches_batches("train")
    model = fit(profiler, epochs=2)
    assert not CallbackList([profiler]).watches_batches("train")
    assert int(model.train_state.step) == 20
    assert marks(tmp_path) == ["2"]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((0, 3), "(0, 3) (tuple)"),
        ((5, 4), "(5, 4) (tuple)"),
        (7, "7 (int)"),
        ((1, "a"), "(1, 'a') (tuple)"),
    ],
)
def test_wrong_steps_are_refused(steps: Any, expected: str) -> None:
    with pytest.raises(ValueError) as error:
        Profiler("anywhere", steps)
    assert str(error.value) == (
        "Profiler: `steps`: expected the first and the last step, from 1, such as (10, 20), "
        f"got {expected}."
    )
