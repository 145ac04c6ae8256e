"""`LambdaCallback`: functions as a callback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jkeras.callbacks.base import HOOKS, Callback
from jkeras.core.errors import WrongTypeError, describe, unexpected_arguments


class LambdaCallback(Callback):
    """A callback made of functions, one per hook.

    Args:
      on_epoch_begin, on_epoch_end: functions (epoch, logs).
      on_train_begin, on_train_end: functions (logs).
      on_train_batch_begin, on_train_batch_end: functions (batch, logs).
      **kwargs: any other hook of `Callback` by its name; or attributes for these functions, whose
        names do not begin with `on_`.

    Raises:
      TypeError: an argument `on_…` names no hook, or is not callable.

    Source: `keras.callbacks.LambdaCallback`.
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Any,
    ) -> None:
        hooks = {name: value for name, value in kwargs.items() if name.startswith("on_")}
        error = unexpected_arguments("LambdaCallback", hooks, HOOKS)
        if error is not None:
            raise error
        vars(self).update({name: value for name, value in kwargs.items() if name not in hooks})
        named = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        for hook, function in (named | hooks).items():
            if function is None:
                continue
            if not callable(function):
                raise WrongTypeError(
                    f"LambdaCallback: `{hook}`: expected a function, got {describe(function)}."
                )
            setattr(self, hook, function)
