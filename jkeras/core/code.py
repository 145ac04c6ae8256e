"""Lambdas in configurations: Keras writes their bytecode, which only the caller can let in.

A lambda has no name by which it could be looked up. Its code in a file is a program of whoever
wrote the file, so it is refused, unless `safe_mode` is False: then it becomes a
function again, with the builtins and `custom_objects` as its globals.
"""

from __future__ import annotations

import binascii
import builtins
import contextlib
import marshal
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from types import CellType, CodeType, FunctionType
from typing import Any

from jkeras.core.custom_objects import known_names
from jkeras.core.errors import WrongTypeError, describe

_allowed: ContextVar[bool] = ContextVar("allowed", default=False)


@contextlib.contextmanager
def allowed(value: bool) -> Iterator[None]:
    """While it is entered, code in configurations is let in, or not."""
    before = _allowed.set(value)
    try:
        yield
    finally:
        _allowed.reset(before)


def is_allowed() -> bool:
    """Whether code is let in now."""
    return _allowed.get()


def checked_safe_mode(who: str, value: object) -> bool:
    """`safe_mode`; None means True.

    Raises:
      TypeError: it is neither True, False nor None.
    """
    if value is not None and not isinstance(value, bool):
        raise WrongTypeError(f"{who}: `safe_mode`: expected True or False, got {describe(value)}.")
    return value is not False


def written(function: Any, write: Callable[[Any], Any]) -> dict[str, Any]:
    """A lambda as Keras writes it.

    Args:
      function: a lambda.
      write: from a default value or what it closes over to a configuration.
    """
    cells = function.__closure__
    code = binascii.b2a_base64(marshal.dumps(function.__code__)).decode("ascii")
    content = {
        "code": code,
        "defaults": write(function.__defaults__) and [write(v) for v in function.__defaults__],
        "closure": cells and [write(cell.cell_contents) for cell in cells],
    }
    return {"class_name": "__lambda__", "config": content}


def read(content: object, read_value: Callable[[Any], Any]) -> Callable[..., Any]:
    """The function of a lambda's code.

    Raises:
      ValueError: code is not let in; or it is damaged, or of another version of Python.
    """
    if not is_allowed():
        raise ValueError(
            "the configuration holds a Python lambda as code, which could do anything. If you "
            "trust who wrote it, read it with safe_mode=False; better, write the function with "
            "def, make the object anew with it, and pass it in custom_objects={'name': function} "
            "when reading."
        )
    if not isinstance(content, Mapping) or not isinstance(content.get("code"), str):
        raise ValueError(f"a lambda's code: expected a dict with 'code', got {describe(content)}.")
    try:
        code = marshal.loads(binascii.a2b_base64(content["code"]))
    except (EOFError, TypeError, ValueError) as error:  # of another Python, or damaged
        raise ValueError(
            f"a lambda's code: expected bytecode of this version of Python, got something else "
            f"({error}). Write the function with def."
        ) from error
    if not isinstance(code, CodeType):
        raise ValueError(f"a lambda's code: expected bytecode, got {describe(code)}.")
    closure = tuple(CellType(read_value(value)) for value in content.get("closure") or ())
    if len(closure) != len(code.co_freevars):
        raise ValueError(
            f"a lambda's code: expected values for {', '.join(code.co_freevars)}, which it closes "
            f"over, got {len(closure)}."
        )
    defaults = tuple(read_value(value) for value in content.get("defaults") or ())
    known = {"__builtins__": builtins, **known_names()}
    return FunctionType(code, known, "<lambda>", defaults or None, closure or None)
