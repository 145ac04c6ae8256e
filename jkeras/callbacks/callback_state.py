"""The state of a callback as plain values for a checkpoint, and its restoration.

    saved = to_plain(vars(callback)["seen"])          # numbers, strings, arrays, lists, dicts
    callback.seen = from_plain(saved, callback.seen)  # in another process

Laws:
  - `from_plain(to_plain(value), like)` equals `value`, where `like` is the current value.
  - No class is looked up by name: the content of any object but numbers, strings, arrays and
    Python's containers is restored into the object `like`. So no code from a file runs.
  - A tuple in a plain value is a tag: a word for the type, and the content.
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

MAX_DEPTH = 20
"""The number of nested levels that are converted."""

AT_START = "_arguments_at_start"  # the attribute with a callback's arguments before the run
_EXCLUDED = (
    *(AT_START, "model", "_model", "params", "async_safe", "boundaries"),
    *("writes_files", "on_all_processes"),
)


class NotPlain(Exception):
    """A value that contains something without a plain form."""


def to_plain(value: object, depth: int = 0, *, named: bool = True) -> Any:
    """A value as None, numbers, strings, arrays, lists, dicts with string keys, and tagged tuples.

    Args:
      value: plain values, dicts with any keys, tuples, sets, deques and paths; and, as attributes
        or values of a dict, enumerations, random generators of NumPy and Python, and objects whose
        attributes are all of these kinds.
      depth: the number of levels above `value`.
      named: whether `value` is an attribute, or a value of a dict with string keys.

    Raises:
      NotPlain: `value` contains an object of another kind, or is nested too deeply.

    Example:
      >>> to_plain({"epochs": {1: 0.5}, "seen": (3, {4})})
      {'epochs': ('dict', [[1, 0.5]]), 'seen': ('tuple', [3, ('set', [4])])}
    """
    if depth > MAX_DEPTH:
        raise NotPlain
    if isinstance(value, dict):
        if type(value) is dict and all(type(key) is str for key in value):
            return {key: to_plain(part, depth + 1, named=named) for key, part in value.items()}
        pairs = [[key, part] for key, part in value.items()]
        return ("dict", [to_plain(pair, depth + 1, named=False) for pair in pairs])
    for kind in (list, tuple, deque, set, frozenset):
        if isinstance(value, kind):
            parts = [to_plain(part, depth + 1, named=False) for part in value]
            return parts if type(value) is list else (kind.__name__, parts)
    if isinstance(value, PurePath):
        return ("path", str(value))
    if (state := _object_state(value)) is not None:
        if not named:
            raise NotPlain
        return state[0], to_plain(state[1], depth + 1)
    try:
        flatten(value)
    except (TypeError, ValueError):
        raise NotPlain from None
    return value


def from_plain(plain: Nested, like: Any) -> Any:
    """The value of a plain form: the inverse of `to_plain`.

    Args:
      plain: the return value of `to_plain`.
      like: the current value; it supplies the class, and an object is modified in place.

    Raises:
      NotPlain: `like` is an object of another class.

    Example:
      >>> import collections
      >>> from_plain(to_plain(collections.Counter("aab")), collections.Counter())
      Counter({'a': 2, 'b': 1})
    """
    if isinstance(plain, list):
        return [from_plain(part, None) for part in plain]
    if isinstance(plain, dict):
        current = like if isinstance(like, dict) else {}
        return {name: from_plain(part, current.get(name)) for name, part in plain.items()}
    if not isinstance(plain, tuple):
        return plain
    match plain:
        case ("dict", [*pairs]):
            # A copy keeps the class, such as defaultdict. A Counter would count pairs: hence dict.
            new = copy.copy(like) if isinstance(like, dict) else {}
            new.clear()
            new.update(dict((from_plain(key, None), from_plain(part, None)) for key, part in pairs))
            return new
        case (("tuple" | "set" | "frozenset" | "deque") as kind, [*content]):
            parts = [from_plain(part, None) for part in content]
            if kind == "deque":
                return deque(parts, like.maxlen if isinstance(like, deque) else None)
            if kind == "tuple" and hasattr(type(like), "_make"):
                return type(like)._make(parts)
            return {"tuple": tuple, "set": set, "frozenset": frozenset}[kind](parts)
        case ("path", str(path)):
            return type(like)(path) if isinstance(like, PurePath) else PurePath(path)
        case (str(kind), content):
            return _restored_object(kind, content, like)
    raise NotPlain


def changed_attributes(owner: object, at_start: dict[str, str] | None = None) -> dict[str, Any]:
    """The attributes of a callback that change in a run, as plain values.

    Args:
      owner: a callback, of any library.
      at_start: `argument_values` before the run. An attribute named like an argument of `__init__`
        is included only if its value has changed since; None leaves all of these out.
    """
    arguments = inspect.signature(type(owner).__init__).parameters
    changed = {}
    for name, value in vars(owner).items():
        if name in _EXCLUDED:
            continue
        if name in arguments and (at_start is None or at_start.get(name) == _description(value)):
            continue
        try:
            changed[name] = to_plain(value)
        except NotPlain:
            continue
    return changed


def argument_values(owner: object) -> dict[str, str]:
    """Descriptions of the attributes of a callback that are named like arguments of `__init__`."""
    arguments = inspect.signature(type(owner).__init__).parameters
    return {name: _description(vars(owner)[name]) for name in arguments if name in vars(owner)}


def restore_attributes(owner: object, state: dict[str, Any]) -> None:
    """Sets the attributes of a callback to those of `changed_attributes`."""
    for name, plain in state.items():
        if name in _EXCLUDED:
            continue
        try:
            vars(owner)[name] = from_plain(plain, vars(owner).get(name))
        except NotPlain:
            warnings.warn(
                f"{type(owner).__name__}: the checkpoint has the content of an object for the "
                f"attribute {name!r}, and there is {describe(vars(owner).get(name))}. Make the "
                "object in `__init__`; it is left out.",
                stacklevel=2,
            )


def _description(value: object) -> str:
    """A value as a string for comparison, with the shapes of arrays instead of their values."""
    try:
        structure, arrays = flatten(to_plain(value))
    except (NotPlain, TypeError, ValueError):
        return ""
    return json.dumps([structure, {name: str(array.shape) for name, array in arrays.items()}])


def _object_state(value: object) -> tuple[str, Any] | None:
    """The tag and the content of an object that has a plain form; None for any other value."""
    if isinstance(value, enum.Enum):
        return "enum", value.name
    if isinstance(value, np.random.Generator):
        return "generator", value.bit_generator.state
    if isinstance(value, np.random.RandomState):
        return "state", value.get_state(legacy=False)
    if isinstance(value, random.Random):
        return "random", value.getstate()
    return ("object", vars(value)) if _is_plain_object(value) else None


def _is_plain_object(value: object) -> bool:
    """Whether `__dict__` is the whole state of a value, and it is no model, layer, description."""
    kind: Any = type(value)
    is_plain_class = hasattr(value, "__dict__") and kind.__new__ is object.__new__
    if not is_plain_class or isinstance(value, Description) or hasattr(kind, "fit"):
        return False
    return not isinstance(value, jax.Array | np.ndarray | type)


def _restored_object(kind: str, content: Nested, like: object) -> Any:
    """The object `like` with the content of the tag `kind`."""
    if kind == "enum" and isinstance(like, enum.Enum):
        return type(like)[content]
    if kind == "generator" and isinstance(like, np.random.Generator):
        like.bit_generator.state = from_plain(content, None)
    elif kind == "state" and isinstance(like, np.random.RandomState):
        like.set_state(from_plain(content, None))
    elif kind == "random" and isinstance(like, random.Random):
        like.setstate(from_plain(content, None))
    elif kind == "object" and _is_plain_object(like):
        parameters = getattr(like, "__dataclass_params__", None)
        like = copy.copy(like) if getattr(parameters, "frozen", False) else like
        current = dict(vars(like))
        vars(like).clear()
        for name, part in content.items():
            vars(like)[name] = from_plain(part, current.get(name))
    else:
        raise NotPlain
    return like
