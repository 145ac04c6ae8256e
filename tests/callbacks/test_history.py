"""The record of a run."""

from pathlib import Path
from typing import Any

import pytest

import jkeras
from jkeras.callbacks import Callback, History
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


class Keeps(Callback):
    """Takes a snapshot at the end of the second epoch, before the history hears of it."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        assert logs is not None
        logs["added"] = float(epoch)
        if epoch == 1:
            self.model.history.seconds.append(0.0)  # which a snapshot leaves alone
            self.kept = self.model.snapshot()
            assert len(self.model.history.epoch) == 1 and len(self.model.history.seconds) == 2


def test_a_snapshot_at_the_end_of_an_epoch_has_the_epoch(compiled: tuple[Any, Any]) -> None:
    model, start = compiled
    model.train_state = start
    keeps = Keeps()
    expected = model.fit(**RUN, epochs=3, callbacks=[keeps]).history
    model.train_state = start
    found = model.fit(**RUN, epochs=3, resume_from=keeps.kept, callbacks=[Keeps()])
    assert found.history == expected and found.epoch == [0, 1, 2]
    assert found.curves()["loss"][0] == [1, 2, 3]


def test_curves_know_their_epochs_over_all_runs(model: jkeras.Sequential) -> None:
    history = History()
    run = RUN | {"callbacks": history, "validation_data": (X, Y)}
    model.fit(**run, epochs=3, validation_freq=2)
    model.fit(**run, epochs=2)
    curves = history.curves()
    assert [list(places) for places, _ in curves.values()] == [[1, 2, 3, 4, 5], [2, 4, 5]]
    assert [list(values) for _, values in curves.values()] == list(history.history.values())


def test_curves_of_lists_that_were_set_count_from_one() -> None:
    history = History()
    history.history = {"loss": [2.0, 1.0], "by_class": [[1.0], [2.0]], "none": []}  # type: ignore
    curves = history.curves()
    assert list(curves) == ["loss"] and list(curves["loss"][0]) == [1, 2]


def test_the_plot_marks_the_best_epoch(model: jkeras.Sequential) -> None:
    pytest.importorskip("matplotlib", reason="figures need the extra `plots`")
    history = model.fit(**RUN, epochs=3, validation_data=(X, Y))
    (axes,) = history.plot("loss", title="a run").axes
    values = history.history["val_loss"]
    best = values.index(min(values)) + 1
    assert axes.lines[-1].get_label() == f"best: {min(values):.4f} (epoch {best})"
    assert [line.get_label() for line in axes.lines[:2]] == ["training", "validation"]
    assert history.plot(log_scale=True).axes[0].get_yscale() == "log"


def test_the_plot_is_written_to_a_file(model: jkeras.Sequential, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="figures need the extra `plots`")
    model.fit(**RUN, epochs=2).plot(path=tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_no_plot_before_the_first_epoch() -> None:
    with pytest.raises(ValueError) as caught:
        History().plot()
    assert str(caught.value) == (
        "History.plot: expected at least one epoch with logs, got none. Call `fit` first."
    )


def test_an_unknown_metric_is_named(model: jkeras.Sequential) -> None:
    with pytest.raises(ValueError) as caught:
        model.fit(**RUN).plot(["lost"])
    assert str(caught.value) == (
        "History.plot: `metrics`: expected names among loss, got 'lost'. Did you mean 'loss'?"
    )


def test_a_history_prints_its_last_values() -> None:
    history = History()
    assert repr(history) == "<History: 0 epochs>"
    history.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.25})
    assert repr(history) == "<History: 1 epoch, loss 0.5000, val_loss 0.2500>"
    history.interrupted = True
    assert repr(history) == "<History: 1 epoch, interrupted, loss 0.5000, val_loss 0.2500>"
