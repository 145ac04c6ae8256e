"""Trials of Ray Tune that hear of every epoch and go on: with the real package, whose functions are
recorded here. In processes of Ray the guide `ray_search` runs (tests/test_experiments.py).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from ray import tune

import jkeras
from jkeras.callbacks import RayTuneReport
from tests.callbacks.conftest import RUN

EPOCHS = 4


class Trial:
    """What a trial reported, in the place of Ray's session.

    Args:
      folder: keeps the checkpoints.
      ends: reports after which it fails, as a process that is gone.
      begins: the checkpoint it starts with.
    """

    def __init__(self, folder: Path, ends: int | None = None, begins: Path | None = None) -> None:
        self.folder, self.ends, self.begins = folder, ends, begins
        self.metrics: list[dict[str, Any]] = []
        self.checkpoints: list[Path | None] = []

    def get_trial_id(self) -> str:
        return "trial_1"

    def report(self, metrics: dict[str, Any], *, checkpoint: Any = None) -> None:
        self.metrics.append(metrics)
        kept = None
        if checkpoint is not None:
            kept = self.folder / str(len(self.metrics))
            shutil.copytree(checkpoint.path, kept)
        self.checkpoints.append(kept)
        if len(self.metrics) == self.ends:
            raise RuntimeError("the machine is gone")

    def get_checkpoint(self) -> Any:
        return None if self.begins is None else tune.Checkpoint.from_directory(self.begins)

    def enter(self, patch: pytest.MonkeyPatch) -> Trial:
        patch.setattr(tune, "get_context", lambda: self)
        patch.setattr(tune, "report", self.report)
        patch.setattr(tune, "get_checkpoint", self.get_checkpoint)
        return self


def test_a_trial_that_starts_again_goes_on(
    compiled: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, start = compiled
    model.train_state = start
    whole = Trial(tmp_path / "whole").enter(monkeypatch)
    history = model.fit(**RUN, epochs=EPOCHS, callbacks=[RayTuneReport()])
    assert [found["loss"] for found in whole.metrics] == history.history["loss"]
    assert all(path is not None for path in whole.checkpoints)
    expected = model.get_weights()
    model.train_state = start
    first = Trial(tmp_path / "first", ends=2).enter(monkeypatch)
    with pytest.raises(RuntimeError, match="the machine is gone"):
        model.fit(**RUN, epochs=EPOCHS, callbacks=[RayTuneReport()])
    model.train_state = start
    second = Trial(tmp_path / "second", begins=first.checkpoints[-1]).enter(monkeypatch)
    history = model.fit(**RUN, epochs=EPOCHS, callbacks=[RayTuneReport()])
    assert first.metrics + second.metrics == whole.metrics and history.epoch == [0, 1, 2, 3]
    for got, wanted in zip(model.get_weights(), expected, strict=True):
        assert got.tobytes() == wanted.tobytes()


def test_a_copy_of_a_better_trial_keeps_its_own_rate(
    compiled: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, start = compiled
    model.train_state = start
    first = Trial(tmp_path).enter(monkeypatch)
    model.fit(**RUN, callbacks=[RayTuneReport()])
    for keep, rate in (((), 0.1), (("learning_rate",), 0.025)):
        model.train_state = start
        model.optimizer.learning_rate = 0.025
        Trial(tmp_path / f"{rate}", begins=first.checkpoints[0]).enter(monkeypatch)
        model.fit(**RUN, epochs=2, callbacks=[RayTuneReport(keep=keep)])
        assert float(model.optimizer.learning_rate) == pytest.approx(rate)


def test_names_and_checkpoints_are_chosen(
    model: jkeras.Sequential, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = Trial(tmp_path).enter(monkeypatch)
    report = RayTuneReport({"mean_loss": "loss"}, checkpoint_freq=2)
    losses = model.fit(**RUN, epochs=3, callbacks=[report]).history["loss"]
    assert trial.metrics == [{"mean_loss": loss} for loss in losses]
    assert [path is None for path in trial.checkpoints] == [True, False, True]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            {"metrics": ["los"]},
            "RayTuneReport: `metrics`: 'los' is not among the logs: loss. Did you mean 'loss'?",
        ),
        (
            {"metrics": "loss"},
            "RayTuneReport: `metrics`: expected a list of names of logs, or a dict to them, got "
            "'loss' (str).",
        ),
        ({"checkpoint_freq": -1}, "RayTuneReport: `checkpoint_freq`: expected at least 0, got -1."),
        (
            {"checkpoint_freq": "epoch"},
            "RayTuneReport: `checkpoint_freq`: expected a number of epochs, got 'epoch' (str).",
        ),
        (
            {"keep": ["learning_rat"]},
            "RayTuneReport: `keep`: expected values of the optimizer, got 'learning_rat'. Did you "
            "mean 'learning_rate'?",
        ),
    ],
)
def test_wrong_arguments(
    words: dict[str, Any],
    message: str,
    model: jkeras.Sequential,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Trial(tmp_path).enter(monkeypatch)
    with pytest.raises((TypeError, ValueError)) as caught:
        model.fit(**RUN, callbacks=[RayTuneReport(**words)])
    assert str(caught.value) == message


def test_outside_of_a_trial(model: jkeras.Sequential) -> None:
    with pytest.raises(RuntimeError) as caught:
        model.fit(**RUN, callbacks=[RayTuneReport()])
    assert str(caught.value) == (
        "RayTuneReport: expected a trial of Ray Tune, got none. Call `fit` in a function that "
        "ray.tune.Tuner runs, or leave the callback out."
    )


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError) as missing:
        RayTuneReport()
    assert str(missing.value) == (
        "RayTuneReport needs ray, which is not installed: pip install 'jkeras[ray]'"
    )
