"""What Keras answers in several of its modules: dtypes by name, symbols, a fresh start."""

from __future__ import annotations

import collections
import gc
import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import jax.numpy as jnp

from jkeras.core.errors import describe, nearest
from jkeras.core.processes import follows, print_text
from jkeras.core.symbols import Symbol

if TYPE_CHECKING:
    from jax.typing import DTypeLike

PYTHON = {bool: "bool", int: "int32", float: "float32"}
"""The dtypes of Python's types."""

_DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("bfloat16", "float16", "float32", "float64", "complex64", "complex128"),
)
_interactive = True
_uids: collections.Counter[str] = collections.Counter()


_when_cleared: list[Callable[[], None]] = []


def on_clear(function: Callable[[], None]) -> Callable[[], None]:
    """Has a function called by `clear_session`."""
    _when_cleared.append(function)
    return function


def clear_session(free_memory: bool = True) -> None:
    """Resets the counters of `get_uid`, lets go of the programs that equal models share, and frees
    the memory of models without references.

    Nothing else needs clearing: each model counts its own names, and nothing here keeps a model.
    """
    _uids.clear()
    for function in _when_cleared:
        function()
    if free_memory:
        gc.collect()


def get_uid(prefix: str = "") -> int:
    """1, 2, … for each prefix."""
    _uids[prefix] += 1
    return _uids[prefix]


def enable_interactive_logging() -> None:
    """From now on `verbose="auto"` is a progress bar and callbacks print, as at the start."""
    global _interactive
    _interactive = True


def disable_interactive_logging() -> None:
    """From now on `verbose="auto"` is one line per epoch, evaluation or prediction, and messages of
    callbacks go to the logger `absl` of Python's `logging`, at level INFO.
    """
    global _interactive
    _interactive = False


def print_message(text: str) -> None:
    """Prints a line; without interactive logging it goes to the logger `absl`, as in Keras."""
    if _interactive:
        print_text(text)
    elif not follows():
        logging.getLogger("absl").info(text.strip())


def is_interactive_logging_enabled() -> bool:
    """Whether `verbose="auto"` is a progress bar."""
    return _interactive


# -- limits of a run, to try a script quickly


def set_max_epochs(max_epochs: int | None) -> None:
    """From now on `fit` runs so many epochs at most; None for no limit. The variable
    `KERAS_MAX_EPOCHS` of the environment says it at the start.
    """
    _limits["epochs"] = _checked_limit("max_epochs", max_epochs)


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """From now on `fit`, `evaluate` and `predict` run so many batches an epoch at most; None for no
    limit. The variable `KERAS_MAX_STEPS_PER_EPOCH` of the environment says it at the start.
    """
    _limits["steps"] = _checked_limit("max_steps_per_epoch", max_steps_per_epoch)


def max_epochs() -> int | None:
    """The limit of `set_max_epochs`."""
    return _limits["epochs"]


def max_steps_per_epoch() -> int | None:
    """The limit of `set_max_steps_per_epoch`."""
    return _limits["steps"]


def limited_epochs(epochs: int) -> int:
    """The epochs of a run under the limit."""
    most = _limits["epochs"]
    return epochs if most is None else min(epochs, most)


def limited_steps(steps: int | None) -> int | None:
    """The steps of an epoch under the limit; None for all of the data."""
    most = _limits["steps"]
    return steps if most is None else most if steps is None else min(steps, most)


def _checked_limit(name: str, value: object) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"`{name}`: expected a whole number of at least 1, got {describe(value)}.")
    return value


def _from_environment(name: str) -> int | None:
    text = os.environ.get(name)
    return _checked_limit(name, int(text) if text.isdecimal() else text) if text else None


_limits = {
    "epochs": _from_environment("KERAS_MAX_EPOCHS"),
    "steps": _from_environment("KERAS_MAX_STEPS_PER_EPOCH"),
}


def standardize_dtype(dtype: DTypeLike | None) -> str:
    """The name of a dtype; None stands for float32, Python's types for 32 bits.

    Raises:
      ValueError: there is no such dtype; the message suggests the nearest.

    Example:
      >>> standardize_dtype(None), standardize_dtype(int), standardize_dtype(jnp.bfloat16)
      ('float32', 'int32', 'bfloat16')
    """
    if dtype is None:
        return "float32"
    if isinstance(dtype, type) and dtype in PYTHON:
        return PYTHON[dtype]
    try:
        return str(jnp.dtype(dtype).name)
    except TypeError:
        hint = nearest(dtype, _DTYPES) if isinstance(dtype, str) else ""
        raise ValueError(
            f"standardize_dtype: expected a dtype such as 'float32', got {describe(dtype)}.{hint}"
        ) from None


def is_keras_tensor(x: object) -> bool:
    """Whether `x` is a symbol of a graph, such as `Input` gives."""
    return isinstance(x, Symbol)
