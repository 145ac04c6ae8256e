"""The memory of this process."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable


def return_free_pages() -> None:
    """Gives the pages of freed blocks back to the system, where its C library can (glibc's
    `malloc_trim`); elsewhere nothing happens. Without it they stay with the process until
    something of their size is allocated.
    """
    if (trim := _malloc_trim()) is not None:
        trim(0)


@functools.cache
def _malloc_trim() -> Callable[[int], int] | None:
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library; TypeError on Windows
        return None
    return trim
