"""Objects at several places of a configuration, which are one object again when it is read.

    with sharing():
        config = serialize_keras_object(model)      # "shared_object_id" beside such objects

As in Keras, this is so for whole models in files. Layers are told apart by their identities; other
descriptions, which compare by value, need no sharing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar

from jkeras.core.identity import identity_of

ID = "shared_object_id"
T = TypeVar("T")


class _Scope:
    """What was written and read so far; written objects are kept, so that no two have one id."""

    def __init__(self) -> None:
        self.written: dict[int, tuple[Any, dict[str, Any]]] = {}
        self.read: dict[Any, Any] = {}


_scope: ContextVar[_Scope | None] = ContextVar("shared objects", default=None)


@contextlib.contextmanager
def sharing() -> Iterator[None]:
    """Within, shared objects are noted; a scope within another one is that one."""
    if _scope.get() is not None:
        yield
        return
    token = _scope.set(_Scope())
    try:
        yield
    finally:
        _scope.reset(token)


def noted(obj: object, config: dict[str, Any]) -> dict[str, Any]:
    """The configuration of an object; of one that was written before both get the same id."""
    scope = _scope.get()
    has_calls, is_ours = hasattr(obj, "apply"), type(obj).__module__.startswith("jkeras.")
    if scope is None or (is_ours and not has_calls):
        return config
    key = identity_of(obj) if has_calls else obj
    if id(key) in scope.written:
        number = id(key) % 2**31
        scope.written[id(key)][1][ID] = config[ID] = number
    else:
        scope.written[id(key)] = key, config
    return config


def known(config: Mapping[str, Any]) -> Any:
    """The object with the id of a configuration, if one was read; else None."""
    scope = _scope.get()
    return None if scope is None or ID not in config else scope.read.get(config[ID])


def remember(config: Mapping[str, Any], obj: T) -> T:
    """The object, which others with the id of its configuration are, too."""
    scope = _scope.get()
    if scope is not None and ID in config:
        scope.read[config[ID]] = obj
    return obj
