"""Arrays of NumPy as arrays of JAX, from files of other machines too."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.errors import WrongTypeError, describe


def native(value: object) -> Any:
    """A NumPy array in this machine's byte order, with the same values; anything else unchanged.

    FITS, HDF5 and old files hold big-endian numbers, which JAX does not take.

    Raises:
      TypeError: an array of long doubles, which no device computes with.
    """
    if not isinstance(value, np.ndarray | np.generic):
        return value
    if value.dtype.kind in "fc" and value.dtype.itemsize > (8 if value.dtype.kind == "f" else 16):
        raise WrongTypeError(
            f"expected numbers of at most 64 bits, got {describe(value)}. Convert them: "
            "x.astype('float64')."
        )
    return value if value.dtype.isnative else value.astype(value.dtype.newbyteorder("="))


def on_device(array: np.ndarray) -> jax.Array:
    """A copy of an array of NumPy on the device, without the program that `jnp.array` compiles for
    every shape.
    """
    return jax.device_put(array, may_alias=False)


def as_jax(value: object) -> jax.Array:
    """`value` as an array of JAX, as `native` takes it.

    Raises:
      TypeError: an array of strings or of objects, which no program computes with.
    """
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "OSTU":
        words = " Make ids of words: StringLookup, TextVectorization or Hashing." * _is_word(value)
        raise WrongTypeError(f"expected numbers, got {describe(value)}.{words}")
    return jnp.asarray(native(value))


def _is_word(value: np.ndarray | np.generic) -> bool:
    """Whether an array holds strings, as far as its first entry tells."""
    first = next(np.asarray(value).flat, None)
    return isinstance(first, str | bytes)
