"""EarlyStopping does what Keras's does, for hundreds of made-up courses of a monitored value.

The courses have ties, NaN and missing values; settings are drawn with them (`stopping_settings`).
"""

from typing import Any

import pytest

import jkeras
from tests.golden import training_stopping
from tests.trainer.conftest import HINT, assert_like, golden_records

GOLDEN = golden_records()["stopping"]


def test_the_outcomes_are_those_of_keras() -> None:
    assert len(GOLDEN) == training_stopping.STOPPING_SEEDS, HINT
    for seed, expected in GOLDEN.items():
        settings, values = training_stopping.stopping_settings(int(seed))
        got = training_stopping.stopped(jkeras, int(seed))
        assert_like(got, expected, f"seed {seed}, {settings}, {values}", rel=0.0)


def test_the_courses_reach_every_case() -> None:
    """Some stop early and some not, some go back to earlier weights, some never had a value."""
    outcomes = list(GOLDEN.values())
    assert {outcome[1] > 0 for outcome in outcomes} == {True, False}
    assert any(run - 1 != weights for run, *_, weights in outcomes)
    assert any(best is None for _, _, _, best, *_ in outcomes)


@pytest.mark.parametrize(
    ("monitor", "rises"),
    [("val_accuracy", True), ("val_loss", False), ("loss", False), ("acc", True), ("mae", False)],
)
def test_the_mode_goes_by_the_name(monitor: str, rises: bool) -> None:
    stop = jkeras.callbacks.EarlyStopping(monitor)
    model: Any = training_stopping.Watched()
    stop.set_model(model)
    stop.on_train_begin()
    stop.on_epoch_end(0, {monitor: 0.5})
    stop.on_epoch_end(1, {monitor: 0.75})
    assert model.stop_training is not rises


def test_a_nan_that_comes_first_is_not_the_best_value() -> None:
    """In Keras it is, and as nothing is less than NaN, training stops when patience ends."""
    stop = jkeras.callbacks.EarlyStopping("loss", patience=2)
    model: Any = training_stopping.Watched()
    stop.set_model(model)
    stop.on_train_begin()
    for epoch, value in enumerate([float("nan"), 0.5, 0.4, 0.3]):
        stop.on_epoch_end(epoch, {"loss": value})
    assert not model.stop_training
    assert (stop.best, stop.best_epoch, stop.wait) == (0.3, 3, 0)
