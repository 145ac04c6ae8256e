"""Primitives that reduce an axis, add up along one, or order its elements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from jkeras.export.onnx.rules import Call, rule
from jkeras.export.onnx.rules.shapes import padded, padded_outside
from jkeras.export.onnx.values import Unsupported, Value, constant, is_static, tensor

_REDUCTIONS = {
    "reduce_sum": "ReduceSum", "reduce_max": "ReduceMax", "reduce_min": "ReduceMin",
    "reduce_prod": "ReduceProd", "reduce_or": "ReduceMax", "reduce_and": "ReduceMin",
}  # fmt: skip


def _left(x: Value, axes: Sequence[int]) -> tuple[int, ...]:
    """The order of the axes that a reduction leaves."""
    left = [axis for axis in range(x.rank) if axis not in axes]
    return tuple(left.index(axis) for axis in x.order if axis not in axes)


@rule(*_REDUCTIONS)
def _reduce(call: Call, x: Value) -> Value:
    axes, b = call.params["axes"], call.builder
    if not axes:
        return x
    name = b.arranged(x, x.order)
    logical = x.dtype == bool
    if logical:
        name = b.cast(name, np.int32)
    places = b.integers(*(x.order.index(axis) for axis in axes))
    name = b.emit(_REDUCTIONS[call.name], name, places, keepdims=0)
    name = b.cast(name, bool) if logical else name
    return tensor(name, call.shape, call.dtype, _left(x, axes))


@rule("argmax", "argmin")
def _arg(call: Call, x: Value) -> Value:
    (axis,), b = call.params["axes"], call.builder
    name = b.arranged(x, x.order)
    name = b.cast(name, np.int32) if x.dtype == bool else name
    op = "ArgMax" if call.name == "argmax" else "ArgMin"
    name = b.emit(op, name, axis=x.order.index(axis), keepdims=0)
    return tensor(b.cast(name, call.dtype), call.shape, call.dtype, _left(x, (axis,)))


@rule("cumsum")
def _cumsum(call: Call, x: Value) -> Value:
    b, axis = call.builder, call.params["axis"]
    name = b.arranged(x, x.order)
    place = b.initializer(np.int64(x.order.index(axis)))
    name = b.emit("CumSum", name, place, reverse=int(call.params["reverse"]))
    return tensor(name, call.shape, call.dtype, x.order)


@rule("cumprod", "cummax", "cummin")
def _cumulative(call: Call, x: Value) -> Value:
    """In steps of one, two, four, ... elements, each on the results of the last."""
    axis, size = call.params["axis"], x.shape[call.params["axis"]]
    if not is_static((size,)):
        raise Unsupported(f"`{call.name}` along an axis of open size")
    op = {"cumprod": "Mul", "cummax": "Max", "cummin": "Min"}[call.name]
    kind = np.iinfo(x.dtype) if x.dtype.kind in "iu" else np.finfo(x.dtype)
    fill = {"cumprod": 1, "cummax": kind.min, "cummin": kind.max}[call.name]
    neutral, step = constant(np.asarray(fill, x.dtype)), 1
    while step < size:
        low, high = [0] * x.rank, [0] * x.rank
        low[axis], high[axis] = (-step, step) if call.params["reverse"] else (step, -step)
        shifted = padded(call, x, neutral, low, high)
        x, step = call.builder.elementwise(op, [x, shifted], x.dtype), 2 * step
    return x


@rule("sort")
def _sort(call: Call, *values: Value) -> list[Value]:
    axis, b = call.params["dimension"], call.builder
    if call.params["num_keys"] != 1:
        raise Unsupported("a sort by more than one key")
    first = values[0]
    name = b.arranged(first)
    name = b.cast(name, np.int32) if first.dtype == bool else name
    count = b.size(first.shape[axis])
    ordered, where = b.emit_all("TopK", [name, count], 2, axis=axis, largest=0, sorted=1)
    ordered = b.cast(ordered, bool) if first.dtype == bool else ordered
    others = [b.emit("GatherElements", b.arranged(value), where, axis=axis) for value in values[1:]]
    return [
        tensor(name, value.shape, value.dtype)
        for name, value in zip([ordered, *others], values, strict=True)
    ]


@rule("top_k")
def _top_k(call: Call, x: Value) -> list[Value]:
    b, axis = call.builder, call.params.get("axis", x.rank - 1)
    count = b.size(call.params["k"])
    names = b.emit_all("TopK", [b.arranged(x), count], 2, axis=axis, largest=1, sorted=1)
    places = b.cast(names[1], call.outs[1].dtype)
    shape = tuple(call.outs[0].shape)
    return [tensor(names[0], shape, x.dtype), tensor(places, shape, call.outs[1].dtype)]


@rule("reduce_window_max", "reduce_window_min", "reduce_window_sum")
def _windows(call: Call, x: Value) -> Value:
    """Windows along some axes: pooling, with these axes behind two others."""
    window, strides = call.params["window_dimensions"], call.params["window_strides"]
    pads = call.params["padding"]
    if any(n != 1 for n in call.params["base_dilation"]):
        raise Unsupported("windows over an array with holes (`base_dilation`)")
    rows = zip(window, strides, pads, strict=True)
    pooled = [a for a, (w, s, p) in enumerate(rows) if (w, s, *p) != (1, 1, 0, 0)]
    if not pooled:
        return x
    if len(pooled) > 3:
        raise Unsupported("windows along more than three axes")
    if x.dtype.kind in "iu":  # few runtimes pool integers; these are exact up to 2**24
        floats = tensor(call.builder.cast(call.builder.arranged(x), np.float32), x.shape, "float32")
        result = _pooled(call, floats, pooled)
        name = call.builder.cast(call.builder.arranged(result), x.dtype)
        return tensor(name, call.shape, x.dtype)
    return _pooled(call, x, pooled)


def _pooled(call: Call, x: Value, axes: Sequence[int]) -> Value:
    """Pooling along some axes: they are put behind two others."""
    b, others = call.builder, [a for a in range(x.rank) if a not in axes]
    outside = {"reduce_window_sum": 0.0, "reduce_window_max": -np.inf, "reduce_window_min": np.inf}
    fill = constant(np.asarray(outside[call.name], x.dtype))
    window, dilation, pads = (
        [call.params[name][a] for a in axes]
        for name in ("window_dimensions", "window_dilation", "padding")
    )
    reach = [(n - 1) * step + 1 for n, step in zip(window, dilation, strict=True)]
    x, left = padded_outside(call, x, fill, axes, pads, reach)
    attributes = {
        "kernel_shape": window,
        "strides": [call.params["window_strides"][a] for a in axes],
        "pads": left,
        "dilations": None if all(n == 1 for n in dilation) else dilation,
    }
    keeps = len(others) == 2 and x.order[2:] == tuple(axes)
    order = x.order if keeps else (*others, *axes)
    name = b.arranged(x, order)
    if len(others) != 2:
        number = math.prod(x.shape[a] for a in others)
        shape = [number, 1, *(x.shape[a] for a in axes)]
        name = b.emit("Reshape", name, b.shape(shape, inferred=True))
    name = _pooling(call, name, attributes, x.dtype)
    if len(others) != 2:
        whole = [*(x.shape[a] for a in others), *(call.shape[a] for a in axes)]
        name = b.emit("Reshape", name, b.shape(whole, inferred=True))
    return tensor(name, call.shape, x.dtype, order)


def _pooling(call: Call, name: str, attributes: dict[str, Any], dtype: DTypeLike) -> str:
    """The node of a pooling, with what it lacks."""
    b = call.builder
    if call.name == "reduce_window_max":
        return b.emit("MaxPool", name, **attributes)
    if call.name == "reduce_window_min":
        return b.emit("Neg", b.emit("MaxPool", b.emit("Neg", name), **attributes))
    if attributes["dilations"] is not None:
        raise Unsupported("sums of windows with holes (`window_dilation`)")
    name = b.emit("AveragePool", name, count_include_pad=1, **attributes)
    count = np.asarray(np.prod(attributes["kernel_shape"]), dtype)
    return b.emit("Mul", name, b.initializer(count))
