"""Many callbacks as one: each hook of the list is that hook of every callback, in order.

    callbacks = CallbackList([...], add_history=True, model=model, epochs=2, steps=10, verbose=1)
    callbacks.on_train_begin()
    callbacks.on_epoch_begin(0)
    ...
    callbacks.on_epoch_end(0, {"loss": 0.5})

Law: an entry that a callback adds to `logs` is visible to later callbacks in the same hook only;
the caller's dict is not modified.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jkeras.callbacks.base import BATCH_HOOKS, HOOKS, Callback
from jkeras.callbacks.callback_state import (
    AT_START,
    argument_values,
    changed_attributes,
    restore_attributes,
)
from jkeras.callbacks.history import History
from jkeras.callbacks.progbar_logger import ProgbarLogger
from jkeras.core.errors import WrongTypeError, describe


class CallbackList(Callback):
    """Calls a hook on every callback that has it, in order.

    The list has every hook of `Callback` itself, for custom training loops.

    Args:
      callbacks: a callback, an iterable of them (lists may stand in lists), or None.
      add_history: append a `History` if `callbacks` has none.
      add_progbar: append a `ProgbarLogger` if `callbacks` has none.
      model: the trainer, for `set_model`; None for a loop without a trainer.
      **params: the parameters for `set_params`: `verbose`, `epochs`, `steps`.

    Attributes:
      callbacks: the callbacks, as a list.
      params: the parameters of the last call of `set_params`.
      history: the first `History` among the callbacks, or None.

    Raises:
      TypeError: an object has none of the hooks, or is a class instead of an object.

    Example:
      >>> import numpy as np
      >>> listed = CallbackList(add_history=True, epochs=1)
      >>> listed.on_epoch_end(0, {"loss": np.float32(0.5)})
      >>> listed.history.history
      {'loss': [0.5]}

    Source: `keras.callbacks.CallbackList`.
    """

    def __init__(
        self,
        callbacks: Callback | Iterable[Any] | None = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        self.callbacks = list(_flat(callbacks))
        self._epoch_end: tuple[int, int, dict[str, Any]] | None = None
        for callback in self.callbacks:
            _check(callback)
        if add_history and self.history is None:
            self.callbacks.append(History())
        if add_progbar and not self.draws_progress:
            self.callbacks.append(ProgbarLogger())
        self.set_model(model)
        self.set_params(params)

    @property
    def history(self) -> History | None:
        """The first `History` among the callbacks."""
        return next((c for c in self.callbacks if isinstance(c, History)), None)

    @property
    def handles_nans(self) -> bool:
        """Whether a callback deals with a loss that is no number."""
        return any(getattr(callback, "handles_nans", False) for callback in self.callbacks)

    @property
    def draws_progress(self) -> bool:
        """Whether a callback draws the progress bar."""
        return any(isinstance(callback, ProgbarLogger) for callback in self.callbacks)

    def append(self, callback: object) -> None:
        """Adds a callback at the end, and calls its `set_model` and `set_params`.

        Raises:
          TypeError: the callback has none of the hooks, or is a class.
        """
        _check(callback)
        self.callbacks.append(callback)
        _call_setter([callback], "set_model", self.model)
        _call_setter([callback], "set_params", self.params)

    def set_model(self, model: Any) -> None:
        """Calls `set_model` of every callback, unless `model` is None."""
        self.model = model
        _call_setter(self.callbacks, "set_model", model)

    def set_params(self, params: dict[str, Any]) -> None:
        """Calls `set_params` of every callback, unless there are no parameters."""
        self.params = params
        _call_setter(self.callbacks, "set_params", params)

    def call(self, hook: str, *args: Any) -> None:
        """Calls `hook(*args)` of every callback that has it; the last argument is the logs."""
        *numbers, logs = args
        logs = plain_logs(logs)
        try:
            for place, callback in enumerate(self.callbacks):
                if hook in BATCH_HOOKS and not _has_hook(callback, hook):
                    continue  # it would do nothing, for every batch
                if hook == "on_epoch_end":
                    self._epoch_end = place, *numbers, logs
                function = getattr(callback, hook, None)
                if function is None:
                    function = getattr(callback, _short_name(hook), None)
                if function is not None:
                    with _with_note(callback, hook):
                        function(*numbers, logs)
        finally:
            self._epoch_end = None

    def watches_batches(self, phase: str) -> bool:
        """Whether a callback has to see every batch of "train", "test" or "predict"."""
        watchers = [c for c in self.callbacks if not getattr(c, "async_safe", False)]
        return any(_has_batch_hooks(callback, phase) for callback in watchers)

    def hears_batches(self, phase: str) -> bool:
        """Whether a callback overrides a batch hook, for every batch or `async_safe`."""
        return any(_has_batch_hooks(callback, phase) for callback in self.callbacks)

    @property
    def _boundary_callbacks(self) -> list[Callback]:
        """The callbacks with the hooks that Keras's callbacks lack: boundaries, checkpoints."""
        return [callback for callback in self.callbacks if isinstance(callback, Callback)]

    @property
    def all_boundaries(self) -> tuple[int, ...]:
        """The different values of `boundaries` of the callbacks, smallest first."""
        return tuple(sorted({c.boundaries for c in self._boundary_callbacks if c.boundaries}))

    def at_boundary(self, every: int, batch: int, logs: Mapping[str, Any]) -> None:
        """Calls `on_boundary` of the callbacks with this value of `boundaries`."""
        for callback in self._boundary_callbacks:
            if callback.boundaries == every:
                with _with_note(callback, "on_boundary"):
                    callback.on_boundary(batch, plain_logs(logs))

    def pause(self, reason: str) -> None:
        """Calls `on_pause` of every callback."""
        for callback in self._boundary_callbacks:
            with _with_note(callback, "on_pause"):
                callback.on_pause(reason)

    def leave(self) -> None:
        """Calls every `on_leave`."""
        for callback in self._boundary_callbacks:
            callback.on_leave()

    def earlier_run(self) -> Any:
        """The first state of a run that a callback returns from `earlier_run`, or None."""
        return next(
            (run for c in self._boundary_callbacks if (run := c.earlier_run()) is not None), None
        )

    def begin_run(self, facts: dict[str, Any] | None = None) -> None:
        """Before a run: records the arguments of the callbacks, to detect changes in the run, and
        calls their `set_run`.
        """
        for callback in self._boundary_callbacks:
            callback.set_run(facts or {})
        for callback in self._with_attributes:
            vars(callback)[AT_START] = argument_values(callback)

    def get_states(self) -> list[tuple[str, dict[str, Any]]]:
        """The state of each callback under the name of its class; also of Keras's callbacks and
        other objects with hooks. Asked for by a callback in its `on_epoch_end`, that of a `History`
        behind it has the epoch, too.
        """
        states = []
        place, *epoch_and_logs = self._epoch_end or (len(self.callbacks),)
        waiting = [callback for callback in self.callbacks[place:] if isinstance(callback, History)]
        for callback in self._with_attributes:
            if any(callback is each for each in waiting):
                state = callback.state_after(*epoch_and_logs)
            elif hasattr(callback, "get_state"):
                state = callback.get_state()
            else:
                state = changed_attributes(callback, vars(callback).get(AT_START))
            states.append((type(callback).__name__, state))
        return states

    def set_states(self, states: Mapping[tuple[str, int], dict[str, Any]]) -> None:
        """Restores the states of the callbacks.

        Args:
          states: the state of each callback, by the name of the class and the number of earlier
            callbacks of that class.
        """
        numbers: Counter[str] = Counter()
        for callback in self._with_attributes:
            kind = type(callback).__name__
            state = states.get((kind, numbers[kind]))
            numbers[kind] += 1
            if state is None:
                continue
            if hasattr(callback, "set_state"):
                with _with_note(callback, "set_state"):
                    callback.set_state(state)
            else:
                restore_attributes(callback, state)

    @property
    def _with_attributes(self) -> list[Any]:
        return [callback for callback in self.callbacks if hasattr(callback, "__dict__")]


