"""Messages that a person can act on: who, expected, got, fix.

Everything here makes text; nothing here decides. A message names the object, what it expected,
what it got (value and type) and, where one line can say it, the corrected call.
"""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


def nearest(name: str, known: Iterable[str]) -> str:
    """Returns `" Did you mean 'relu'?"`, or an empty string when no known name is close.

    Example:
      >>> nearest("rleu", ["relu", "tanh"])
      " Did you mean 'relu'?"
    """
    folded = {candidate.lower(): candidate for candidate in known}
    matches = difflib.get_close_matches(name.lower(), folded, n=3, cutoff=0.6)
    # Letters change places more often than they are left out: "adma" is "adam", not "adamax".
    matches.sort(key=lambda match: abs(len(match) - len(name)) > 1)
    return f" Did you mean {folded[matches[0]]!r}?" if matches else ""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> ValueError:
    """An error for a misspelt name: the nearest known one first, then all of them.

    Example:
      >>> print(unknown_name("activation", "rleu", ["tanh", "relu"]))
      unknown activation 'rleu'. Did you mean 'relu'? Known: relu, tanh.
    """
    names = sorted(known)
    return ValueError(f"unknown {kind} {name!r}.{nearest(name, names)} Known: {', '.join(names)}.")


def look_up(kind: str, name: str, table: Mapping[str, T]) -> T:
    """The entry of `table` under `name`.

    Raises:
      ValueError: `name` is not in the table; the message suggests the nearest name.
    """
    try:
        return table[name]
    except KeyError:
        raise unknown_name(kind, name, table) from None


def unexpected_arguments(
    owner: str, given: Iterable[str], known: Iterable[str]
) -> TypeError | None:
    """An error for the first argument in `given` that `known` lacks, or None.

    Example:
      >>> print(unexpected_arguments("Dense", ["unit"], ["units", "name"]))
      Dense: unexpected argument `unit`. Did you mean 'units'? Arguments: units, name.
    """
    known = list(known)
    for name in given:
        if name not in known:
            listed = ", ".join(known)
            return TypeError(
                f"{owner}: unexpected argument `{name}`.{nearest(name, known)} Arguments: {listed}."
            )
    return None


def named_arguments(function: Callable[P, T]) -> Callable[P, T]:
    """Decorates a public method so that a misspelt argument is answered with the nearest one.

    Example:
      >>> @named_arguments
      ... def fit(x, epochs=1):
      ...     return epochs
      >>> fit(0, epoch=3)
      Traceback (most recent call last):
      TypeError: fit: unexpected argument `epoch`. Did you mean 'epochs'? Arguments: x, epochs.
    """
    known = [name for name in inspect.signature(function).parameters if name != "self"]
    owner = function.__qualname__.removesuffix(".__init__").rpartition(".")[2]

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        error = unexpected_arguments(owner, kwargs, known)
        if error is not None:
            raise error
        return function(*args, **kwargs)

    return checked


def describe(value: Any) -> str:
    """A short account of a value for an error message: shape and dtype of arrays, else the repr.

    Example:
      >>> import numpy as np
      >>> describe(np.zeros((2, 3), np.float32)), describe("x"), describe([1, 2])
      ('an array of shape (2, 3) and dtype float32', "'x' (str)", '[1, 2] (list)')
    """
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None:
        return f"an array of shape {tuple(shape)} and dtype {dtype}"
    text = repr(value)
    if len(text) > 60:
        text = text[:57] + "..."
    return f"{text} ({type(value).__name__})"
