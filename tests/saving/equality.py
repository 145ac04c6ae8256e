"""Equality of nested values to the last bit."""

from typing import Any

import jax
import numpy as np


def same(found: Any, expected: Any) -> bool:
    """Whether two values are equal to the last bit, in dtypes and kinds of containers too.

    NumPy scalars count as arrays without axes, as which files restore them.
    """
    if isinstance(expected, jax.Array):  # a random key
        return bool((jax.random.key_data(found) == jax.random.key_data(expected)).all())
    if isinstance(expected, np.ndarray | np.generic):
        alike = found.shape == expected.shape and found.dtype == expected.dtype
        return alike and found.tobytes() == expected.tobytes()
    if type(found) is not type(expected):
        return False
    if isinstance(expected, dict):
        return list(found) == list(expected) and all(same(found[k], expected[k]) for k in found)
    if isinstance(expected, list | tuple):
        return len(found) == len(expected) and all(map(same, found, expected))
    return repr(found) == repr(expected)
