"""The model as operations that the converter takes, and takes right.

The converter to LiteRT refuses loops, gets transposed convolutions and negative padding wrong or
crashes on them, and its runtime lacks some operations. So a model's jaxpr is walked here once:
loops of a known length are written out, what depends on constants alone is computed, and the
operations in `RULES` are put in other words. Every other operation stays as it is.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn

from jkeras.export.litert import selecting

Dtype = np.dtype[Any]
Shape = Sequence[int]

MOST_STEPS = 4096
"""Loops with more steps than these are not written out."""

_FOLDED = 4096
"""Constants may grow to this many numbers by being computed here."""

_PLAIN: dict[Any, Dtype] = {
    jnp.bfloat16.dtype: np.dtype("float32"),
    np.dtype("float16"): np.dtype("float32"),
    np.dtype("uint32"): np.dtype("int32"),
    np.dtype("uint64"): np.dtype("int64"),
}
"""The dtypes that the runtime does not compute in, and what takes their place."""


class Unsupported(ValueError):
    """An operation that LiteRT does not have, in words; the caller adds the layer."""


class OpenLength(Unsupported):
    """A loop over an axis of unknown length."""


def lowered(function: Callable[..., Any], specs: Sequence[Any]) -> Callable[..., Any]:
    """A function with the same values, of operations that the converter takes.

    Args:
      function: of arrays; gives a tuple of arrays.
      specs: of its arguments; sizes may be symbols of `jax.export`.

    Raises:
      Unsupported: a loop whose length is not known.
    """
    closed = jax.make_jaxpr(function)(*specs)
    dtypes = [_plain(aval.dtype) for aval in closed.out_avals]

    def run(*arrays: Any) -> tuple[Any, ...]:
        results = _evaluate(closed.jaxpr, closed.consts, map(_as_plain, arrays))
        return tuple(jnp.asarray(x).astype(dtype) for x, dtype in zip(results, dtypes, strict=True))

    return run


def _plain(dtype: Dtype) -> Dtype:
    return _PLAIN.get(dtype, dtype)


def _as_plain(x: Array) -> Array:
    plain = _PLAIN.get(getattr(x, "dtype", None))
    return x if plain is None else x.astype(plain)


def _evaluate(jaxpr: Jaxpr, consts: Sequence[Array], arguments: Iterable[Array]) -> list[Array]:
    values: dict[Any, Any] = {}

    def read(atom: Any) -> Any:
        return _as_plain(atom.val) if hasattr(atom, "val") else values[atom]

    values.update(zip(jaxpr.constvars, map(_as_plain, consts), strict=True))
    values.update(zip(jaxpr.invars, arguments, strict=True))
    for equation in jaxpr.eqns:
        arrays = [read(atom) for atom in equation.invars]
        results = _applied(equation, arrays)
        values.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _applied(equation: JaxprEqn, arrays: list[Array]) -> Sequence[Array]:
    """The results of one operation: computed if it is constant, else by its rule or as it is."""
    name, params = equation.primitive.name, equation.params
    if name in INLINED:
        inner = params[INLINED[name]]
        return _evaluate(getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()), arrays)
    if name in LOOPS:
        return LOOPS[name](arrays, **params)
    if _is_constant(equation, arrays):
        with jax.ensure_compile_time_eval():
            return _bound(equation, arrays)
    if name in RULES:
        result = RULES[name](*arrays, **params)
        if result is not NotImplemented:
            return result if isinstance(result, list) else [result]
    return _bound(equation, arrays)


def _bound(equation: JaxprEqn, arrays: Sequence[Array]) -> Sequence[Any]:
    params = {
        key: _plain(value) if isinstance(value, np.dtype) else value
        for key, value in equation.params.items()
    }
    bound = equation.primitive.get_bind_params(params)
    inner, params = bound if isinstance(bound, tuple) else ((), bound)  # newer JAX: a mapping
    results = equation.primitive.bind(*inner, *arrays, **params)
    return results if equation.primitive.multiple_results else [results]


def _is_known(x: object) -> bool:
    return not isinstance(x, jax.core.Tracer)


def _is_constant(equation: JaxprEqn, arrays: Sequence[Array]) -> bool:
    """Whether the operation can be computed now, into constants that are not much larger."""
    if not all(map(_is_known, arrays)):
        return False
    avals: list[Any] = [variable.aval for variable in equation.outvars]
    shapes = [aval.shape for aval in avals]
    if equation.primitive.name == "dim_as_value":
        return False
    if not all(isinstance(n, int) for shape in shapes for n in shape):
        return False
    size = sum(map(math.prod, shapes))
    return size <= max(_FOLDED, sum(int(np.size(x)) for x in arrays))


# -- what holds other operations

INLINED = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "remat2": "jaxpr",
    "checkpoint": "jaxpr",
}
"""Operations that hold a jaxpr and run it once: where they hold it."""


def _scan(
    arrays: list[Array],
    *,
    jaxpr: ClosedJaxpr,
    length: int | object,
    reverse: bool,
    num_consts: int,
    num_carry: int,
    **_: Any,
) -> list[Array]:
    if not isinstance(length, int):
        raise OpenLength("a loop over an axis of unknown length")
    if length > MOST_STEPS:
        raise Unsupported(f"a loop of {length} steps; at most {MOST_STEPS} are written out")
    consts, carry = arrays[:num_consts], arrays[num_consts : num_consts + num_carry]
    columns = arrays[num_consts + num_carry :]
    outputs: list[list[Any]] = [[] for _ in jaxpr.out_avals[num_carry:]]
    for i in reversed(range(length)) if reverse else range(length):
        slices = [_row(x, i) for x in columns]
        results = _evaluate(jaxpr.jaxpr, jaxpr.consts, [*consts, *carry, *slices])
        carry = results[:num_carry]
        for output, row in zip(outputs, results[num_carry:], strict=True):
            output.append(row)
    return [*carry, *(jnp.stack(rows[::-1] if reverse else rows) for rows in outputs)]


def _row(x: Array, i: int) -> Array:
    if _is_known(x):
        with jax.ensure_compile_time_eval():
            return lax.index_in_dim(x, i, 0, keepdims=False)
    return lax.index_in_dim(x, i, 0, keepdims=False)


def _while(
    arrays: list[Array],
    *,
    cond_nconsts: int,
    cond_jaxpr: ClosedJaxpr,
    body_nconsts: int,
    body_jaxpr: ClosedJaxpr,
) -> list[Any]:
    """A loop whose condition depends on constants alone, such as `fori_loop` with known ends."""
    condition, body = arrays[:cond_nconsts], arrays[cond_nconsts : cond_nconsts + body_nconsts]
    carry = arrays[cond_nconsts + body_nconsts :]
    for _ in range(MOST_STEPS):
        (more,) = _evaluate(cond_jaxpr.jaxpr, cond_jaxpr.consts, [*condition, *carry])
        if not _is_known(more):
            raise Unsupported("a loop whose end depends on the inputs")
        if not more:
            return carry
        carry = _evaluate(body_jaxpr.jaxpr, body_jaxpr.consts, [*body, *carry])
    raise Unsupported(f"a loop of more than {MOST_STEPS} steps")


def _cond(arrays: list[Array], *, branches: Sequence[ClosedJaxpr], **_: Any) -> Any:
    index, *rest = arrays
    if _is_known(index):
        branch = branches[min(max(int(index), 0), len(branches) - 1)]
        return _evaluate(branch.jaxpr, branch.consts, rest)
    functions = [functools.partial(_evaluate, branch.jaxpr, branch.consts) for branch in branches]
    return lax.switch(jnp.asarray(index, "int32"), [lambda *a, f=f: f(a) for f in functions], *rest)


LOOPS: dict[str, Callable[..., Any]] = {"scan": _scan, "while": _while, "cond": _cond}

# -- operations in other words


def _pad(x: Array, value: Array, *, padding_config: Sequence[tuple[int, int, int]]) -> Array:
    """Negative padding as a slice: the converter crashes on it."""
    if all(low >= 0 and high >= 0 for low, high, _ in padding_config):
        return NotImplemented
    outside = [(max(low, 0), max(high, 0), inner) for low, high, inner in padding_config]
    x = lax.pad(x, value, outside)
    for axis, (low, high, _) in enumerate(padding_config):
        if low < 0 or high < 0:
            x = lax.slice_in_dim(x, max(-low, 0), x.shape[axis] - max(-high, 0), axis=axis)
    return x


def _convolution(
    x: Array,
    kernel: Array,
    *,
    padding: Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int],
    dimension_numbers: lax.ConvDimensionNumbers,
    **params: Any,
) -> Any:
    """A transposed convolution as an ordinary one of the inputs with zeros between them."""
    if all(n == 1 for n in lhs_dilation) and all(n >= 0 for pair in padding for n in pair):
        return NotImplemented
    config = [(0, 0, 0)] * x.ndim
    axes = dimension_numbers.lhs_spec[2:]
    for axis, (low, high), dilation in zip(axes, padding, lhs_dilation, strict=True):
        config[axis] = (low, high, dilation - 1)
    zero = jnp.zeros((), x.dtype)
    padded = _pad(x, zero, padding_config=config)
    if padded is NotImplemented:
        padded = lax.pad(x, zero, config)
    params.pop("preferred_element_type", None)
    return lax.conv_general_dilated(
        padded,
        kernel,
        padding=[(0, 0)] * len(axes),
        dimension_numbers=dimension_numbers,
        **params,
    )


def _index_of(
    best: Callable[..., Array], x: Array, *, axes: tuple[int], index_dtype: Dtype
) -> Array:
    """The first index of the largest or smallest value."""
    (axis,) = axes
    size = x.shape[axis]
    shape = [1] * x.ndim
    shape[axis] = size
    indices = jnp.arange(size, dtype=index_dtype).reshape(shape)
    found = jnp.where(x == best(x, axis, keepdims=True), indices, jnp.asarray(size, index_dtype))
    return jnp.min(found, axis)


def _iota(*, dtype: Dtype, shape: Shape, dimension: int, **_: Any) -> Array:
    """Indices of several axes as those of one, where sizes are unknown."""
    if len(shape) == 1 or all(isinstance(n, int) for n in shape):
        return NotImplemented
    return lax.broadcast_in_dim(lax.iota(_plain(dtype), shape[dimension]), shape, (dimension,))


def _cbrt(x: Array, **_: Any) -> Array:
    return jnp.sign(x) * jnp.abs(x) ** jnp.asarray(1 / 3, x.dtype)


def _slices_of(
    x: Array, starts: np.ndarray, numbers: lax.GatherDimensionNumbers, sizes: Shape
) -> Array:
    """For each row of start indices the slice of x there, `[rows, *slice]`."""
    slices = []
    for row in starts:
        part = x
        for axis, start in zip(numbers.start_index_map, row, strict=True):
            last = x.shape[axis] - sizes[axis] if isinstance(x.shape[axis], int) else start
            start = min(max(int(start), 0), last)
            part = lax.slice_in_dim(part, start, start + sizes[axis], axis=axis)
        slices.append(lax.squeeze(part, numbers.collapsed_slice_dims))
    return jnp.stack(slices)


def _gather(
    x: Array,
    indices: Array,
    *,
    dimension_numbers: lax.GatherDimensionNumbers,
    slice_sizes: Shape,
    mode: Any = None,
    **_: Any,
) -> Array:
    """Elements at known places as slices: of an open batch the converter takes nothing else."""
    numbers = dimension_numbers
    if numbers.operand_batching_dims:
        return selecting.along_axis(x, indices, numbers=numbers, sizes=slice_sizes, mode=mode)
    axes = [axis for axis in range(x.ndim) if axis not in numbers.start_index_map]
    whole = all(slice_sizes[axis] == x.shape[axis] for axis in axes)
    if _is_known(x) or not _is_known(indices) or not whole:
        return NotImplemented
    starts = np.asarray(indices)
    batch = starts.shape[:-1]
    if math.prod(batch) > _FOLDED or (starts < 0).any():
        return NotImplemented
    rows = _slices_of(x, starts.reshape(-1, starts.shape[-1]), numbers, slice_sizes)
    stacked = rows.reshape((*batch, *rows.shape[1:]))
    return jnp.moveaxis(stacked, range(len(batch), stacked.ndim), numbers.offset_dims)


def _dynamic_slice(x: Array, *starts: Array, slice_sizes: Shape, **_: Any) -> Array:
    if not all(map(_is_known, starts)):
        return NotImplemented
    for axis, (start, size) in enumerate(zip(starts, slice_sizes, strict=True)):
        if size is x.shape[axis] or size == x.shape[axis]:
            continue
        first = min(max(int(start), 0), x.shape[axis] - size)
        x = lax.slice_in_dim(x, first, first + size, axis=axis)
    return x


RULES: dict[str, Callable[..., Any]] = {
    "pad": _pad,
    "conv_general_dilated": _convolution,
    "argmax": functools.partial(_index_of, jnp.max),
    "argmin": functools.partial(_index_of, jnp.min),
    "iota": _iota,
    "cbrt": _cbrt,
    "gather": _gather,
    "dynamic_slice": _dynamic_slice,
    "eq_to": lambda x, y: lax.eq(x, y),  # total orders, which differ in NaN alone
    "lt_to": lambda x, y: lax.lt(x, y),
    "le_to": lambda x, y: lax.le(x, y),
    "sort": selecting.sort,
    "top_k": selecting.top_k,
    "reduce_precision": lambda x, **_: x,
}
"""By the name of an operation its other words; `NotImplemented` where it can stay as it is."""
