"""Many callbacks as one: flattened, called in order, each with the hooks that it has."""

import numpy as np
import pytest

import jkeras
from jkeras.callbacks import Callback, CallbackList, History, LambdaCallback, ProgbarLogger
from jkeras.callbacks.base import HOOKS
from jkeras.callbacks.callback_list import plain_logs
from tests.callbacks.conftest import HINT, RUN, plain
from tests.callbacks.test_base import Batches, Recorder
from tests.golden import callbacks_runs as runs


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


def test_lists_may_stand_in_lists() -> None:
    a, b, c = Callback(), Callback(), Callback()
    assert CallbackList([a, [b, (c,)]]).callbacks == [a, b, c]


def test_a_loop_by_hand_is_heard_as_in_keras(golden: dict) -> None:
    assert plain(runs.by_hand(jkeras)) == golden["by_hand"]["all"], HINT


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_of_the_list_is_that_of_every_callback(hook: str) -> None:
    calls: list[tuple] = []
    listed = CallbackList([LambdaCallback(**{hook: lambda *args: calls.append(args)})] * 2)
    numbers = (3,) if "batch" in hook or "epoch" in hook else ()
    getattr(listed, hook)(*numbers, logs={"loss": np.float32(0.5)})
    getattr(listed, hook)(*numbers)
    assert calls == [(*numbers, {"loss": 0.5})] * 2 + [(*numbers, {})] * 2


def test_history_and_bar_are_added_unless_they_are_there() -> None:
    made = CallbackList(add_history=True, add_progbar=True).callbacks
    assert [type(callback) for callback in made] == [History, ProgbarLogger]
    assert CallbackList(made, add_history=True, add_progbar=True).callbacks == made
    assert CallbackList().history is None


def test_what_is_appended_is_told_the_model_and_the_parameters() -> None:
    model = object()
    listed, late = CallbackList(model=model, epochs=3), Callback()
    listed.append(late)
    assert (late.model, late.params) == (model, {"epochs": 3})
    with pytest.raises(TypeError) as caught:
        listed.append(print)
    assert str(caught.value) == (
        "`callbacks`: expected objects with hooks such as `on_epoch_end`, got <built-in function "
        "print> (builtin_function_or_method). A plain function goes in "
        "LambdaCallback(on_epoch_end=function)."
    )


def test_fit_returns_the_history_that_it_was_given(model: jkeras.Sequential) -> None:
    mine = History()
    for _ in range(2):
        assert model.fit(**RUN, callbacks=[mine]) is mine is model.history
    assert len(mine.history["loss"]) == 2 and mine.epoch == [0]


def test_numbers_of_every_kind_are_floats_in_the_logs_and_the_rest_stays() -> None:
    outputs = np.ones((2, 1))
    logs = plain_logs({"loss": np.float32(0.5), "done": 1, "outputs": outputs, "name": "a"})
    assert {name: type(value) for name, value in logs.items()} == {
        "done": float, "loss": float, "name": str, "outputs": np.ndarray,
    }  # fmt: skip
    assert logs["outputs"] is outputs
