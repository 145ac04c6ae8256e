"""Callbacks that write make the folders they write into."""

from pathlib import Path

import numpy as np
import pytest

from jkeras import Input, Sequential, callbacks, layers

MAKE = {
    "csv": lambda at: callbacks.CSVLogger(at / "log.csv"),
    "model": lambda at: callbacks.ModelCheckpoint(at / "m.keras"),
    "weights": lambda at: callbacks.ModelCheckpoint(
        at / "e{epoch}" / "m.weights.h5", save_weights_only=True
    ),
    "backup": lambda at: callbacks.BackupAndRestore(at, delete_checkpoint=False),
    "trace": lambda at: callbacks.Profiler(at, (1, 2)),
    "board": lambda at: callbacks.TensorBoard(at),
}


@pytest.mark.parametrize("kind", MAKE)
def test_a_folder_that_does_not_exist_is_made(kind: str, tmp_path: Path) -> None:
    if kind == "board":
        pytest.importorskip("tensorboardX")
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    folder = tmp_path / "a" / "b"
    data = np.ones((8, 3)), np.ones((8, 1))
    model.fit(*data, batch_size=2, verbose=0, callbacks=[MAKE[kind](folder)])
    assert any(folder.iterdir())
