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
      **kwargs: any other hook of `Callback` by its name.

    Raises:
      TypeError: an argument names no hook, or is not callable.

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
        **kwargs: Callable[..., Any],
    ) -> None:
        error = unexpected_arguments("LambdaCallback", kwargs, HOOKS)
        if error is not None:
            raise error
        named = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        for hook, function in (named | kwargs).items():
            if function is None:
                continue
            if not callable(function):
                raise WrongTypeError(
                    f"LambdaCallback: `{hook}`: expected a function, got {describe(function)}."
                )
            setattr(self, hook, function)
