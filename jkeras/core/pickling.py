"""What pickles of models need beyond Python's own: functions of libraries, and errors with names.

Python pickles a function by the name it has in its module. Functions that a library makes inside
of another one (optax's transformations, Haiku's transforms, Flax's initializers), and functions of
`jax.numpy`, whose module is not the one they say, have no such name. They are pickled here by
their place: the module, the path to their code in it, and the values that they have closed over.
Code itself is never in a pickle of this library, so a user's own local function is an error.

`Packed(value)` stands for such a value in the state of an object. Picklers that take functions by
value (cloudpickle, which Ray uses, and dill) get the value itself.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import operator
import pickle
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any

import jax
import numpy as np

_LIBRARIES = ("jax", "flax", "haiku", "equinox", "optax", "jkeras")
"""The packages whose functions are found by their place."""

_PUBLIC = (
    "jax.numpy",
    "jax.nn",
    "jax.numpy.linalg",
    "jax.numpy.fft",
    "jax.lax",
    "jax.scipy.special",
    "jax",
)
"""The modules in which a function of JAX is looked up by its name."""

_BY_VALUE = ("cloudpickle", "dill")


class Packed:
    """A value that Python cannot pickle by itself, in the state of an object.

    A copy of the object has the value itself; a pickle has what makes it again.
    """

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self.value  # none of these values ever changes

    def __reduce__(self) -> tuple[Any, ...]:
        if takes_functions():
            return _itself, (self.value,)
        written = io.BytesIO()
        _Pickler(written).dump(self.value)
        return pickle.loads, (written.getvalue(),)


def packed(value: object) -> Any:
    """The attributes of an object for its `__getstate__`; what lies in containers, too."""
    return _replaced(value, lambda leaf: Packed(leaf) if _needs_place(leaf) else leaf)


def unpacked(value: object) -> Any:
    """The attributes of an object for its `__setstate__`."""
    return _replaced(value, lambda leaf: leaf.value if type(leaf) is Packed else leaf)


def _replaced(value: object, replace: Callable[[Any], Any]) -> Any:
    """Nested dicts, lists and tuples with other leaves; the same object where none is another."""
    if type(value) is dict:
        changed = {
            name: new for name, v in value.items() if (new := _replaced(v, replace)) is not v
        }
        return value | changed if changed else value
    if type(value) is list or isinstance(value, tuple):
        items = [_replaced(item, replace) for item in value]
        if all(map(operator.is_, items, value)):
            return value
        kind = type(value)
        return kind(*items) if hasattr(value, "_fields") else kind(items)
    return replace(value)


def takes_functions() -> bool:
    """Whether the pickler at work takes functions by value."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        words = str(frame.f_globals.get("__name__", "")).split(".")
        if not set(words).isdisjoint(_BY_VALUE):
            return True
        frame = frame.f_back
    return False


_in_trial: ContextVar[bool] = ContextVar("in_trial", default=False)


def check_pickles(owner: object, who: str, parts: Iterable[tuple[str, Any]]) -> None:
    """Raises where a part of an object cannot be pickled; values of arrays are passed over.

    Args:
      owner: the object, to which its parts may lead back.
      who: how messages name it.
      parts: the parts and their names.

    Raises:
      PicklingError: the message names the part.
    """
    if _in_trial.get() or takes_functions():
        return
    token = _in_trial.set(True)
    try:
        for name, part in parts:
            try:
                _Trial(owner).dump(part)
            except Exception as error:  # an object of the user's may raise what it likes
                raise pickle.PicklingError(f"{who}: {name}: {error}") from None
    finally:
        _in_trial.reset(token)


class _Trial(pickle.Pickler):
    """Pickles all but the values of arrays and the owner, to see whether it can be done."""

    def __init__(self, owner: object) -> None:
        super().__init__(io.BytesIO())
        self._owner = owner

    def reducer_override(self, obj: object) -> Any:
        if obj is self._owner or isinstance(obj, jax.Array):
            return int, ()
        if isinstance(obj, np.ndarray) and obj.dtype != object:
            return int, ()
        if isinstance(obj, types.FunctionType | type) and "<" in obj.__qualname__:
            if _name_of(obj) is None:
                raise pickle.PicklingError(_not_by_name(obj))
        return NotImplemented


