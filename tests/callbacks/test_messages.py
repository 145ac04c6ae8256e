"""Where the messages of callbacks go: the screen, or Python's `logging`."""

import logging

import numpy as np
import pytest

import jkeras
from jkeras.callbacks import LambdaCallback, LearningRateScheduler, TerminateOnNaN
from jkeras.callbacks.monitor import MonitorCallback


def test_messages_go_to_the_logger_without_interactive_logging(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    model = jkeras.Sequential([jkeras.layers.Dense(1)])
    model.compile("sgd", "mse")
    scheduler = LearningRateScheduler(lambda epoch: 0.5, verbose=1)
    jkeras.config.disable_interactive_logging()
    try:
        with caplog.at_level(logging.INFO, logger="absl"):
            model.fit(np.ones((2, 1)), np.ones((2, 1)), verbose=0, callbacks=[scheduler])
    finally:
        jkeras.config.enable_interactive_logging()
    line = "Epoch 1: LearningRateScheduler setting learning rate to 0.5."
    assert caplog.messages == [line] and capsys.readouterr().out == ""
    model.fit(np.ones((2, 1)), np.ones((2, 1)), verbose=0, callbacks=[scheduler])
    assert capsys.readouterr().out == f"\n{line}\n"


def test_terminate_on_nan_takes_the_place_of_the_check_of_data() -> None:
    model = jkeras.Sequential([jkeras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 1)), np.array([[1.0], [np.inf], [1.0], [1.0]])
    with pytest.raises(ValueError, match="got infinity in 1 of 4 examples"):
        model.fit(x, y, verbose=0)
    history = model.fit(x, y, epochs=9, verbose=0, callbacks=TerminateOnNaN())
    assert history.epoch == [0]
    with pytest.raises(RuntimeError, match="NaN or Inf loss"):
        model.fit(x, y, verbose=0, callbacks=[[TerminateOnNaN(raise_error=True)]])


def test_the_direction_of_a_monitor_is_a_function_of_ops() -> None:
    assert MonitorCallback("val_loss").monitor_op is jkeras.ops.less
    assert MonitorCallback("val_loss", mode="max").monitor_op is jkeras.ops.greater


def test_attributes_of_a_lambda_callback() -> None:
    callback = LambdaCallback(losses=[1.0])
    assert callback.losses == [1.0]  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="unexpected argument `on_epoch_ends`"):
        LambdaCallback(on_epoch_ends=print)