@contextlib.contextmanager
def _with_note(callback: object, hook: str) -> Iterator[None]:
    """Adds a note with the callback's name to an exception that the callback raises."""
    try:
        yield
    except Exception as error:  # any exception of a user's code; it is raised unchanged
        error.add_note(
            f"Raised by the callback {type(callback).__name__} in {hook}. The model and its "
            "history keep what was trained before."
        )
        raise


def plain_logs(logs: Mapping[str, Any] | None) -> dict[str, Any]:
    """A copy of the logs, sorted by name, with Python floats for numbers of every kind.

    Example:
      >>> plain_logs({"loss": 0.5, "accuracy": 1})
      {'accuracy': 1.0, 'loss': 0.5}
    """
    plain: dict[str, Any] = {}
    for name, value in sorted((logs or {}).items()):
        is_number = isinstance(value, int | float) or getattr(value, "shape", None) == ()
        plain[name] = float(value) if is_number else value
    return plain


def _flat(callbacks: object) -> Iterable[Any]:
    if callbacks is None:
        return
    if isinstance(callbacks, CallbackList):
        yield from callbacks.callbacks
    elif isinstance(callbacks, Iterable) and not isinstance(callbacks, str):
        for callback in callbacks:
            yield from _flat(callback)
    else:
        yield callbacks


