"""Primitives that move elements: shapes, orders of axes, slices, padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jkeras.export.onnx.rules import Call, rule
from jkeras.export.onnx.values import (
    Dim,
    Unsupported,
    Value,
    constant,
    is_one,
    is_static,
    same_sizes,
    tensor,
)

_FIRST = -(2**63) + 1
"""An end before the first element, for slices that run backwards."""


@rule("reshape")
def _reshape(call: Call, x: Value) -> Value:
    if call.params.get("dimensions") is not None:
        raise Unsupported("`reshape` with `dimensions`")
    return call.builder.reshaped(x, call.shape)


@rule("broadcast_in_dim")
def _broadcast(call: Call, x: Value, *_: Value) -> Value:
    places = call.params["broadcast_dimensions"]
    stored: list[Dim] = [1] * len(call.shape)
    for axis, place in enumerate(places):
        stored[place] = x.stored[axis]
    if x.const is not None:
        array = x.const.reshape([int(n) for n in stored])
        plain = tuple(range(len(stored)))
        return Value(call.shape, x.dtype, "", array, tuple(stored), plain, x.label)
    added = [axis for axis in range(len(stored)) if axis not in places]
    order: list[int] = [places[axis] for axis in x.order]
    if order == sorted(order):
        order = list(range(len(stored)))
    else:  # new axes in front or behind, the others stay in their order
        behind = [axis for axis in added if axis > max(places)]
        order = [*(axis for axis in added if axis not in behind), *order, *behind]
    name = x.name
    if added:
        where = [order.index(axis) for axis in added]
        name = call.builder.emit("Unsqueeze", name, call.builder.integers(*where))
    return tensor(name, call.shape, x.dtype, tuple(order), tuple(stored))


@rule("squeeze")
def _squeeze(call: Call, x: Value) -> Value:
    dims = {axis % x.rank for axis in call.params["dimensions"]}
    left = [axis for axis in range(x.rank) if axis not in dims]
    stored = tuple(x.stored[axis] for axis in left)
    if x.const is not None:
        array = x.const.reshape([int(n) for n in stored])
        order = tuple(range(len(left)))
        return Value(call.shape, x.dtype, "", array, stored, order, x.label)
    places = [place for place, axis in enumerate(x.order) if axis in dims]
    name = call.builder.emit("Squeeze", x.name, call.builder.integers(*places))
    order = tuple(left.index(axis) for axis in x.order if axis not in dims)
    return tensor(name, call.shape, x.dtype, order, stored)


@rule("transpose")
def _transpose(call: Call, x: Value) -> Value:
    moved = tuple(call.params["permutation"])
    stored = tuple(x.stored[axis] for axis in moved)
    if x.const is not None:
        array, order = np.transpose(x.const, moved), tuple(range(x.rank))
        label = x.label and f"{x.label}_transposed"
        return Value(call.shape, x.dtype, "", array, stored, order, label)
    order = tuple(moved.index(axis) for axis in x.order)
    return tensor(x.name, call.shape, x.dtype, order, stored)


@rule("concatenate")
def _concatenate(call: Call, *values: Value) -> Value:
    order = next((v.order for v in values if v.const is None), values[0].order)
    names = [call.builder.arranged(value, order) for value in values]
    axis = order.index(call.params["dimension"])
    name = call.builder.emit("Concat", *names, axis=axis)
    return tensor(name, call.shape, call.dtype, order)


@rule("stack")
def _stack(call: Call, *values: Value) -> Value:
    b, axis = call.builder, call.params["axis"]
    names = [b.emit("Unsqueeze", b.arranged(value), b.integers(axis)) for value in values]
    return tensor(b.emit("Concat", *names, axis=axis), call.shape, call.dtype)


@rule("slice")
def _slice(call: Call, x: Value) -> Value:
    starts, limits = call.params["start_indices"], call.params["limit_indices"]
    strides = call.params["strides"] or (1,) * x.rank
    return sliced(call, x, starts, limits, strides)


def sliced(
    call: Call, x: Value, starts: Sequence[Dim], limits: Sequence[Dim], strides: Sequence[int]
) -> Value:
    """The part of a value between starts and limits, with steps; axes that stay whole stay."""
    kept = [
        axis
        for axis, (start, limit, step) in enumerate(zip(starts, limits, strides, strict=True))
        if not (str(start) == "0" and str(limit) == str(x.shape[axis]) and step == 1)
        and not (is_one(x.stored[axis]) and not is_one(x.shape[axis]))
    ]
    stored = tuple(
        1 if is_one(x.stored[axis]) and axis not in kept else n for axis, n in enumerate(call.shape)
    )
    if not kept:
        return tensor(call.builder.arranged(x, x.order, full=False), call.shape, x.dtype, x.order,
                      stored)  # fmt: skip
    name = call.builder.arranged(x, x.order, full=False)
    b = call.builder
    parts = b.shape([starts[a] for a in kept]), b.shape([limits[a] for a in kept])
    axes = b.integers(*(x.order.index(axis) for axis in kept))
    steps = b.integers(*(strides[axis] for axis in kept))
    return tensor(b.emit("Slice", name, *parts, axes, steps), call.shape, x.dtype, x.order, stored)


@rule("rev")
def _reverse(call: Call, x: Value) -> Value:
    return reversed_axes(call, x, call.params["dimensions"])


def reversed_axes(call: Call, x: Value, dims: Sequence[int]) -> Value:
    """A value with the order of its elements turned round along axes."""
    if x.const is not None and x.is_full:
        return constant(np.flip(x.const, tuple(dims)), x.label and f"{x.label}_reversed")
    b, count = call.builder, len(dims)
    name = b.arranged(x, x.order, full=False)
    axes = b.integers(*(x.order.index(axis) for axis in dims))
    ends = b.integers(*[_FIRST] * count)
    name = b.emit("Slice", name, b.integers(*[-1] * count), ends, axes, b.integers(*[-1] * count))
    return tensor(name, x.shape, x.dtype, x.order, x.stored)


@rule("pad")
def _pad(call: Call, x: Value, fill: Value) -> Value:
    config = call.params["padding_config"]
    for axis, (_, _, interior) in enumerate(config):
        if interior:
            x = _spread(call, x, fill, axis, interior)
    return padded(call, x, fill, [low for low, _, _ in config], [high for _, high, _ in config])


def padded(call: Call, x: Value, fill: Value, low: Sequence[Dim], high: Sequence[Dim]) -> Value:
    """A value with more elements around it; negative numbers crop."""
    axes = [a for a in range(x.rank) if str(low[a]) != "0" or str(high[a]) != "0"]
    if not axes:
        return x
    shape = tuple(n + low[a] + high[a] if a in axes else n for a, n in enumerate(x.shape))
    b = call.builder
    name = b.arranged(x, x.order)
    bounds = b.shape([*(low[a] for a in axes), *(high[a] for a in axes)])
    places = b.integers(*(x.order.index(a) for a in axes))
    if x.dtype == bool:  # few runtimes pad these
        numbers = b.cast(name, np.int32), b.cast(b.arranged(fill), np.int32)
        name = b.cast(b.emit("Pad", numbers[0], bounds, numbers[1], places), bool)
    else:
        name = b.emit("Pad", name, bounds, b.arranged(fill), places)
    return tensor(name, shape, x.dtype, x.order)


def padded_outside(
    call: Call,
    x: Value,
    fill: Value,
    axes: Sequence[int],
    pads: Sequence[tuple[Dim, Dim]],
    widths: Sequence[int],
) -> tuple[Value, list[int]]:
    """A value, and the padding that a node of windows is left with: all before, then all after.

    Such a node takes numbers from 0 to below the width of a window; what is something else is
    padded, or cropped, before.

    Args:
      call: the call.
      x: what the windows move over.
      fill: what it is padded with.
      axes: those of the windows.
      pads: for each of them a pair.
      widths: of the windows, for each of them.
    """
    low, high = [0] * x.rank, [0] * x.rank
    left: list[tuple[int, int]] = []
    for axis, pair, width in zip(axes, pads, widths, strict=True):
        if all(is_static((n,)) and 0 <= n < width for n in pair):
            left.append((int(pair[0]), int(pair[1])))
        else:
            left.append((0, 0))
            low[axis], high[axis] = pair
    outer = padded(call, x, fill, low, high)
    return outer, [before for before, _ in left] + [after for _, after in left]


def _spread(call: Call, x: Value, fill: Value, axis: int, interior: int) -> Value:
    """A value with `interior` elements between neighbours along an axis."""
    shape = [*x.shape[: axis + 1], 1, *x.shape[axis + 1 :]]
    wide = call.builder.reshaped(x, shape)
    none = [0] * len(shape)
    more = [interior if place == axis + 1 else 0 for place in range(len(shape))]
    wide = padded(call, wide, fill, none, more)
    size = x.shape[axis] * (interior + 1)
    long = call.builder.reshaped(wide, [*x.shape[:axis], size, *x.shape[axis + 1 :]])
    ends = [-interior if place == axis else 0 for place in range(x.rank)]
    return padded(call, long, fill, [0] * x.rank, ends)


@rule("iota")
def _iota(call: Call, *_: Value) -> Value:
    axis, size = call.params["dimension"], call.shape[call.params["dimension"]]
    stored = tuple(n if place == axis else 1 for place, n in enumerate(call.shape))
    if is_static((size,)):
        array = np.arange(size).astype(call.dtype).reshape(stored)
        return Value(call.shape, call.dtype, "", array, stored, tuple(range(len(stored))))
    name = call.builder.cast(positions(call, size), call.dtype)
    others = [place for place in range(len(stored)) if place != axis]
    if others:
        name = call.builder.emit("Unsqueeze", name, call.builder.integers(*others))
    return tensor(name, call.shape, call.dtype, None, stored)


def positions(call: Call, size: Dim) -> str:
    """A tensor with the integers from 0 to below a size."""
    b = call.builder
    if is_static((size,)):
        return b.initializer(np.arange(size, dtype=np.int64))
    zero, one = b.initializer(np.int64(0)), b.initializer(np.int64(1))
    return b.emit("Range", zero, b.scalar(size), one)


@rule("dim_as_value", "dimension_size")
def _size(call: Call, *_: Value) -> Value:
    if "dim" not in call.params:
        raise Unsupported("the size of an axis that is known only at run time")
    return tensor(call.builder.cast(call.builder.scalar(call.params["dim"]), call.dtype), (),
                  call.dtype)  # fmt: skip


@rule("split")
def _split(call: Call, x: Value) -> list[Value]:
    axis, sizes = call.params["axis"], call.params["sizes"]
    name = call.builder.arranged(x, x.order)
    names = call.builder.emit_all(
        "Split", [name, call.builder.shape(sizes)], len(sizes), axis=x.order.index(axis)
    )
    return [
        tensor(part, tuple(out.shape), x.dtype, x.order)
        for part, out in zip(names, call.outs, strict=True)
    ]


@rule("expand_dims")
def _expand_dims(call: Call, x: Value) -> Value:
    return call.builder.reshaped(x, call.shape)


@rule("tile")
def _tile(call: Call, x: Value) -> Value:
    return call.builder.node("Tile", [x, constant(np.array(call.params["reps"], np.int64))],
                             call.shape, x.dtype)  # fmt: skip


def is_whole(sizes: Sequence[Any], shape: Sequence[Any]) -> bool:
    """Whether sizes of a slice are those of the array."""
    return same_sizes(tuple(sizes), tuple(shape))
