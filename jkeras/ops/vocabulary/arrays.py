"""The functions of `keras.ops.numpy` that `jax.numpy` lacks, or that differ from it.

Arguments annotated `Array` arrive as arrays of JAX (see `build`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.dtype_policy import floatx

if TYPE_CHECKING:
    from jax.typing import ArrayLike

Array = jax.Array
DType = Any
Tree = Any


def argpartition(x: Array, kth: int, axis: int | None = -1) -> Array:
    """Indices that put the `kth` smallest entry at its place; of the flat array for `axis=None`."""
    return jnp.argpartition(x.ravel() if axis is None else x, kth, axis=0 if axis is None else axis)


def argsort(x: Array, axis: int | None = -1) -> Array:
    """Indices that sort `x` along `axis`; a scalar counts as one entry."""
    return jnp.argsort(x, axis=None if x.ndim == 0 else axis)


def bincount(
    x: Array, weights: Array | None = None, minlength: int = 0, sparse: bool = False
) -> Array:
    """How often each whole number occurs, row by row for a matrix. Not under `jit`."""
    if sparse:
        raise ValueError("ops.bincount: expected `sparse` False, got True: arrays here are dense.")
    if x.ndim < 2:
        return jnp.bincount(x, weights=weights, minlength=minlength)
    length = max(minlength, int(x.max()) + 1)
    if weights is None:
        return jax.vmap(lambda row: jnp.bincount(row, length=length))(x)
    return jax.vmap(lambda row, w: jnp.bincount(row, weights=w, length=length))(x, weights)


def ceil(x: Array) -> Array:
    """The next whole number above, as a float."""
    return jnp.ceil(_floating(x))


def floor(x: Array) -> Array:
    """The next whole number below, as a float."""
    return jnp.floor(_floating(x))


def trunc(x: Array) -> Array:
    """The whole number next to `x` towards zero; integers and booleans stay."""
    return jnp.trunc(x) if jnp.issubdtype(x.dtype, jnp.inexact) else x


def round(x: Array, decimals: int = 0) -> Array:
    """`x` rounded to `decimals` places; negative ones round integers to tens or hundreds."""
    if jnp.issubdtype(x.dtype, jnp.inexact) or decimals >= 0:
        return jnp.round(x, decimals)
    unit = 10.0**-decimals
    return (jnp.round(x.astype(jnp.float32) / unit) * unit).astype(x.dtype)


def clip(x: Array, x_min: Array | None, x_max: Array | None) -> Array:
    """`x` cut to [`x_min`, `x_max`]; booleans become int32."""
    return jnp.clip(x.astype(jnp.int32) if x.dtype == bool else x, x_min, x_max)


def diagonal(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """The entries at equal places of two axes, `offset` to the right, along a new last axis."""
    _check_two_axes("diagonal", x, axis1, axis2)
    return jnp.diagonal(x, offset, axis1, axis2)


def divide_no_nan(x1: Array, x2: Array) -> Array:
    """`x1 / x2`, and 0 where `x2` is 0; its gradient there is 0 too."""
    zero = x2 == 0
    return jnp.where(zero, 0, jnp.divide(x1, jnp.where(zero, 1, x2)))


def matmul(x1: Array, x2: Array) -> Array:
    """The product of matrices; of int8 ones in int32."""
    return jnp.matmul(x1, x2, preferred_element_type=_wide(x1, x2))


def einsum(subscripts: str, *operands: Array, **kwargs: Any) -> Array:
    """Einstein's sum over the axes that `subscripts` names; of int8 arrays in int32."""
    return jnp.einsum(subscripts, *operands, preferred_element_type=_wide(*operands), **kwargs)


def full(shape: int | Sequence[int], fill_value: Array, dtype: DType = None) -> Array:
    """An array filled with one value: in `floatx()` unless `dtype` says otherwise."""
    return jnp.full(shape, fill_value, floatx() if dtype is None else dtype)


def get_item(x: Array, key: Tree) -> Array:
    """`x[key]`."""
    return x[key]


