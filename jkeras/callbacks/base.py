"""The callback protocol: host-side hooks around training, evaluation and prediction.

A callback is any object with some of the hooks below; `Callback` has all of them, doing nothing.
Hooks around epochs and phases cost nothing. A hook around batches makes training stop after every
step and read its results, which is several times slower for a small model; nobody else pays for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jkeras.core.errors import describe

Logs = dict[str, float]
PHASES = ("train", "test", "predict")
BATCH_HOOKS = tuple(f"on_{phase}_batch_{when}" for phase in PHASES for when in ("begin", "end"))
HOOKS = (
    *(f"on_{phase}_{when}" for phase in PHASES for when in ("begin", "end")),
    "on_epoch_begin",
    "on_epoch_end",
    *BATCH_HOOKS,
    "on_batch_begin",
    "on_batch_end",
)


class Callback:
    """Base of callbacks: override the hooks you need.

    Attributes:
      model: the trainer that runs it; set `model.stop_training = True` to end after this epoch.
      params: `{"verbose": …, "epochs": …, "steps": …}` of the run.

    Source: `keras.callbacks.Callback`.
    """

    model: Any = None
    params: dict[str, Any] | None = None

    def set_model(self, model: Any) -> None:
        """Called before anything else with the trainer."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called before anything else with the run's parameters."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch; `logs` are that epoch's."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch and its validation; `logs` hold both, `val_` before the latter's names."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a training step, counted from 0 in the epoch."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a training step; `logs` are means over the epoch so far."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before an evaluation, a validation in `fit` included."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """After an evaluation."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before an evaluation step."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After an evaluation step."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Before a prediction."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """After a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a prediction step."""

    def on_predict_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """After a prediction step; `logs["outputs"]` holds the outputs of its batch."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Another name for `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Another name for `on_train_batch_end`."""


class CallbackList:
    """Calls a hook on every callback that has it, in order.

    Args:
      callbacks: a callback, an iterable of them, or None.
      model: the trainer, given to `set_model`.
      **params: given to `set_params`.

    Raises:
      TypeError: an object has none of the hooks, or is a class instead of an object.
    """

    def __init__(self, callbacks: Any = None, model: Any = None, **params: Any) -> None:
        self.callbacks = _as_list(callbacks)
        for callback in self.callbacks:
            _check(callback)
            if hasattr(callback, "set_model"):
                callback.set_model(model)
            if hasattr(callback, "set_params"):
                callback.set_params(params)

    def call(self, hook: str, *args: Any) -> None:
        """Calls `hook(*args)` wherever it exists."""
        for callback in self.callbacks:
            function = getattr(callback, hook, None)
            if function is not None:
                function(*args)

    def watches_batches(self, phase: str) -> bool:
        """Whether any callback has a batch hook of its own for "train", "test" or "predict"."""
        hooks = [f"on_{phase}_batch_begin", f"on_{phase}_batch_end"]
        if phase == "train":
            hooks += ["on_batch_begin", "on_batch_end"]
        return any(_overrides(callback, hook) for callback in self.callbacks for hook in hooks)


def _as_list(callbacks: Any) -> list[Any]:
    if callbacks is None:
        return []
    if isinstance(callbacks, CallbackList):
        return callbacks.callbacks
    listed = isinstance(callbacks, Iterable) and not isinstance(callbacks, str)
    return list(callbacks) if listed else [callbacks]


def _check(callback: Any) -> None:
    if isinstance(callback, type):
        raise TypeError(
            f"`callbacks`: expected an object, got the class {callback.__name__}. "
            f"Make one: {callback.__name__}(...)."
        )
    if not any(hasattr(callback, hook) for hook in HOOKS):
        raise TypeError(
            "`callbacks`: expected objects with hooks such as `on_epoch_end`, got "
            f"{describe(callback)}. A plain function goes in LambdaCallback(on_epoch_end=function)."
        )


def _overrides(callback: Any, hook: str) -> bool:
    function = getattr(callback, hook, None)
    if function is None:
        return False
    return getattr(function, "__func__", function) is not getattr(Callback, hook)
