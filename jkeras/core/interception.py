"""Calls of layers as an exporter sees them: it may name them, or put a program in their place."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

Function = Callable[..., Any]
Around = Callable[[Any, Function], Function]

_around: ContextVar[Around | None] = ContextVar("around", default=None)


@contextlib.contextmanager
def intercepting(around: Around) -> Iterator[None]:
    """While it is entered, `around(layer, function)` is called in the place of a layer's function.

    Example:
      >>> def twice(layer, function):
      ...     return lambda x: 2 * function(x)
      >>> with intercepting(twice):
      ...     intercepted(None, abs)(-3)
      6
    """
    token = _around.set(around)
    try:
        yield
    finally:
        _around.reset(token)


def intercepted(layer: Any, function: Function) -> Function:
    """What is called for a layer: its function, or what an exporter puts around it."""
    around = _around.get()
    return function if around is None else around(layer, function)