def histogram(
    x: Array, bins: int = 10, range: tuple[float, float] | None = None
) -> tuple[Array, Array]:
    """How many entries fall between each two edges, and the edges: `bins` parts of `range`."""
    if range is not None and (len(range) != 2 or range[1] < range[0]):
        raise ValueError(
            f"ops.histogram: expected `range` None or (least, most), in this order, got {range}."
        )
    counts, edges = jnp.histogram(x, bins, range)
    return counts, edges


def pad(
    x: Array,
    pad_width: int | Sequence[int] | Sequence[Sequence[int]],
    mode: str = "constant",
    constant_values: Tree = None,
) -> Array:
    """`x` with entries before and behind each axis, as `mode` says ("constant", "reflect", …)."""
    if constant_values is None:
        return jnp.pad(x, pad_width, mode=mode)
    if mode != "constant":
        raise ValueError(
            f"ops.pad: `constant_values` goes with mode 'constant', got mode {mode!r}. "
            "Leave `constant_values` out."
        )
    return jnp.pad(x, pad_width, mode=mode, constant_values=constant_values)


def repeat(x: Array, repeats: int | Sequence[int], axis: int | None = None) -> Array:
    """Each entry `repeats` times, or its own number of times; of the flat array without `axis`.

    Example:
      >>> repeat(jnp.array([5, 7]), [1, 2]).tolist()
      [5, 7, 7]
    """
    return jnp.repeat(x, repeats if isinstance(repeats, int) else np.asarray(repeats), axis)


def reshape(x: Array, newshape: int | Sequence[int]) -> Array:
    """The entries in another shape; one of its sizes may be -1, which follows from the others."""
    sizes = tuple(newshape) if isinstance(newshape, tuple | list) else (newshape,)
    if any(isinstance(n, int) and n < -1 for n in sizes) or sizes.count(-1) > 1:
        raise ValueError(
            f"ops.reshape: expected `newshape` of sizes of at least 0, one of them -1 at most, got "
            f"{newshape}."
        )
    return jnp.reshape(x, sizes)


def slogdet(x: Array) -> tuple[Array, Array]:
    """The sign of the determinant and the logarithm of its absolute value."""
    sign, log = jnp.linalg.slogdet(x)
    return sign, log


def trace(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """The sum of the entries of `diagonal`."""
    _check_two_axes("trace", x, axis1, axis2)
    return jnp.trace(x, offset, axis1, axis2)


def unique(
    x: Array,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: ArrayLike | None = None,
) -> Any:
    """The unique entries, and the requested indices and counts. Under `jit` pass `size`."""
    return jnp.unique(
        x,
        return_index=return_index,
        return_inverse=return_inverse,
        return_counts=return_counts,
        axis=axis,
        equal_nan=False,
        size=size,
        fill_value=fill_value,
        sorted=sorted,
    )


def vectorize(
    pyfunc: Callable[..., Any],
    *,
    excluded: Collection[int | str] | None = None,
    signature: str | None = None,
) -> Callable[..., Any]:
    """A function of arrays that applies `pyfunc` entry by entry, as `signature` says."""
    return jnp.vectorize(pyfunc, excluded=excluded or (), signature=signature)


def view(x: Array, dtype: DType = None) -> Array:
    """The same bytes read as another dtype."""
    return x.view(dtype)


def where(condition: Array, x1: Array | None = None, x2: Array | None = None) -> Any:
    """`x1` where the condition holds, else `x2`; without both, where it holds: indices by axis."""
    if (x1 is None) != (x2 is None):
        missing = "x1" if x1 is None else "x2"
        raise ValueError(
            f"ops.where: expected `x1` and `x2` or neither, got no `{missing}`. "
            "Write where(condition, x1, x2)."
        )
    return jnp.where(condition, x1, x2)  # type: ignore[arg-type]


def _floating(x: Array) -> Array:
    return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.float32)


def _wide(*arrays: Array) -> Any:
    """int32 for a product of int8 arrays, which would overflow; otherwise JAX's own choice."""
    return jnp.int32 if all(x.dtype == jnp.int8 for x in arrays) else None


def _check_two_axes(who: str, x: Array, axis1: int, axis2: int) -> None:
    if x.ndim < 2 or axis1 % x.ndim == axis2 % x.ndim:
        raise ValueError(
            f"ops.{who}: expected `axis1` and `axis2` two axes of `x`, got {axis1} and {axis2} for "
            f"shape {x.shape}."
        )
