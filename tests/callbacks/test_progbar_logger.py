"""The progress bar in a custom loop, and in `fit`."""

import re

import pytest

import jkeras
from jkeras.callbacks import CallbackList, ProgbarLogger
from tests.callbacks.conftest import RUN, X, Y


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines without the times."""
    lines = capsys.readouterr().out.splitlines()
    return [re.sub(r" \S+ \S+/step", "", line) for line in lines]


def test_a_loop_by_hand_draws_the_lines_of_fit(capsys: pytest.CaptureFixture[str]) -> None:
    listed = CallbackList(add_progbar=True, verbose=1, epochs=2, steps=3)
    listed.on_train_begin()
    for epoch in range(2):
        listed.on_epoch_begin(epoch)
        for batch in range(3):
            listed.on_train_batch_end(batch, {"loss": 1 / (batch + 1)})
        listed.on_test_begin()
        listed.on_test_batch_end(0, {"loss": 9.0})
        listed.on_test_end({"loss": 9.0})
        listed.on_epoch_end(epoch, {"loss": 0.25, "val_loss": 9.0})
    listed.on_train_end()
    bar = "3/3 ━━━━━━━━━━━━━━━━━━━━ - loss: 0.2500 - val_loss: 9.0000"
    assert printed(capsys) == ["Epoch 1/2", bar, "Epoch 2/2", bar]


def test_evaluation_and_prediction_have_bars_of_their_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    listed = CallbackList(add_progbar=True, verbose=1, epochs=1)
    listed.on_test_begin()
    listed.on_test_batch_end(0, {"loss": 1.0})
    listed.on_test_end({"loss": 2.0})
    listed.set_params({"verbose": 1, "epochs": 1, "steps": 2})
    listed.on_predict_begin()
    listed.on_predict_batch_end(0, {"outputs": X})
    listed.on_predict_end()
    assert printed(capsys) == [
        "1/1 ━━━━━━━━━━━━━━━━━━━━ - loss: 2.0000",
        "2/2 ━━━━━━━━━━━━━━━━━━━━",
    ]


def test_in_fit_it_takes_the_place_of_the_bar(
    model: jkeras.Sequential, capsys: pytest.CaptureFixture[str]
) -> None:
    start = model.train_state
    lines = []
    for callbacks in (None, [ProgbarLogger()]):
        model.train_state = start
        options = {**RUN, "verbose": 2, "validation_data": (X, Y)}
        model.fit(**options, epochs=2, callbacks=callbacks)
        model.evaluate(X, Y, batch_size=2, verbose=2, callbacks=callbacks)
        lines.append(printed(capsys))
    assert lines[0] == lines[1] and len(lines[0]) == 5


def test_silence_is_silent(model: jkeras.Sequential, capsys: pytest.CaptureFixture[str]) -> None:
    model.fit(**RUN, callbacks=[ProgbarLogger()])
    assert capsys.readouterr().out == ""
