"""What a traced value is in the graph: a constant, or a tensor whose layout is its own affair.

A value has a shape in the program that was traced. What the graph stores may have its axes in
another order, as convolutions want them, and size 1 along axes over which it is broadcast. So a
transposition, or a bias as large as a batch, stands in the file only where a node needs it.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import DTypeLike

Dim = Any
"""The size of an axis: an integer, or an expression of `jax.export` in the names of open axes."""


class Unsupported(ValueError):
    """Something that ONNX has no node for; the message says what."""


@dataclasses.dataclass(frozen=True, eq=False)
class Value:
    """A value of the traced program.

    Attributes:
      shape, dtype: in the program.
      name: of its tensor; empty for a constant.
      const: the numbers of a constant, with the shape `stored`.
      stored: the sizes that are stored, in the program's order of axes: 1 along broadcast ones.
      order: for each axis of the tensor, which axis of the program it is.
      label: what a constant is called in the file.
    """

    shape: tuple[Dim, ...]
    dtype: np.dtype[Any]
    name: str = ""
    const: np.ndarray[Any, Any] | None = None
    stored: tuple[Dim, ...] = ()
    order: tuple[int, ...] = ()
    label: str = ""

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def is_full(self) -> bool:
        """Whether all of it is stored, nothing broadcast."""
        return same_sizes(self.stored, self.shape)

    def moves(self, order: tuple[int, ...]) -> bool:
        """Whether a tensor with the axes in this order is another one than is stored: more than
        axes of size one have moved.
        """
        long = [axis for axis in self.order if not is_one(self.stored[axis])]
        return self.const is None and long != [axis for axis in order if axis in long]

    def full_array(self) -> np.ndarray[Any, Any]:
        """The numbers of a constant of static shape."""
        assert self.const is not None
        return np.broadcast_to(self.const, self.shape)


def is_one(size: Dim) -> bool:
    """Whether a size is the number 1."""
    return isinstance(size, int | np.integer) and int(size) == 1


def same_sizes(a: tuple[Dim, ...], b: tuple[Dim, ...]) -> bool:
    """Whether two shapes are known to be equal."""
    return len(a) == len(b) and all(is_equal(x, y) for x, y in zip(a, b, strict=True))


def is_equal(a: Dim, b: Dim) -> bool:
    """Whether two sizes are known to be equal."""
    return str(a) == str(b)


def is_static(shape: tuple[Dim, ...]) -> bool:
    """Whether all sizes are numbers."""
    return all(isinstance(n, int | np.integer) for n in shape)


def constant(array: jax.Array | np.ndarray, label: str = "") -> Value:
    """A value known now; the key of a random generator, which nothing draws from, as zeros."""
    if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = np.zeros(array.shape, np.uint32)
    array = np.asarray(array)
    order = tuple(range(array.ndim))
    return Value(array.shape, array.dtype, "", array, array.shape, order, label)


def tensor(
    name: str,
    shape: tuple[Dim, ...],
    dtype: DTypeLike,
    order: tuple[int, ...] | None = None,
    stored: tuple[Dim, ...] | None = None,
) -> Value:
    """A value that a node gives; in the program's order of axes if nothing is said."""
    plain = tuple(range(len(shape)))
    sizes = tuple(shape) if stored is None else stored
    return Value(tuple(shape), np.dtype(dtype), name, None, sizes, order or plain)


def stored_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """The dtype in the graph: few nodes take more than float32, float64, int32, int64 and bool.

    bfloat16 is computed in float32, narrow integers in int32, unsigned ones in the next wider.

    Raises:
      Unsupported: ONNX has no such dtype.
    """
    if dtype == jnp.bfloat16:
        return np.dtype("float32")
    plain = np.dtype(dtype)
    if plain.kind not in "fiub" or plain.itemsize > 8:
        raise Unsupported(f"ONNX does not compute with {dtype}")
    if plain.kind in "iu":
        wide = plain.itemsize == 8 or plain == np.uint32
        return np.dtype("int64" if wide else "int32")
    return plain


def border_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """The dtype of an input or output: the model's, but float32 in place of bfloat16."""
    return np.dtype("float32") if dtype == jnp.bfloat16 else np.dtype(dtype)
