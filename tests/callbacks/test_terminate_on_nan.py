"""`TerminateOnNaN` ends training when the loss is not finite, without waiting for every step."""

import math

import pytest

import jkeras
from jkeras.callbacks import CallbackList, LambdaCallback, TerminateOnNaN
from tests.callbacks.conftest import RUN
from tests.golden import callbacks_runs as runs


@pytest.mark.filterwarnings("ignore:.*the loss is NaN")
def test_it_watches_no_batches_and_ends_within_the_run(
    model: jkeras.Sequential, capsys: pytest.CaptureFixture[str]
) -> None:
    model.optimizer.learning_rate = 1e30
    watcher, ended = TerminateOnNaN(), []
    end = LambdaCallback(on_train_end=lambda logs: ended.append(logs))
    assert not CallbackList([watcher]).watches_batches("train")
    history = model.fit(**RUN, epochs=5, callbacks=[watcher, end])
    assert history.epoch == [0] and not math.isfinite(history.history["loss"][0])
    assert len(ended) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("Batch ") and printed.endswith(
        ": Invalid loss, terminating training\n"
    )
    assert printed.count("\n") == 1


def test_it_raises_where_it_shall(model: jkeras.Sequential) -> None:
    model.optimizer.learning_rate = 1e30
    ended: list[object] = []
    callbacks = [TerminateOnNaN(raise_error=True), LambdaCallback(on_train_end=ended.append)]
    with pytest.raises(
        RuntimeError, match=r"^NaN or Inf loss encountered at batch \d\. Loss value: "
    ):
        model.fit(**RUN, callbacks=callbacks)
    assert ended == []


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_every_batch_is_looked_at_in_a_loop_by_hand(
    loss: float, capsys: pytest.CaptureFixture[str]
) -> None:
    model = runs.Watched()
    listed = CallbackList(TerminateOnNaN(), model=model)
    listed.on_train_batch_end(3, {"loss": 1.0})
    listed.on_train_batch_end(4, {})
    assert not model.stop_training
    listed.on_train_batch_end(5, {"loss": loss})
    assert model.stop_training
    assert capsys.readouterr().out == "Batch 5: Invalid loss, terminating training\n"