class _Pickler(pickle.Pickler):
    """Pickles functions of libraries by their place."""

    def reducer_override(self, obj: object) -> Any:
        if isinstance(obj, types.ModuleType):
            return importlib.import_module, (obj.__name__,)
        if not _is_function(obj) and not isinstance(obj, type):
            return NotImplemented
        place = _name_of(obj)
        if place is not None:
            plain = isinstance(obj, types.FunctionType | type) and "jax" not in place[0]
            return NotImplemented if plain else (_attribute, place)
        if isinstance(obj, types.FunctionType):
            if _is_of_library(obj):
                return _by_place(obj)
            raise pickle.PicklingError(_not_by_name(obj))
        return NotImplemented


def _not_by_name(obj: types.FunctionType | type) -> str:
    where = "has no name" if obj.__name__ == "<lambda>" else "is defined inside a function"
    return f"{obj!r} {where} and cannot be pickled: define it at a module's top level"


def _needs_place(value: object) -> bool:
    """Whether a value is one that Python cannot pickle, and this module can or says why not."""
    if type(value).__module__.partition(".")[0] in ("flax", "haiku", "equinox"):
        return True
    if not _is_function(value):
        return False
    named = _name_of(value)
    if isinstance(value, types.FunctionType):
        return named is None or named[0] != value.__module__
    return named is not None


def _is_function(value: object) -> bool:
    """Whether a value is a function, or what JAX makes of one."""
    return callable(value) and not isinstance(value, type) and hasattr(value, "__name__")


def _is_of_library(function: Any) -> bool:
    module = getattr(function, "__module__", None) or ""
    return isinstance(function, types.FunctionType) and module.partition(".")[0] in _LIBRARIES


def _name_of(value: object) -> tuple[str, str] | None:
    """The module and the path in it where a function or a class lies; None for neither."""
    name = getattr(value, "__name__", "")
    own = getattr(value, "__module__", None) or "", getattr(value, "__qualname__", name)
    public = [(module, name.rpartition(".")[2]) for module in _PUBLIC]
    for module, path in (own, *public):
        if module in sys.modules and "<" not in path:
            with contextlib.suppress(AttributeError):
                if _attribute(module, path) is value:
                    return module, path
    return None


def _attribute(module: str, path: str) -> Any:
    return operator.attrgetter(path)(sys.modules.get(module) or importlib.import_module(module))


def _itself(value: object) -> Any:
    return value


# -- functions by their place


def _by_place(function: types.FunctionType) -> tuple[Any, ...]:
    """How a function that was made inside of another one is made again.

    Raises:
      PicklingError: its code is not where its name says.
    """
    line = function.__code__.co_firstlineno
    place = function.__module__, function.__qualname__, line
    try:
        found = _code(*place) == function.__code__
    except (AttributeError, LookupError):
        found = False
    if not found:
        raise pickle.PicklingError(_not_by_name(function))
    cells = function.__closure__ or ()
    state = {
        "cells": [cell.cell_contents for cell in cells],
        "defaults": (function.__defaults__, function.__kwdefaults__),
        "attributes": {k: v for k, v in vars(function).items()},
    }
    return _empty_function, (*place, len(cells)), state, None, None, _fill_function


def _code(module: str, path: str, line: int) -> types.CodeType:
    """The code of a function inside of a function, by the line on which it begins."""
    first, *inner = path.split(".<locals>.")
    outer = _attribute(module, first)
    while hasattr(outer, "__wrapped__"):
        outer = outer.__wrapped__
    codes: list[types.CodeType] = [getattr(outer, "__func__", outer).__code__]
    for name in inner:
        parts = [part for code in codes for part in code.co_consts]
        codes = [c for c in parts if isinstance(c, types.CodeType) and c.co_name == name]
    codes = [code for code in codes if len(codes) == 1 or code.co_firstlineno == line]
    if not codes:
        raise LookupError(f"{module}: expected the function {path}, and this version has none.")
    return codes[0]


def _empty_function(module: str, path: str, line: int, cells: int) -> types.FunctionType:
    closure = tuple(types.CellType() for _ in range(cells))
    name = path.rpartition(".")[2]
    code = _code(module, path, line)
    function = types.FunctionType(code, vars(sys.modules[module]), name, None, closure)
    function.__qualname__ = path
    return function


def _fill_function(function: types.FunctionType, state: Mapping[str, Any]) -> None:
    """Gives a function its closure; afterwards, since the function may be in its own."""
    for cell, value in zip(function.__closure__ or (), state["cells"], strict=True):
        cell.cell_contents = value
    function.__defaults__, function.__kwdefaults__ = state["defaults"]
    vars(function).update(state["attributes"])
