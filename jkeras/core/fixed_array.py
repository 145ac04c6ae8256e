"""An array as an argument of a description, which has to compare and to hash."""

from __future__ import annotations

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
