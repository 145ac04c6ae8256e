"""The user's own classes and functions by name, so that a configuration can speak of them.

A configuration holds names. Those of this library are known; a user's own are known inside
`custom_object_scope({...})`, in the dict that `get_custom_objects()` returns, and once they are
registered: `@register_keras_serializable("my_package")`. Laws: leaving a scope restores what was
before it; nothing is imported and nothing is run to find a name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar

from jkeras.core.errors import WrongTypeError, describe

T = TypeVar("T")

_EVERYWHERE: dict[str, Any] = {}
_NAMES: dict[Any, str] = {}
_in_scope: ContextVar[Mapping[str, Any]] = ContextVar("in_scope", default={})  # noqa: B039  # is only replaced


def get_custom_objects() -> dict[str, Any]:
    """The dict of names that are known everywhere; change it to make others known.

    Example:
      >>> get_custom_objects()["halve"] = lambda x: x / 2
      >>> get_custom_objects().pop("halve")(3.0)
      1.5

    Source: `keras.saving.get_custom_objects`.
    """
    return _EVERYWHERE


def known_names() -> dict[str, Any]:
    """The user's names that are known now; those of the innermost scope go before others."""
    return {**_EVERYWHERE, **_in_scope.get()}


class CustomObjectScope(contextlib.ContextDecorator):
    """Makes names known inside a `with`.

    Args:
      custom_objects: a dict from names to classes or functions; None for none.

    Raises:
      TypeError: it is not a dict with strings as keys.

    Example:
      >>> import jkeras
      >>> with CustomObjectScope({"halve": lambda x: x / 2}):
      ...     layer = jkeras.layers.Dense(3, activation="halve")
      >>> layer.activation(3.0)
      1.5

    Source: `keras.saving.CustomObjectScope`.
    """

    def __init__(self, custom_objects: Mapping[str, Any] | None) -> None:
        objects: Any = {} if custom_objects is None else custom_objects
        if not isinstance(objects, Mapping) or not all(isinstance(name, str) for name in objects):
            raise WrongTypeError(
                "`custom_objects`: expected a dict from names to classes or functions, got "
                f"{describe(objects)}. For example {{'MyLayer': MyLayer}}."
            )
        self.custom_objects = dict(objects)
        self._tokens: list[Any] = []

    def __enter__(self) -> CustomObjectScope:
        self._tokens.append(_in_scope.set({**_in_scope.get(), **self.custom_objects}))
        return self

    def __exit__(self, *error: object) -> None:
        _in_scope.reset(self._tokens.pop())


custom_object_scope = CustomObjectScope


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[T], T]:
    """A decorator that makes a class or function known as `package>name`, everywhere.

    Args:
      package: whose it is.
      name: its name in there; the object's own when left out.

    Raises:
      TypeError: what is decorated is neither a class with `get_config` nor a function.

    Example:
      >>> @register_keras_serializable("mine")
      ... def halve(x):
      ...     return x / 2
      >>> get_registered_name(halve), get_registered_object("mine>halve")(3.0)
      ('mine>halve', 1.5)

    Source: `keras.saving.register_keras_serializable`.
    """

    def register(obj: object) -> Any:
        if not callable(obj) or (isinstance(obj, type) and not hasattr(obj, "get_config")):
            raise WrongTypeError(
                "register_keras_serializable: expected a function, or a class with a method "
                f"`get_config`, got {describe(obj)}."
            )
        full = f"{package}>{name or getattr(obj, '__name__', type(obj).__name__)}"
        _EVERYWHERE[full] = obj
        _NAMES[obj] = full
        return obj

    return register


def get_registered_name(obj: object) -> str:
    """The name an object is registered under, `package>name`; its own if it is not registered.

    Source: `keras.saving.get_registered_name`.
    """
    return _NAMES.get(obj) or str(getattr(obj, "__name__", type(obj).__name__))


def get_registered_object(
    name: str | None,
    custom_objects: Mapping[str, Any] | None = None,
    module_objects: Mapping[str, Any] | None = None,
) -> Any:
    """The class or function that is known under a name, None if there is none.

    Args:
      name: with its package, if it was registered with one.
      custom_objects: searched when no scope and no registration knows the name.
      module_objects: searched last.

    Source: `keras.saving.get_registered_object`.
    """
    for table in (_in_scope.get(), _EVERYWHERE, custom_objects or {}, module_objects or {}):
        if name is not None and name in table:
            return table[name]
    return None


def is_registered(obj: object) -> bool:
    """Whether `register_keras_serializable` has seen this class or function."""
    try:
        return obj in _NAMES
    except TypeError:  # not hashable, so never registered
        return False
