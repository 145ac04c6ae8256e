"""What an object remembers, as plain values, and back into an object of the same kind.

    taken = plain(vars(callback)["seen"])       # numbers, strings, arrays, lists, tuples, dicts
    callback.seen = back(taken, callback.seen)  # in another process

Laws:
  - `back(plain(value), like)` equals `value`, where `like` is what stands in its place before.
  - No class is looked up by name: what is more than a number, a text, an array or one of Python's
    own containers is filled into the object that is there. So nothing a file says is run.
  - A tuple in a plain value is a mark: a word and what it is made of.
"""

from __future__ import annotations

import copy
import enum
import inspect
import json
import random
import warnings
from collections import deque
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from jkeras.core.description import Description
from jkeras.core.errors import describe
from jkeras.saving.nested import flatten

if TYPE_CHECKING:
    from jkeras.saving.nested import Nested

DEEPEST = 20
"""Levels of nesting that are looked into."""

BEGUN = "_begun"  # where a callback keeps what its arguments were
_OTHERS = (BEGUN, "model", "_model", "params", "async_safe", "boundaries")


class NotPlain(Exception):
    """A value that is not made of plain ones alone."""


def plain(value: object, depth: int = 0, *, named: bool = True) -> Any:
    """A value as None, numbers, strings, arrays, lists, dicts with strings as keys, and marks.

    Args:
      value: made of these, of dicts with any keys, tuples, sets, deques and paths; and, where a
        name says which is which, of enumerations, random generators of NumPy and Python, and
        objects with attributes of that kind alone.
      depth: levels above it.
      named: whether it lies under a name.

    Raises:
      NotPlain: something else is in it.

    Example:
      >>> plain({"epochs": {1: 0.5}, "seen": (3, {4})})
      {'epochs': ('dict', [[1, 0.5]]), 'seen': ('tuple', [3, ('set', [4])])}
    """
    if depth > DEEPEST:
        raise NotPlain
    if isinstance(value, dict):
        return _plain_dict(value, depth + 1, named)
    for kind in (list, tuple, deque, set, frozenset):
        if isinstance(value, kind):
            parts = [plain(part, depth + 1, named=False) for part in value]
            return parts if type(value) is list else (kind.__name__, parts)
    if isinstance(value, PurePath):
        return ("path", str(value))
    if (state := _state_of(value)) is not None:
        if not named:
            raise NotPlain
        return state[0], plain(state[1], depth + 1)
    try:
        flatten(value)
    except (TypeError, ValueError):
        raise NotPlain from None
    return value


def back(taken: Nested, like: object) -> Any:
    """The value that `plain` took.

    Args:
      taken: from `plain`.
      like: what stands in its place; it is filled where only it knows what kind of thing it is.

    Raises:
      NotPlain: what stands there is of another kind.

    Example:
      >>> import collections
      >>> back(plain(collections.Counter("aab")), collections.Counter())
      Counter({'a': 2, 'b': 1})
    """
    if isinstance(taken, list):
        return [back(part, None) for part in taken]
    if isinstance(taken, dict):
        known = like if isinstance(like, dict) else {}
        return {name: back(part, known.get(name)) for name, part in taken.items()}
    if not isinstance(taken, tuple):
        return taken
    match taken:
        case ("dict", [*pairs]):
            items = [(back(key, None), back(part, None)) for key, part in pairs]
            return _refilled(like, items) if isinstance(like, dict) else dict(items)
        case (("tuple" | "set" | "frozenset" | "deque") as kind, [*parts]):
            return _container(kind, [back(part, None) for part in parts], like)
        case ("path", str(path)):
            return type(like)(path) if isinstance(like, PurePath) else PurePath(path)
        case (str(kind), content):
            return _filled(kind, content, like)
    raise NotPlain


def attributes(owner: object, begun: dict[str, str] | None = None) -> dict[str, Any]:
    """The attributes of a callback that change in a run, as plain values.

    Args:
      owner: a callback, of any library.
      begun: from `arguments`, before the run: attributes named like an argument of `__init__` are
        among them when they are others now.
    """
    given = _arguments_of(owner)
    found = {}
    for name, value in vars(owner).items():
        if name in _OTHERS:
            continue
        if name in given and (begun is None or begun.get(name) == _told(value)):
            continue
        try:
            found[name] = plain(value)
        except NotPlain:
            continue
    return found


