"""What Keras answers in several of its modules: dtypes by name, symbols, a fresh start."""

from __future__ import annotations

import collections
import gc
import logging
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from jkeras.core.errors import describe, nearest
from jkeras.core.symbols import Symbol

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
        print(text)
    else:
        logging.getLogger("absl").info(text.strip())


def is_interactive_logging_enabled() -> bool:
    """Whether `verbose="auto"` is a progress bar."""
    return _interactive


def standardize_dtype(dtype: Any) -> str:
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
