"""What fails under a trainer: the device's memory, and callbacks. The model stays usable."""

import signal
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers as L
from jkeras.trainer.loop import error_notes
from jkeras.trainer.loop import parts as prepared
from tests.programs import plan_of

X = np.ones((8, 4), "float32")
Y = np.ones((8, 1), "float32")
XLA = "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 137438953472 bytes."
FULL = jax.errors.JaxRuntimeError(f"{XLA}\nBufferAssignment: ...")
HALF = (
    "activations: model.dtype_policy = 'mixed_bfloat16', or layers in RematScope(). The model is "
    "as it was after the last step that was completed."
)
LIES = (
    "the device has no room: RESOURCE_EXHAUSTED: Out of memory while trying to allocate "
    "137438953472 bytes. There lie 20.00 B of weights, 8.00 B carried beside them"
)


def model() -> jkeras.Sequential:
    made = jkeras.Sequential([jkeras.Input((4,)), L.Dense(1)], seed=0)
    made.compile("sgd", "mse")
    return made


def fail(*args: Any, **options: Any) -> Any:
    raise FULL


class Failing:
    """A compiled loop that fails at its second call, donating what it got before, or not."""

    def __init__(self, function: Callable[..., Any], *, donates: bool) -> None:
        self.function, self.donates, self.calls = function, donates, 0

    def __call__(self, train_state: Any, *args: Any) -> Any:
        self.calls += 1
        if self.calls < 2:
            return self.function(train_state, *args)
        if self.donates:
            for leaf in jax.tree.leaves(train_state):
                leaf.delete()
        raise FULL


def failing(*, donates: bool) -> tuple[jkeras.Sequential, Failing, str]:
    """A model whose device is full in the second epoch, what failed, and what it said."""
    made = model()
    made.fit(X, Y, batch_size=4, verbose=0)
    programs = plan_of(made, "train").programs
    loop = Failing(programs.train_loop(4), donates=donates)
    programs._loops["train", 4] = loop  # type: ignore[assignment]
    with pytest.raises(MemoryError) as caught:
        made.fit(X, Y, batch_size=4, epochs=3, verbose=0, callbacks=[jkeras.callbacks.Callback()])
    assert caught.value.__cause__ is FULL
    programs._loops["train", 4] = loop.function  # type: ignore[assignment]
    return made, loop, str(caught.value)


def test_a_full_device_is_told_with_what_can_be_made_smaller() -> None:
    made, _, message = failing(donates=False)
    assert message == (
        f"fit: {LIES}, 160.00 B of data. Reduce `batch_size`, now 4; the data there: "
        f"compile(engine='streaming') keeps them on the host; {HALF}"
    )
    assert np.isfinite(made.get_weights()[0]).all()
    assert made.fit(X, Y, batch_size=4, epochs=2, verbose=0).epoch == [0, 1]


def test_weights_that_went_with_the_step_are_said_to_be_lost() -> None:
    made, _, message = failing(donates=True)
    assert message.endswith(
        "The failed step had taken over the memory of the weights, and they are lost: the model is "
        "unbuilt. Load the last checkpoint, or fit it anew."
    )
    assert not made.built and made.history.epoch == [0]
    assert made.fit(X, Y, batch_size=4, epochs=2, verbose=0).epoch == [0, 1]
    assert np.isfinite(made.get_weights()[0]).all()


def test_data_and_single_batches_that_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    made = model()
    made.train_on_batch(X, Y)
    with monkeypatch.context() as patch:
        patch.setattr(plan_of(made, "train").programs, "train_batch", fail)
        with pytest.raises(MemoryError) as caught:
            made.train_on_batch(X, Y)
    told = "160.00 B of data. Reduce `batch_size`, now 8; the data there: "
    streaming = "compile(engine='streaming') keeps them on the host; "
    assert str(caught.value) == f"train_on_batch: {LIES}, {told}{streaming}{HALF}"
    with monkeypatch.context() as patch:
        patch.setattr(prepared, "place", fail)
        with pytest.raises(MemoryError) as caught:
            made.evaluate(X, Y, batch_size=2, verbose=0)
    assert str(caught.value).startswith(f"evaluate: {LIES}, 160.00 B of data. Reduce `batch_size`")


def test_other_errors_go_on_as_they_are() -> None:
    closed: list[int] = []
    for error in (
        ValueError("no"),
        jax.errors.JaxRuntimeError("INTERNAL: no"),
        KeyboardInterrupt(),
    ):
        with pytest.raises(type(error)) as caught:
            with error_notes.explained(None, "fit", close_fn=lambda: closed.append(1)):
                raise error
        assert caught.value is error
    assert len(closed) == 3


# -- callbacks

HOOKS = [
    "on_train_begin",
    "on_epoch_begin",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_begin",
    "on_test_batch_begin",
    "on_test_batch_end",
    "on_test_end",
    "on_epoch_end",
    "on_train_end",
]


@pytest.fixture(scope="module")
def trained() -> jkeras.Sequential:
    return model()


class Faulty(jkeras.callbacks.Callback):
    """Raises in one hook, the second time it is called if it is called in every epoch."""

    def __init__(self, hook: str) -> None:
        self.calls = 0
        setattr(self, hook, self.fail)

    def fail(self, *args: Any) -> None:
        self.calls += 1
        if self.calls == 2 or len(args) < 2:
            raise RuntimeError("no more")


@pytest.mark.parametrize("hook", HOOKS)
def test_a_callback_that_raises_is_named_and_leaves_everything_whole(
    hook: str, trained: jkeras.Sequential
) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    options: dict[str, Any] = {"batch_size": 4, "verbose": 0, "validation_data": (X, Y)}
    with pytest.raises(RuntimeError) as caught:
        trained.fit(X, Y, epochs=3, callbacks=[Faulty(hook)], **options)
    assert str(caught.value) == "no more"
    assert caught.value.__notes__ == [
        f"Raised by the callback Faulty in {hook}. The model and its history keep what was trained "
        "before."
    ]
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert error_notes.is_whole(trained.train_state)
    epochs = {"on_epoch_begin": [0], "on_epoch_end": [0], "on_train_end": [0, 1, 2]}
    assert trained.history.epoch == epochs.get(hook, [])
    assert len(trained.history.history.get("val_loss", [])) == len(trained.history.epoch)
    assert trained.fit(X, Y, epochs=2, **options).epoch == [0, 1]


def test_the_line_of_the_bar_is_ended(
    trained: jkeras.Sequential, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jkeras.display.progress.screen_of", lambda stream: "terminal")
    with pytest.raises(RuntimeError):
        trained.fit(X, Y, batch_size=4, callbacks=[Faulty("on_train_batch_end")], verbose=1)
    assert capsys.readouterr().out.endswith("\n")
    trained.fit(X, Y, batch_size=4, verbose=1)
    assert not capsys.readouterr().out.endswith("\n\n")
