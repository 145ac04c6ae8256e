"""Modules that hold their own first values, as a field of a description holds them.

A description compares and hashes, arrays do not: such a module stands in a `Made`, which is equal
to itself alone.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple


class Made:
    """A module, or what makes one, with its parts.

    Attributes:
      given: what the user gave.
      parts: the structure of the module, without values.
    """

    __slots__ = ("given", "parts")

    def __init__(self, given: Any, parts: Any) -> None:
        self.given, self.parts = given, parts

    def __deepcopy__(self, memo: Any) -> Made:
        """The object itself: neither part is ever changed."""
        return self


class Origin(NamedTuple):
    """Where a class was defined: its library, and its name there."""

    package: str
    name: str


def is_factory(value: Any) -> bool:
    """Whether this is a class, or `functools.partial` of one, and no module."""
    return isinstance(value.func if isinstance(value, functools.partial) else value, type)


def class_of(value: Any) -> Any:
    """The class of a module, or that which is to be called to make one."""
    if isinstance(value, functools.partial):
        return class_of(value.func)
    return value if isinstance(value, type) else type(value)


def origins(value: Any) -> set[Origin]:
    """Where the classes come from that a value is an object of; nothing is imported for it."""
    return {
        Origin(".".join(base.__module__.split(".")[:2]), base.__name__)
        for base in class_of(value).__mro__
    }
