"""Questions about dtypes and the backend, under the names of `keras.backend`."""

from __future__ import annotations

import collections
import gc
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from jkeras.core.errors import describe, nearest
from jkeras.core.symbols import Symbol

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "get_uid",
    "image_data_format",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "result_type",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
]

_PYTHON = {bool: "bool", int: "int32", float: "float32"}
_DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("bfloat16", "float16", "float32", "float64", "complex64", "complex128"),
)
_uids: collections.Counter[str] = collections.Counter()


def clear_session(free_memory: bool = True) -> None:
    """Starts the numbers of `get_uid` anew, and frees the memory of models that nobody holds.

    There is no more to clear: names are counted in each model, and nothing here keeps a model.
    """
    _uids.clear()
    if free_memory:
        gc.collect()


def get_uid(prefix: str = "") -> int:
    """1, 2, … for each prefix."""
    _uids[prefix] += 1
    return _uids[prefix]


def standardize_dtype(dtype: Any) -> str:
    """The name of a dtype; None stands for float32, Python's types for 32 bits.

    Raises:
      ValueError: there is no such dtype; the message suggests the nearest.

    Example:
      >>> standardize_dtype(None), standardize_dtype(int), standardize_dtype(jnp.bfloat16)
      ('float32', 'int32', 'bfloat16')
    """
    if dtype is None:
        return floatx()
    if isinstance(dtype, type) and dtype in _PYTHON:
        return _PYTHON[dtype]
    try:
        return str(jnp.dtype(dtype).name)
    except TypeError:
        hint = nearest(dtype, _DTYPES) if isinstance(dtype, str) else ""
        raise ValueError(
            f"standardize_dtype: expected a dtype such as 'float32', got {describe(dtype)}.{hint}"
        ) from None


def is_float_dtype(dtype: Any) -> bool:
    """Whether a dtype is floating, bfloat16 included."""
    return bool(jnp.issubdtype(jnp.dtype(standardize_dtype(dtype)), jnp.floating))


def is_int_dtype(dtype: Any) -> bool:
    """Whether a dtype is one of integers, signed or not."""
    return bool(jnp.issubdtype(jnp.dtype(standardize_dtype(dtype)), jnp.integer))


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is a symbol of a graph, such as `Input` gives."""
    return isinstance(x, Symbol)


def result_type(*dtypes: Any) -> str:
    """The dtype of a sum of arrays with these dtypes; Python's types follow the others.

    Example:
      >>> result_type("int32", "bfloat16"), result_type("bfloat16", float), result_type(int)
      ('bfloat16', 'bfloat16', 'int32')
    """
    if not dtypes:
        return floatx()
    # By identity: NumPy's float64 is equal to Python's float, which follows the others.
    python = [d for d in dtypes if any(d is kind for kind in _PYTHON)]
    names = [standardize_dtype(d) for d in dtypes if not any(d is kind for kind in _PYTHON)]
    weak = [d(0) for d in python] if names else [jnp.dtype(_PYTHON[d]) for d in python]
    # The question is what Keras would do, whatever JAX is told to refuse.
    with jax.numpy_dtype_promotion("standard"):
        return str(jnp.result_type(*weak, *map(jnp.dtype, names)).name)
