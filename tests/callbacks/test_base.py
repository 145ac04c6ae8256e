"""The protocol of callbacks: any object with hooks, called in order, and who watches batches."""

import dataclasses

import numpy as np
import pytest

import jkeras
from jkeras.callbacks import CallbackList, LambdaCallback
from jkeras.callbacks.base import BATCH_HOOKS, HOOKS, Callback
from jkeras.trainer.loop.parts import parts_of
from tests.callbacks.conftest import RUN, X, Y


class Recorder:
    """Remembers every hook that is called; not a `Callback`, without batch hooks."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []

    def __getattr__(self, name: str) -> object:
        if not name.startswith("on_") or "batch" in name:
            raise AttributeError(name)
        return lambda *args: self.calls.append((name, *args[:-1]))


class Batches(Callback):
    """Remembers batch hooks with the model's loss."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        self.calls.append(("begin", batch))

    def on_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.calls.append(("end", batch, sorted(logs)))

    def on_predict_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.calls.append(("predicted", batch))


def test_every_hook_exists_and_does_nothing() -> None:
    made = Callback()
    for hook in HOOKS:
        arguments = (0, {}) if "epoch" in hook or "batch" in hook else ({},)
        assert getattr(made, hook)(*arguments) is None
    assert set(BATCH_HOOKS) < set(HOOKS) and len(HOOKS) == len(set(HOOKS)) == 16


def test_hooks_come_in_keras_order_with_validation_inside_the_epoch(
    model: jkeras.Sequential,
) -> None:
    recorder = Recorder()
    model.fit(**RUN, epochs=2, validation_data=(X, Y), callbacks=recorder)
    epoch = ["on_epoch_begin", "on_test_begin", "on_test_end", "on_epoch_end"]
    assert [name for name, *_ in recorder.calls] == (
        ["on_train_begin", *epoch, *epoch, "on_train_end"]
    )
    assert recorder.calls[1] == ("on_epoch_begin", 0) and recorder.calls[-2] == ("on_epoch_end", 1)


def test_batch_hooks_hear_of_every_batch_under_both_names(model: jkeras.Sequential) -> None:
    watcher = Batches()
    model.fit(**RUN, steps_per_epoch=2, callbacks=[watcher])
    assert watcher.calls == [
        ("begin", 0), ("end", 0, ["loss"]), ("begin", 1), ("end", 1, ["loss"]),
    ]  # fmt: skip
    watcher.calls.clear()
    model.predict(X[:4], batch_size=2, callbacks=[watcher], verbose=0)
    assert watcher.calls == [("predicted", 0), ("predicted", 1)]


def test_callbacks_get_the_model_and_the_parameters_of_the_run(
    model: jkeras.Sequential,
) -> None:
    watcher = Callback()
    model.fit(**RUN, epochs=4, callbacks=[watcher])
    assert watcher.model is model
    assert watcher.params == {"verbose": 0, "epochs": 4, "steps": 3}
    model.evaluate(**RUN, callbacks=[watcher])
    assert watcher.params == {"verbose": 0, "epochs": 1, "steps": 3}


def test_a_callback_ends_the_training_after_the_epoch(model: jkeras.Sequential) -> None:
    class Stop(Callback):
        def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
            self.model.stop_training = epoch == 1

    assert model.fit(**RUN, epochs=5, callbacks=Stop()).epoch == [0, 1]
    assert model.fit(**RUN, epochs=1).epoch == [0]


HISTORIES = {
    "on_train_begin": [],
    "on_epoch_begin": [0],
    "on_train_batch_begin": [0],
    "on_train_batch_end": [0],
    "on_test_begin": [0],
    "on_test_batch_end": [0],
    "on_test_end": [0],
    "on_epoch_end": [0],
    "on_train_end": [0, 1, 2],
}


@pytest.mark.parametrize(("hook", "epochs"), HISTORIES.items())
def test_an_error_in_a_callback_leaves_the_model_usable(
    hook: str, epochs: list[int], model: jkeras.Sequential
) -> None:
    """The law: values and history are kept, and training goes on from there."""

    def fail(*args: object) -> None:
        if model.history.epoch or hook == "on_train_begin":  # in the second epoch
            raise RuntimeError("mine")

    callback = LambdaCallback(**{hook: fail})
    with pytest.raises(RuntimeError, match=r"^mine"):
        model.fit(**RUN, epochs=3, validation_data=(X, Y), callbacks=callback)
    assert model.history.epoch == epochs
    assert len(model.history.history.get("val_loss", [])) == len(epochs)
    done = int(model.train_state.step)
    assert done >= 3 * len(epochs)
    assert model.fit(**RUN, epochs=2).epoch == [0, 1]
    assert int(model.train_state.step) == done + 6
    assert np.isfinite(model.evaluate(**RUN))


@pytest.fixture
def in_steps(model: jkeras.Sequential, monkeypatch: pytest.MonkeyPatch) -> jkeras.Sequential:
    """The model, with one step in every dispatch as `steps_per_execution=1` makes it."""
    steps = parts_of(model).steps
    assert steps.compilation is not None
    fixed = dataclasses.replace(steps.compilation, steps_per_execution=1)
    monkeypatch.setattr(steps, "compilation", fixed)
    return model


def test_batch_hooks_come_late_where_a_callback_says_they_may(in_steps: jkeras.Sequential) -> None:
    class Late(Callback):
        async_safe = True

        def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
            heard.append((batch, int(self.model.train_state.step)))

    heard: list[tuple[int, int]] = []
    assert not CallbackList([Late()]).watches_batches("train")
    in_steps.fit(**RUN, callbacks=[Late()])
    assert heard == [(0, 2), (1, 3), (2, 3)]  # the next step is under way already


def test_a_late_callback_may_end_the_epoch(in_steps: jkeras.Sequential) -> None:
    class Stop(Callback):
        async_safe = True

        def on_batch_end(self, batch: int, logs: dict | None = None) -> None:
            self.model.stop_training = True

    assert in_steps.fit(**RUN, epochs=3, callbacks=Stop()).epoch == [0]
    assert int(in_steps.train_state.step) == 2  # the second was under way