def _call_setter(callbacks: Iterable[Any], method: str, value: object) -> None:
    if value is None or value == {}:
        return
    for callback in callbacks:
        if hasattr(callback, method):
            getattr(callback, method)(value)


def _short_name(hook: str) -> str:
    """The other name of the hook: `on_batch_…` for `on_train_batch_…`; else `hook` itself."""
    return hook.replace("on_train_batch_", "on_batch_")


def _check(callback: object) -> None:
    if isinstance(callback, type):
        raise WrongTypeError(
            f"`callbacks`: expected an object, got the class {callback.__name__}. "
            f"Make one: {callback.__name__}(...)."
        )
    if not any(hasattr(callback, hook) for hook in HOOKS):
        raise WrongTypeError(
            "`callbacks`: expected objects with hooks such as `on_epoch_end`, got "
            f"{describe(callback)}. A plain function goes in LambdaCallback(on_epoch_end=function)."
        )


def _has_batch_hooks(callback: object, phase: str) -> bool:
    return any(_has_hook(callback, f"on_{phase}_batch_{when}") for when in ("begin", "end"))


def _has_hook(callback: object, hook: str) -> bool:
    """Whether a callback overrides a batch hook, under one of the hook's names."""
    attributes = getattr(callback, "__dict__", {})
    for name in (hook, _short_name(hook)):
        if name in attributes:
            function = attributes[name]
        else:
            function = getattr(type(callback), name, None)
            if function is None and hasattr(callback, "__getattr__"):  # a proxy of another object
                function = getattr(callback, name, None)
        if function is not None and function is not getattr(Callback, name):
            return True
    return False


def _hook(name: str) -> Callable[..., None]:
    """The method of the list for the hook `name`: calls the hook of every callback."""

    def numbered(self: CallbackList, number: int, logs: dict[str, Any] | None = None) -> None:
        self.call(name, number, logs)

    def plain(self: CallbackList, logs: dict[str, Any] | None = None) -> None:
        self.call(name, logs)

    method = numbered if "batch" in name or "epoch" in name else plain
    method.__name__, method.__doc__ = name, f"`Callback.{name}` of every callback."
    return method


for _name in HOOKS:
    setattr(CallbackList, _name, _hook(_name))
