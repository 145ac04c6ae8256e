"""The functions of `keras.backend`: properties of dtypes and of the backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from jkeras.core.session import (
    PYTHON,
    clear_session,
    get_uid,
    is_keras_tensor,
    standardize_dtype,
)
from jkeras.core.variables import Variable

if TYPE_CHECKING:
    from jax.typing import DTypeLike

__all__ = [
    "Variable",
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


def is_float_dtype(dtype: DTypeLike | None) -> bool:
    """Whether a dtype is floating, bfloat16 included."""
    return bool(jnp.issubdtype(jnp.dtype(standardize_dtype(dtype)), jnp.floating))


def is_int_dtype(dtype: DTypeLike | None) -> bool:
    """Whether a dtype is an integer dtype, signed or unsigned."""
    return bool(jnp.issubdtype(jnp.dtype(standardize_dtype(dtype)), jnp.integer))


def result_type(*dtypes: Any) -> str:
    """The dtype of a sum of arrays with these dtypes; Python's types are weakly typed.

    Example:
      >>> result_type("int32", "bfloat16"), result_type("bfloat16", float), result_type(int)
      ('bfloat16', 'bfloat16', 'int32')
    """
    if not dtypes:
        return floatx()
    # By identity: NumPy's float64 is equal to Python's float, which follows the others.
    python = [d for d in dtypes if any(d is kind for kind in PYTHON)]
    names = [standardize_dtype(d) for d in dtypes if not any(d is kind for kind in PYTHON)]
    weak = [d(0) for d in python] if names else [jnp.dtype(PYTHON[d]) for d in python]
    # Keras's result, also under a JAX configuration that forbids implicit promotion.
    with jax.numpy_dtype_promotion("standard"):
        return str(jnp.result_type(*weak, *map(jnp.dtype, names)).name)
