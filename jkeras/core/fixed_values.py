"""Arrays, dicts and slices as arguments of a description, which have to compare and to hash."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np


class FixedArray:
    """An array as an argument: read-only, compared and hashed by its content.

    Example:
      >>> FixedArray([[1.0, 2.0]]) == FixedArray([[1.0, 2.0]]), FixedArray([[1.0, 2.0]])
      (True, array of shape (1, 2))
    """

    __slots__ = ("_hash", "values")
    values: np.ndarray

    def __init__(self, values: object) -> None:
        self.values = np.array(values.values if isinstance(values, FixedArray) else values)
        self.values.flags.writeable = False
        self._hash = hash((self.values.shape, self.values.dtype.str, self.values.tobytes()))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, FixedArray)
            and hash(self) == hash(other)
            and self.values.dtype == other.values.dtype
            and np.array_equal(self.values, other.values)
        )

    def __hash__(self) -> int:
        return self._hash

    def in_config(self) -> np.ndarray:
        """What a configuration is made of: the array."""
        return self.values

    def __repr__(self) -> str:
        return f"array of shape {self.values.shape}"


@dataclasses.dataclass(frozen=True)
class FixedSlice:
    """A slice, which Python before 3.12 cannot hash."""

    start: Any
    stop: Any
    step: Any


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
    """`value` as something that hashes, where it is a list, a dict, a slice or an array."""
    if isinstance(value, list | tuple):
        return tuple(fixed(item) for item in value)
    if isinstance(value, Mapping):
        return FixedDict(value)
    if isinstance(value, slice):
        return FixedSlice(value.start, value.stop, value.step)
    return FixedArray(value) if isinstance(value, np.ndarray | jax.Array) else value


def thawed(value: object) -> Any:
    """`value` with plain dicts, slices and arrays again; lists stay tuples."""
    if isinstance(value, FixedDict):
        return {name: thawed(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return tuple(thawed(item) for item in value)
    if isinstance(value, FixedSlice):
        return slice(value.start, value.stop, value.step)
    return value.values if isinstance(value, FixedArray) else value
