"""The record of a run."""

import jkeras
from jkeras.callbacks import History
from tests.callbacks.conftest import RUN, X, Y


def test_logs_become_columns_by_name() -> None:
    history = History()
    history.on_epoch_end(0, {"loss": 2.0})
    history.on_epoch_end(1, {"loss": 1.0, "val_loss": 3.0})
    history.on_epoch_end(2)
    assert history.history == {"loss": [2.0, 1.0], "val_loss": [3.0]}
    assert history.epoch == [0, 1, 2]
    assert not history.interrupted


def test_fit_returns_sorted_columns_of_floats_and_numbers_epochs_from_the_first(
    model: jkeras.Sequential,
) -> None:
    found = model.fit(**RUN, initial_epoch=3, epochs=5, validation_data=(X, Y), validation_freq=2)
    assert list(found.history) == ["loss", "val_loss"]
    assert found.epoch == [3, 4]
    assert [len(column) for column in found.history.values()] == [2, 1]
    assert {type(value) for column in found.history.values() for value in column} == {float}
    assert found.model is model