def arguments(owner: object) -> dict[str, str]:
    """What the attributes of a callback are that are named like arguments of its `__init__`."""
    return {name: _told(vars(owner)[name]) for name in _arguments_of(owner) if name in vars(owner)}


def put_back(owner: object, state: dict[str, Any]) -> None:
    """Gives a callback the attributes that `attributes` took."""
    for name, taken in state.items():
        if name in _OTHERS:
            continue
        try:
            vars(owner)[name] = back(taken, vars(owner).get(name))
        except NotPlain:
            warnings.warn(
                f"{type(owner).__name__}: the checkpoint has the content of an object for the "
                f"attribute {name!r}, and there is {describe(vars(owner).get(name))}. Make the "
                "object in `__init__`; it is left out.",
                stacklevel=2,
            )


def _arguments_of(owner: object) -> Any:
    return inspect.signature(type(owner).__init__).parameters


def _told(value: object) -> str:
    """What a value says, in words; arrays say their shapes only."""
    try:
        words, arrays = flatten(plain(value))
    except (NotPlain, TypeError, ValueError):
        return ""
    return json.dumps([words, {name: str(array.shape) for name, array in arrays.items()}])


def _plain_dict(value: dict[Any, Any], depth: int, named: bool = True) -> Any:
    if type(value) is dict and all(type(key) is str for key in value):
        return {key: plain(part, depth, named=named) for key, part in value.items()}
    pairs = (([key, part]) for key, part in value.items())
    return ("dict", [plain(pair, depth, named=False) for pair in pairs])


def _state_of(value: object) -> tuple[str, Any] | None:
    """What an object is filled with, and the word for it; None for what is no such object."""
    if isinstance(value, enum.Enum):
        return "enum", value.name
    if isinstance(value, np.random.Generator):
        return "generator", value.bit_generator.state
    if isinstance(value, np.random.RandomState):
        return "state", value.get_state(legacy=False)
    if isinstance(value, random.Random):
        return "random", value.getstate()
    return ("object", vars(value)) if _is_object(value) else None


def _is_object(value: object) -> bool:
    """Whether all that a value is stands in its attributes, and it is no model or part of one."""
    kind: Any = type(value)
    is_written = hasattr(value, "__dict__") and kind.__new__ is object.__new__
    if not is_written or isinstance(value, Description) or hasattr(kind, "fit"):
        return False
    return not isinstance(value, jax.Array | np.ndarray | type)


def _refilled(like: dict[Any, Any], items: list[Any]) -> dict[Any, Any]:
    """A dict of that kind, such as one with defaults."""
    new = copy.copy(like)
    new.clear()
    new.update(dict(items))  # of a Counter pairs would be counted
    return new


def _container(kind: str, parts: list[Any], like: Any) -> Any:
    if kind == "deque":
        return deque(parts, like.maxlen if isinstance(like, deque) else None)
    if kind == "tuple" and hasattr(type(like), "_make"):
        return type(like)._make(parts)
    return {"tuple": tuple, "set": set, "frozenset": frozenset}[kind](parts)


def _filled(kind: str, content: Any, like: object) -> Any:
    """The object that is there, with other content."""
    if kind == "enum" and isinstance(like, enum.Enum):
        return type(like)[content]
    if kind == "generator" and isinstance(like, np.random.Generator):
        like.bit_generator.state = back(content, None)
    elif kind == "state" and isinstance(like, np.random.RandomState):
        like.set_state(back(content, None))
    elif kind == "random" and isinstance(like, random.Random):
        like.setstate(back(content, None))
    elif kind == "object" and _is_object(like):
        parameters = getattr(like, "__dataclass_params__", None)
        like = copy.copy(like) if getattr(parameters, "frozen", False) else like
        known = dict(vars(like))
        vars(like).clear()
        vars(like).update({name: back(part, known.get(name)) for name, part in content.items()})
    else:
        raise NotPlain
    return like
