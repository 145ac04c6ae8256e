"""The functions of `keras.ops.core`: loops, slices, conversions.

Loops run Python functions of arrays inside one compiled program. The start of a slice may be an
array; its size is a Python integer.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jkeras.core.errors import nearest
from jkeras.ops.vocabulary.arguments import without_variables

if TYPE_CHECKING:
    from jax.typing import ArrayLike, DTypeLike

    from jkeras.core.symbols import Symbol
    from jkeras.core.trees import Tree
    from jkeras.core.typing import HoldsArray

Array = jax.Array
DType = Any


def cast(x: Array, dtype: DType) -> Array:
    """`x` in another dtype."""
    return x.astype(dtype)


def convert_to_tensor(
    x: Array, dtype: DType = None, sparse: bool | None = None, ragged: bool | None = None
) -> Array:
    """`x` as an array of JAX, in `dtype` unless it is None."""
    if sparse or ragged:
        word = "sparse" if sparse else "ragged"
        raise ValueError(
            f"ops.convert_to_tensor: expected `{word}` False, got True: arrays here are dense."
        )
    return x if dtype is None else x.astype(dtype)


def convert_to_numpy(x: ArrayLike | HoldsArray) -> np.ndarray:
    """`x` as a NumPy array, copied from the device; also while gradients are taken of a model that
    runs eagerly.
    """
    return np.array(jax.lax.stop_gradient(x) if isinstance(x, jax.core.Tracer) else x)


def is_tensor(x: object) -> bool:
    """Whether `x` is an array of JAX (traced ones are, NumPy's are not)."""
    return isinstance(x, jax.Array)


def shape(x: ArrayLike | HoldsArray | Symbol) -> tuple[int | None, ...]:
    """The sizes of the axes, as Python's integers."""
    return tuple(x.shape if hasattr(x, "shape") else np.shape(x))


def dtype(x: ArrayLike | HoldsArray | Symbol) -> str:
    """The name of the dtype."""
    return str(x.dtype if hasattr(x, "dtype") else jnp.asarray(x).dtype)


def saturate_cast(x: Array, dtype: DType) -> Array:
    """`x` in another dtype, cut to what that can hold instead of wrapping around."""
    low, high = _limits(dtype)
    source_low, source_high = _limits(x.dtype)
    # The limits must be numbers of the source: 2³¹ - 1 is none of float32, the one below is.
    least = _towards_zero(max(low, source_low), x.dtype)
    most = _towards_zero(min(high, source_high), x.dtype)
    return jnp.clip(x, least, most).astype(dtype)


def _limits(dtype: DTypeLike) -> tuple[Any, Any]:
    if jnp.issubdtype(dtype, jnp.bool_):
        return 0, 1
    if jnp.issubdtype(dtype, jnp.integer):
        info = jnp.iinfo(dtype)
        return int(info.min), int(info.max)
    return float(jnp.finfo(dtype).min), float(jnp.finfo(dtype).max)


def _towards_zero(limit: float, dtype: np.dtype) -> Any:
    """`limit` in `dtype`, or the next number towards zero if rounding went past it."""
    value = np.asarray(limit).astype(dtype)
    exact = float(limit) if isinstance(limit, float) else int(limit)
    if abs(float(value)) > abs(exact):
        value = np.nextafter(value, np.zeros((), dtype), dtype=dtype)
    return value


def cond(pred: Tree, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """`true_fn()` where the condition holds, else `false_fn()`; both give one structure of arrays.

    Example:
      >>> cond(jnp.ones(()) > 2, lambda: 1.0, lambda: 0.0).item()
      0.0
    """
    return lax.cond(
        pred, lambda: without_variables(true_fn()), lambda: without_variables(false_fn())
    )


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function with its own gradient: `f(*args)` returns (value, function of the gradient).

    Example:
      >>> doubled = custom_gradient(lambda x: (x, lambda gradient: 2 * gradient))
      >>> jax.grad(doubled)(3.0).item()
      2.0
    """
    with_gradient = jax.custom_gradient(f)

    @functools.wraps(f)
    def function(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = without_variables((args, kwargs))
        return with_gradient(*args, **kwargs)

    return function


def slice(inputs: Array, start_indices: Tree, shape: Sequence[int]) -> Array:
    """The part of `shape` that starts at `start_indices`; size -1 is all that is left of an axis.

    A start too close to the end is moved back, as in `jax.lax.dynamic_slice`.
    """
    sizes = [
        inputs.shape[axis] - int(start_indices[axis]) if size == -1 else size
        for axis, size in enumerate(shape)
    ]
    return lax.dynamic_slice(inputs, list(start_indices), sizes)


def slice_update(inputs: Array, start_indices: Tree, updates: Array) -> Array:
    """`inputs` with the part that starts at `start_indices` replaced by `updates`."""
    return lax.dynamic_update_slice(inputs, updates, list(start_indices))


def scatter(indices: Array, values: Array, shape: Sequence[int]) -> Array:
    """Zeros of `shape` to which `values` are added at `indices` (last axis: one per axis)."""
    zeros = jnp.zeros(shape, values.dtype)
    return zeros.at[tuple(jnp.moveaxis(indices, -1, 0))].add(values)


def scatter_update(
    inputs: Array, indices: Array, updates: Array, reduction: str | None = None
) -> Array:
    """`inputs` with `updates` at `indices`: set, or combined by "add", "max", "min", "mul".

    Example:
      >>> scatter_update(jnp.zeros(3), jnp.array([[0], [2]]), jnp.array([5.0, 7.0])).tolist()
      [5.0, 0.0, 7.0]
    """
    ways = {None: "set", "add": "add", "max": "max", "min": "min", "mul": "multiply"}
    word = reduction.lower() if isinstance(reduction, str) else reduction
    if word not in ways:
        known = [way for way in ways if way]
        hint = nearest(word, known) if isinstance(word, str) else ""
        raise ValueError(
            "ops.scatter_update: expected `reduction` None, 'add', 'max', 'min' or 'mul', "
            f"got {reduction!r}.{hint}"
        )
    place = inputs.at[tuple(jnp.transpose(indices))]
    return getattr(place, ways[word])(updates)


def unstack(x: Array, num: int | None = None, axis: int = 0) -> list[Array]:
    """The parts of `x` along `axis`, without that axis."""
    size = x.shape[axis]
    if num is not None and num != size:
        raise ValueError(
            f"ops.unstack: expected `num` {size}, the size of axis {axis} of shape {x.shape}, "
            f"got {num}. Leave it out."
        )
    return [lax.index_in_dim(x, i, axis, keepdims=False) for i in builtins.range(size)]


def vectorized_map(function: Callable[..., Any], elements: Tree) -> Any:
    """`function` of each entry of the first axis, all at once."""
    return jax.vmap(function)(elements)


def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Tree,
    maximum_iterations: int | None = None,
) -> Any:
    """Runs `loop_vars = body(*loop_vars)` as long as `cond(*loop_vars)` holds.

    Example:
      >>> [int(i) for i in while_loop(lambda n, s: n < 4, lambda n, s: (n + 1, s + n), (0, 0))]
      [4, 6]
    """
    several = isinstance(loop_vars, tuple | list)

    def unpacked(values: Tree) -> tuple[Any, ...]:
        return tuple(values) if several else (values,)

    def goes_on(carry: tuple[Any, tuple[Any, ...]]) -> Any:
        count, values = carry
        holds = cond(*values)
        return holds if maximum_iterations is None else holds & (count < maximum_iterations)

    def step(carry: tuple[Any, tuple[Any, ...]]) -> Any:
        count, values = carry
        return count + 1, unpacked(body(*values))

    _, values = lax.while_loop(goes_on, step, (0, unpacked(loop_vars)))
    return values if several else values[0]
