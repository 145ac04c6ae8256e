"""Whatever ends training early, or reaches into it, leaves a model that works."""

import itertools
import os
import signal
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

from jkeras import Sequential, layers
from jkeras.callbacks import Callback, LambdaCallback
from tests.golden.training_models import table


def model() -> Sequential:
    stack = [layers.Dense(4), layers.BatchNormalization(), layers.Dense(1)]
    made = Sequential([layers.Input((20,)), *stack], seed=0)
    made.compile(optimizer="sgd", loss="mse", metrics=["mae"])
    return made


def data(rows: int = 40) -> tuple[Any, Any]:
    x, _ = table(rows)
    return x, x[:, :1]


def assert_usable(model: Sequential) -> None:
    """It evaluates, predicts, hands out its weights and trains on."""
    loss, _ = model.evaluate(*data(), verbose=0)
    assert np.isfinite(loss)
    assert model.predict(data()[0], verbose=0).shape == (40, 1)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert model.fit(*data(), epochs=2, verbose=0).epoch == [0, 1]


def press_ctrl_c(*_: Any) -> None:
    """What the terminal does; Python runs the handler at the main thread's next instruction."""
    os.kill(os.getpid(), signal.SIGINT)


# -- Ctrl-C

PRESSES: dict[str, tuple[Callable[[], Callback], list[int]]] = {
    "in a batch": (
        lambda: LambdaCallback(
            on_train_batch_end=lambda batch, logs: press_ctrl_c() if batch == 1 else None
        ),
        [],
    ),
    "before an epoch": (
        lambda: LambdaCallback(
            on_epoch_begin=lambda epoch, logs: press_ctrl_c() if epoch == 1 else None
        ),
        [0],
    ),
    "in a validation": (
        lambda: LambdaCallback(on_test_batch_begin=lambda batch, logs: press_ctrl_c()),
        [],
    ),
    "after an epoch": (
        lambda: LambdaCallback(on_epoch_end=lambda epoch, logs: press_ctrl_c()),
        [0],
    ),
}


@pytest.mark.parametrize("moment", PRESSES)
def test_ctrl_c_ends_training_and_keeps_what_was_learned(
    moment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make_callback, completed = PRESSES[moment]
    trained = model()
    before = trained.get_weights()
    handler = signal.getsignal(signal.SIGINT)
    options = {"batch_size": 8, "epochs": 4, "verbose": 0, "validation_data": data()}
    history = trained.fit(*data(), callbacks=[make_callback()], **options)
    assert history.interrupted
    assert history.epoch == completed
    assert all(len(values) == len(completed) for values in history.history.values())
    assert "Interrupted: training stopped." in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is handler
    assert not np.array_equal(trained.get_weights()[0], before[0])
    assert_usable(trained)


def test_a_whole_run_is_not_interrupted() -> None:
    assert not model().fit(*data(), verbose=0).interrupted


def test_a_second_ctrl_c_is_heard_at_once() -> None:
    def twice(batch: int, logs: Any) -> None:
        press_ctrl_c()
        press_ctrl_c()

    with pytest.raises(KeyboardInterrupt):
        model().fit(*data(), callbacks=[LambdaCallback(on_train_batch_end=twice)], verbose=0)


# -- exceptions

HOOKS = [
    "on_train_begin",
    "on_epoch_begin",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_begin",
    "on_test_batch_end",
    "on_epoch_end",
    "on_train_end",
]


@pytest.mark.parametrize("hook", HOOKS)
def test_an_exception_in_a_callback_leaves_a_usable_model(hook: str) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("no more")

    trained = model()
    with pytest.raises(RuntimeError, match="no more"):
        trained.fit(
            *data(),
            callbacks=[LambdaCallback(**{hook: fail})],
            validation_data=data(),
            verbose=0,
        )
    assert_usable(trained)


def test_an_exception_in_a_generator_leaves_what_was_trained_before() -> None:
    def batches() -> Any:
        yield data(8)
        yield data(8)
        raise OSError("the disk is gone")

    trained, expected = model(), model()
    with pytest.raises(OSError, match="the disk is gone"):
        trained.fit(batches(), verbose=0)
    for _ in range(2):
        expected.train_on_batch(*data(8))
    np.testing.assert_allclose(trained.get_weights()[0], expected.get_weights()[0], rtol=1e-6)
    assert_usable(trained)


# -- what others hold, and what callbacks change


def test_values_handed_out_before_fit_stay_valid() -> None:
    trained = model()
    params, state, whole = trained.params, trained.state, trained.train_state
    copies = jax.tree.map(np.array, params)
    trained.fit(*data(), epochs=2, verbose=0)
    trained.train_on_batch(*data())
    for leaf in jax.tree.leaves((params, state, whole)):
        assert not leaf.is_deleted()
    for leaf, copy in zip(jax.tree.leaves(params), jax.tree.leaves(copies), strict=True):
        np.testing.assert_array_equal(leaf, copy)
    assert not np.array_equal(trained.get_weights()[0], copies["dense"]["kernel"])


def test_values_handed_out_in_a_callback_stay_valid() -> None:
    trained, held = model(), []
    keep = LambdaCallback(on_train_batch_end=lambda batch, logs: held.append(trained.params))
    trained.fit(*data(), batch_size=8, callbacks=[keep], verbose=0)
    kernels = [np.asarray(params["dense"]["kernel"]) for params in held]
    assert len(kernels) == 5
    assert all(not np.array_equal(a, b) for a, b in itertools.pairwise(kernels))


@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_train_batch_begin", "on_train_batch_end"])
def test_weights_set_in_a_callback_take_effect(hook: str) -> None:
    trained, other = model(), model()
    fixed = [np.full_like(weight, 0.5) for weight in trained.get_weights()]

    def reset(index: int, logs: Any) -> None:
        if index == 0:
            trained.set_weights(fixed)

    trained.fit(
        *data(24),
        batch_size=8,
        callbacks=[LambdaCallback(**{hook: reset})],
        shuffle=False,
        verbose=0,
    )
    other.set_weights(fixed)
    done_before = 8 if hook == "on_train_batch_end" else 0
    x, y = data(24)
    other.fit(x[done_before:], y[done_before:], batch_size=8, shuffle=False, verbose=0)
    for a, b in zip(trained.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_stop_training_after_an_epoch() -> None:
    trained = model()

    def stop(epoch: int, logs: Any) -> None:
        trained.stop_training = epoch == 1

    history = trained.fit(
        *data(), epochs=5, callbacks=[LambdaCallback(on_epoch_end=stop)], verbose=0
    )
    assert history.epoch == [0, 1]
    assert not history.interrupted
    assert trained.fit(*data(), epochs=2, verbose=0).epoch == [0, 1]


def test_stop_training_after_a_batch_makes_no_further_step() -> None:
    trained = model()

    def stop(batch: int, logs: Any) -> None:
        trained.stop_training = batch == 1

    trained.fit(
        *data(), batch_size=8, callbacks=[LambdaCallback(on_train_batch_end=stop)], verbose=0
    )
    assert int(trained.train_state.step) == 2


def test_evaluating_in_a_callback_disturbs_nothing() -> None:
    trained, alone = model(), model()
    look = LambdaCallback(
        on_train_batch_end=lambda batch, logs: trained.evaluate(*data(8), verbose=0)
    )
    a = trained.fit(*data(), batch_size=8, callbacks=[look], verbose=0)
    b = alone.fit(*data(), batch_size=8, verbose=0)
    assert list(a.history) == list(b.history)
    for name in a.history:
        np.testing.assert_allclose(a.history[name], b.history[name], rtol=1e-6)
