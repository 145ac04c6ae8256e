"""Products of arrays and convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jkeras.export.onnx.rules import Call, rule
from jkeras.export.onnx.rules.shapes import padded, padded_outside, reversed_axes
from jkeras.export.onnx.values import Dim, Unsupported, Value, constant, tensor


@rule("dot_general")
def _product(call: Call, x: Value, y: Value) -> Value:
    (contract_x, contract_y), (batch_x, batch_y) = call.params["dimension_numbers"]
    dtype = call.dtype
    if dtype.kind in "iu" or x.dtype.kind in "iu":
        x, y = _cast(call, x, dtype), _cast(call, y, dtype)
    elif x.dtype != y.dtype or x.dtype != dtype:
        x, y = _cast(call, x, dtype), _cast(call, y, dtype)
    free_x = [a for a in range(x.rank) if a not in (*contract_x, *batch_x)]
    free_y = [a for a in range(y.rank) if a not in (*contract_y, *batch_y)]
    if not batch_x and y.const is not None:
        return _times_matrix(call, x, y, (free_x, contract_x), (contract_y, free_y))
    if not batch_x and x.const is not None:
        swapped = _times_matrix(call, y, x, (free_y, contract_y), (contract_x, free_x))
        # The axes of y stand in front of those of x there.
        count = len(free_y)
        moved = tuple(range(count, swapped.rank)) + tuple(range(count))
        return _moved(swapped, moved, call.shape)
    pair = (x, batch_x, free_x, contract_x), (y, batch_y, free_y, contract_y)
    turned = _transpositions(*pair) > _transpositions(*pair[::-1])
    return _matrices(call, *(pair[::-1] if turned else pair), turned=turned)


Factor = tuple[Value, Sequence[int], Sequence[int], Sequence[int]]
"""A factor of a product, with its axes: those of the batch, those that stay, those summed over."""


def _transpositions(left: Factor, right: Factor) -> int:
    """How many of two factors have to be transposed."""
    (x, batch_x, free_x, contract_x), (y, batch_y, free_y, contract_y) = left, right
    moved = (x, (*batch_x, *free_x, *contract_x)), (y, (*batch_y, *contract_y, *free_y))
    return sum(value.moves(order) for value, order in moved)


def _matrices(call: Call, left: Factor, right: Factor, *, turned: bool) -> Value:
    """A product of matrices for each element of the batch; `turned` if the second factor of the
    program is the left one.
    """
    (x, batch_x, free_x, contract_x), (y, batch_y, free_y, contract_y) = left, right
    b = call.builder
    matrices = (
        _merged(call, x, batch_x, free_x, contract_x),
        _merged(call, y, batch_y, contract_y, free_y),
    )
    name = b.emit("MatMul", *matrices)
    rank, first, second = len(call.shape), len(free_x), len(free_y)
    order = list(range(rank))
    if turned:  # the tensor has the axes of the second factor of the program in front
        order = [*order[: rank - first - second], *order[rank - first :],
                 *order[rank - first - second : rank - first]]  # fmt: skip
    if first != 1 or second != 1:
        sizes = [call.shape[a] for a in order]
        name = b.emit("Reshape", name, b.shape(sizes, inferred=True))
    return tensor(name, call.shape, call.dtype, tuple(order))


def _merged(
    call: Call, x: Value, batch: Sequence[int], rows: Sequence[int], columns: Sequence[int]
) -> str:
    """A tensor of matrices, `[*batch, rows, columns]`."""
    b = call.builder
    name = b.arranged(x, (*batch, *rows, *columns))
    if len(rows) == len(columns) == 1:
        return name
    sizes = [_size([x.shape[a] for a in axes]) for axes in (rows, columns)]
    shape = [*(x.shape[a] for a in batch), *sizes]
    return b.emit("Reshape", name, b.shape(shape, inferred=True))


def _cast(call: Call, x: Value, dtype: np.dtype[Any]) -> Value:
    if x.dtype == dtype:
        return x
    if x.const is not None:
        return Value(x.shape, dtype, "", x.const.astype(dtype), x.stored, x.order, x.label)
    name = call.builder.cast(call.builder.arranged(x), dtype)
    return tensor(name, x.shape, dtype)


def _moved(x: Value, permutation: tuple[int, ...], shape: tuple[Dim, ...]) -> Value:
    order = tuple(permutation.index(axis) for axis in x.order)
    return tensor(x.name, shape, x.dtype, order)


def _size(sizes: Sequence[Dim]) -> Dim:
    total: Dim = 1
    for n in sizes:
        total = total * n
    return total


def _times_matrix(
    call: Call, x: Value, weight: Value, of_x: tuple[Any, Any], of_weight: tuple[Any, Any]
) -> Value:
    """A value times a constant as a matrix, whatever axes each has."""
    (free_x, contract_x), (contract_w, free_w) = of_x, of_weight
    inner = _size([weight.shape[a] for a in contract_w])
    outer = _size([weight.shape[a] for a in free_w])
    order = (*contract_w, *free_w)
    array = np.transpose(weight.full_array(), order)
    label = weight.label
    if order != tuple(range(weight.rank)):
        label = label and f"{label}_transposed"
    matrix = call.builder.initializer(array.reshape(inner, outer), label)
    b = call.builder
    left = b.arranged(x, (*free_x, *contract_x))
    front = [x.shape[a] for a in free_x]
    if len(contract_x) != 1:
        left = b.emit("Reshape", left, b.shape([*front, inner], inferred=True))
    name = b.emit("Gemm" if len(front) == 1 else "MatMul", left, matrix)
    if len(free_w) != 1:
        name = b.emit("Reshape", name, b.shape(
            [*front, *(weight.shape[a] for a in free_w)], inferred=True))  # fmt: skip
    shape = tuple([*front, *(weight.shape[a] for a in free_w)])
    return tensor(name, shape, call.dtype)


@rule("conv_general_dilated")
def _convolution(call: Call, x: Value, kernel: Value) -> Value:
    p = call.params
    numbers = p["dimension_numbers"]
    if p["batch_group_count"] != 1:
        raise Unsupported("a convolution with groups of examples (`batch_group_count`)")
    if len(numbers.lhs_spec) > 5:
        raise Unsupported("a convolution along more than three axes")
    kernel = _transposed(kernel, numbers.rhs_spec)
    if any(n != 1 for n in p["lhs_dilation"]):
        return _transposed_convolution(call, x, kernel)
    zero, sizes = constant(np.zeros((), x.dtype)), [int(n) for n in kernel.shape[2:]]
    reach = [(n - 1) * step + 1 for n, step in zip(sizes, p["rhs_dilation"], strict=True)]
    x, pads = padded_outside(call, x, zero, numbers.lhs_spec[2:], p["padding"], reach)
    b = call.builder
    names = b.arranged(x, numbers.lhs_spec), b.arranged(kernel)
    name = b.emit(
        "Conv",
        *names,
        kernel_shape=sizes,
        strides=list(p["window_strides"]),
        dilations=list(p["rhs_dilation"]),
        pads=pads,
        group=p["feature_group_count"],
    )
    return tensor(name, call.shape, call.dtype, tuple(numbers.out_spec))


def _transposed(x: Value, order: Sequence[int]) -> Value:
    """A value with its axes in another order."""
    order = tuple(order)
    if order == tuple(range(x.rank)):
        return x
    shape = tuple(x.shape[a] for a in order)
    if x.const is None:
        return tensor(x.name, shape, x.dtype, tuple(order.index(a) for a in x.order),
                      tuple(x.stored[a] for a in order))  # fmt: skip
    return constant(np.transpose(x.full_array(), order), x.label and f"{x.label}_transposed")


def _transposed_convolution(call: Call, x: Value, kernel: Value) -> Value:
    """A convolution of an array with holes: ConvTranspose, whose kernel is turned round."""
    p, b = call.params, call.builder
    numbers, groups = p["dimension_numbers"], p["feature_group_count"]
    if any(n != 1 for n in p["window_strides"]):
        raise Unsupported("a convolution with both steps and an array with holes")
    sizes, dilation = [int(n) for n in kernel.shape[2:]], p["rhs_dilation"]
    reach = [(n - 1) * step for n, step in zip(sizes, dilation, strict=True)]
    crops = [(n - low, n - high) for n, (low, high) in zip(reach, p["padding"], strict=True)]
    kernel = reversed_axes(call, kernel, range(2, kernel.rank))
    filters, share = (int(n) for n in kernel.shape[:2])
    grouped = b.reshaped(kernel, (groups, filters // groups, share, *sizes))
    grouped = _transposed(grouped, (0, 2, 1, *range(3, 3 + len(sizes))))
    kernel = b.reshaped(grouped, (groups * share, filters // groups, *sizes))
    name = b.emit(
        "ConvTranspose",
        b.arranged(x, numbers.lhs_spec),
        b.arranged(kernel),
        kernel_shape=sizes,
        strides=list(p["lhs_dilation"]),
        dilations=list(dilation),
        pads=[max(low, 0) for low, _ in crops] + [max(high, 0) for _, high in crops],
        group=groups,
    )
    # Padding beyond the reach of the kernel is zero in the result, too.
    more = [(max(-low, 0), max(-high, 0)) for low, high in crops]
    shape = list(call.shape)
    for axis, (low, high) in zip(numbers.out_spec[2:], more, strict=True):
        shape[axis] = shape[axis] - low - high
    out = tensor(name, tuple(shape), call.dtype, tuple(numbers.out_spec))
    lows, highs = [0] * out.rank, [0] * out.rank
    for axis, (low, high) in zip(numbers.out_spec[2:], more, strict=True):
        lows[axis], highs[axis] = low, high
    return padded(call, out, constant(np.zeros((), call.dtype)), lows, highs)
