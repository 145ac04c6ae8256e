"""Short tracebacks: an error shows the user's own lines, not those of this package and of JAX.

    jkeras.config.disable_traceback_filtering()  # shows every line

The functions that users call are wrapped by `api_boundary`. An error that leaves one of them stays
the same object, with its type, its notes and its causes; only the frames of this package and of JAX
are taken out of its traceback. `JAX_TRACEBACK_FILTERING=off` shows every line, too.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import ParamSpec, TypeVar

import jax

T = TypeVar("T")
P = ParamSpec("P")

_HIDDEN = frozenset({"jkeras", "jax", "jaxlib", "contextlib", "functools"})
"""The packages whose frames are taken out: this one, JAX, and what lies between their functions."""

_enabled = True


def enable_traceback_filtering() -> None:
    """Shows the user's own lines alone in tracebacks, which is the default.

    Source: `keras.config.enable_traceback_filtering`.
    """
    global _enabled
    _enabled = True


def disable_traceback_filtering() -> None:
    """Shows every line in tracebacks, those of this package and of JAX among them.

    Source: `keras.config.disable_traceback_filtering`.
    """
    global _enabled
    _enabled = False


def is_traceback_filtering_enabled() -> bool:
    """Whether tracebacks show the user's own lines alone.

    Source: `keras.config.is_traceback_filtering_enabled`.
    """
    return _enabled and getattr(jax.config, "jax_traceback_filtering", "auto") != "off"


def api_boundary(function: Callable[P, T]) -> Callable[P, T]:
    """Decorates a function that users call, so that its errors have short tracebacks."""

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        __tracebackhide__ = True
        try:
            return function(*args, **kwargs)
        except Exception as error:
            raise filtered(error)  # noqa: B904  # the same error

    return called


def filtered(error: Exception) -> Exception:
    """The same error with a short traceback, and so its causes."""
    if not is_traceback_filtering_enabled():
        return error
    seen: set[int] = set()
    following: list[BaseException | None] = [error]
    while following:
        each = following.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            each.__traceback__ = _of_users(each.__traceback__)
            following += [each.__cause__, each.__context__]
    return error


def users_stacklevel() -> int:
    """The `stacklevel` by which the caller's `warnings.warn` names the line of the user's."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _is_hidden(frame):
        level, frame = level + 1, frame.f_back
    return level


def _is_hidden(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] in _HIDDEN


def _of_users(traceback: TracebackType | None) -> TracebackType | None:
    """A traceback of the frames that are neither this package's nor JAX's."""
    kept = []
    while traceback is not None:
        kept.append(traceback)
        traceback = traceback.tb_next
    short = None
    for each in reversed(kept):
        if not _is_hidden(each.tb_frame):
            short = TracebackType(short, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return short
