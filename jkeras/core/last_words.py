"""What a process says before C code ends it by `abort`, where Python could not say it any more."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable
from typing import Any

_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_int)
_kept: list[Any] = []
"""Handlers that C code has the address of."""


def before_abort(words_fn: Callable[[], str]) -> None:
    """From now on, `abort` asks for words, prints them and ends the process with status 1.

    A handler of Python's `signal` would not do: it runs when `abort` has returned, which it never
    does. This one runs in the thread that calls `abort`.

    Args:
      words_fn: returns the words; an empty string lets `abort`, and the handler before this one,
        do what they do.
    """
    if os.name != "posix":
        return
    library = ctypes.CDLL(None)
    library.signal.restype = ctypes.c_void_p
    library.signal.argtypes = [ctypes.c_int, _HANDLER]

    def handle(number: int) -> None:
        if words := words_fn():
            os.write(2, f"\n{words}\n".encode())
            os._exit(1)
        if before is not None and before > 1:  # neither the default nor ignored
            _HANDLER(before)(number)

    handler = _HANDLER(handle)
    _kept.append(handler)
    before: int | None = library.signal(signal.SIGABRT, handler)
