"""The record of a run."""

import numpy as np

import jkeras
from jkeras.callbacks import History


def test_logs_become_columns_by_name() -> None:
    history = History()
    history.on_epoch_end(0, {"loss": 2.0})
    history.on_epoch_end(1, {"loss": 1.0, "val_loss": 3.0})
    history.on_epoch_end(2)
    assert history.history == {"loss": [2.0, 1.0], "val_loss": [3.0]}
    assert history.epoch == [0, 1, 2]
    assert not history.interrupted


def test_fit_returns_sorted_columns_of_floats_and_numbers_epochs_from_the_first() -> None:
    x, y = np.ones((4, 2), np.float32), np.ones((4, 1), np.float32)
    model = jkeras.Sequential([jkeras.layers.Dense(1)], seed=0)
    model.compile("sgd", "mse", metrics=["mae"])
    found = model.fit(
        x, y, initial_epoch=3, epochs=5, validation_data=(x, y), validation_freq=2, verbose=0
    )
    assert list(found.history) == ["loss", "mae", "val_loss", "val_mae"]
    assert found.epoch == [3, 4]
    assert [len(column) for column in found.history.values()] == [2, 2, 1, 1]
    assert {type(value) for column in found.history.values() for value in column} == {float}
    assert found.model is model
