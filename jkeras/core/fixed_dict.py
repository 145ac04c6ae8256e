"""A dict as an argument of a description, which has to compare and to hash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from jkeras.core.fixed_array import FixedArray


class FixedDict(Mapping[Any, Any]):
    """A dict that does not change, compared and hashed by its content.

    Lists in it become tuples, arrays `FixedArray`, dicts of this kind.

    Raises:
      TypeError: it holds something that cannot be hashed.

    Example:
      >>> FixedDict({"scale": 2, "axes": [0, 1]}) == FixedDict({"axes": (0, 1), "scale": 2})
      True
      >>> FixedDict({"scale": 2})
      {'scale': 2}
    """

    __slots__ = ("_entries", "_hash")

    def __init__(self, entries: Mapping[Any, Any]) -> None:
        self._entries = {name: fixed(value) for name, value in entries.items()}
        self._hash = hash(frozenset(self._entries.items()))

    def __getitem__(self, name: object) -> Any:
        return self._entries[name]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FixedDict) and dict(self) == dict(other)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return repr(self._entries)


def fixed(value: object) -> Any:
    """`value` as something that hashes, where it is a list, a dict or an array."""
    if isinstance(value, list | tuple):
        return tuple(fixed(item) for item in value)
    if isinstance(value, Mapping):
        return FixedDict(value)
    return FixedArray(value) if isinstance(value, np.ndarray | jax.Array) else value


def thawed(value: object) -> Any:
    """`value` with plain dicts and arrays again; lists stay tuples."""
    if isinstance(value, FixedDict):
        return {name: thawed(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return tuple(thawed(item) for item in value)
    return value.values if isinstance(value, FixedArray) else value
