"""The protocol of callbacks: any object with hooks, called in order, and who watches batches."""

import numpy as np
import pytest

import jkeras
from jkeras.callbacks.base import BATCH_HOOKS, HOOKS, Callback, CallbackList

X = np.ones((6, 2), np.float32)
Y = np.ones((6, 1), np.float32)


class Recorder:
    """Remembers every hook that is called; no `Callback`, and never asked for batches."""

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


def model() -> jkeras.Sequential:
    made = jkeras.Sequential([jkeras.layers.Dense(1)], seed=0)
    made.compile("sgd", "mse")
    return made


def test_every_hook_exists_and_does_nothing() -> None:
    made = Callback()
    for hook in HOOKS:
        arguments = (0, {}) if "epoch" in hook or "batch" in hook else ({},)
        assert getattr(made, hook)(*arguments) is None
    assert set(BATCH_HOOKS) < set(HOOKS) and len(HOOKS) == len(set(HOOKS)) == 16


def test_hooks_come_in_keras_order_with_validation_inside_the_epoch() -> None:
    recorder = Recorder()
    model().fit(X, Y, epochs=2, validation_data=(X, Y), callbacks=recorder, verbose=0)
    epoch = ["on_epoch_begin", "on_test_begin", "on_test_end", "on_epoch_end"]
    assert [name for name, *_ in recorder.calls] == (
        ["on_train_begin", *epoch, *epoch, "on_train_end"]
    )
    assert recorder.calls[1] == ("on_epoch_begin", 0) and recorder.calls[-2] == ("on_epoch_end", 1)


def test_batch_hooks_hear_of_every_batch_under_both_names() -> None:
    watcher, made = Batches(), model()
    made.fit(X, Y, batch_size=4, callbacks=[watcher], verbose=0)
    assert watcher.calls == [
        ("begin", 0), ("end", 0, ["loss"]), ("begin", 1), ("end", 1, ["loss"]),
    ]  # fmt: skip
    watcher.calls.clear()
    made.predict(X, batch_size=4, callbacks=[watcher], verbose=0)
    assert watcher.calls == [("predicted", 0), ("predicted", 1)]


def test_callbacks_get_the_model_and_the_parameters_of_the_run() -> None:
    watcher, made = Callback(), model()
    made.fit(X, Y, batch_size=4, epochs=3, callbacks=[watcher], verbose=0)
    assert watcher.model is made
    assert watcher.params == {"verbose": 0, "epochs": 3, "steps": 2}


def test_only_hooks_of_its_own_make_a_callback_watch_batches() -> None:
    def watches(callback: object) -> list[bool]:
        listed = CallbackList(callback)
        return [listed.watches_batches(phase) for phase in ("train", "test", "predict")]

    assert watches(Callback()) == watches(Recorder()) == [False] * 3
    assert watches(Batches()) == [True, False, True]
    hook = jkeras.callbacks.LambdaCallback(on_test_batch_end=lambda batch, logs: None)
    assert watches(hook) == [False, True, False]


def test_one_several_or_no_callbacks_make_a_list() -> None:
    a, b = Callback(), Callback()
    assert CallbackList().callbacks == []
    assert CallbackList(a).callbacks == [a]
    assert CallbackList((a, b)).callbacks == [a, b]
    assert CallbackList(CallbackList([a, b])).callbacks == [a, b]


def test_a_callback_ends_the_training_after_the_epoch() -> None:
    class Stop(Callback):
        def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
            self.model.stop_training = epoch == 1

    made = model()
    assert made.fit(X, Y, epochs=5, callbacks=Stop(), verbose=0).epoch == [0, 1]
    assert made.fit(X, Y, epochs=1, verbose=0).epoch == [0]


def test_an_error_in_a_callback_comes_through() -> None:
    def fail(epoch: int, logs: dict) -> None:
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match=r"^mine$"):
        model().fit(X, Y, callbacks=jkeras.callbacks.LambdaCallback(on_epoch_end=fail), verbose=0)
