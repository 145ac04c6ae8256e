"""Primitives that read and write at indices known only at run time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.lax import GatherScatterMode

from jkeras.export.onnx.rules import Call, rule
from jkeras.export.onnx.rules.shapes import is_whole, positions
from jkeras.export.onnx.values import Dim, Unsupported, Value, constant, is_static, tensor

_CHECKED = (GatherScatterMode.FILL_OR_DROP, GatherScatterMode.CLIP)


def _wide(call: Call, index: Value) -> str:
    """An index as int64."""
    name = call.builder.arranged(index)
    return name if index.dtype == np.int64 else call.builder.cast(name, np.int64)


def _clipped(call: Call, name: str, size: Dim, width: Dim) -> str:
    """Indices at which a slice of a width lies inside of an axis."""
    b = call.builder
    return b.emit("Min", b.emit("Max", name, b.integers(0)), b.size(size - width))


@rule("dynamic_slice")
def _dynamic_slice(call: Call, x: Value, *starts: Value) -> Value:
    b, sizes = call.builder, call.params["slice_sizes"]
    moved = [a for a in range(x.rank) if str(sizes[a]) != str(x.shape[a])]
    if not moved:
        return x
    lows = [_start(call, starts[a], x.shape[a], sizes[a]) for a in moved]
    highs = [b.emit("Add", low, b.size(sizes[a])) for low, a in zip(lows, moved, strict=True)]
    bounds = [names[0] if len(names) == 1 else b.emit("Concat", *names, axis=0)
              for names in (lows, highs)]  # fmt: skip
    axes = b.integers(*(x.order.index(a) for a in moved))
    name = b.emit("Slice", b.arranged(x, x.order), *bounds, axes)
    return tensor(name, call.shape, x.dtype, x.order)


def _start(call: Call, start: Value, size: Dim, width: Dim) -> str:
    """The start of a slice, `[1]`, moved so that the slice lies inside."""
    name = call.builder.emit("Reshape", _wide(call, start), call.builder.integers(1))
    return _clipped(call, name, size, width)


@rule("dynamic_update_slice")
def _dynamic_update_slice(call: Call, x: Value, update: Value, *starts: Value) -> Value:
    b = call.builder
    moved = [a for a in range(x.rank) if str(update.shape[a]) != str(x.shape[a])]
    if not moved:
        return update
    rest = [a for a in range(x.rank) if a not in moved]
    grids = []
    for place, axis in enumerate(moved):
        width = update.shape[axis]
        low = _start(call, starts[axis], x.shape[axis], width)
        grid = b.emit("Add", positions(call, width), low)
        others = [n for n in range(len(moved) + 1) if n != place]
        grids.append(b.emit("Unsqueeze", grid, b.integers(*others)))
    whole = b.shape([*(update.shape[a] for a in moved), 1])
    grids = [b.emit("Expand", grid, whole) for grid in grids]
    indices = grids[0] if len(grids) == 1 else b.emit("Concat", *grids, axis=len(moved))
    order = (*moved, *rest)
    name = b.emit("ScatterND", b.arranged(x, order), indices, b.arranged(update, order))
    return tensor(name, call.shape, x.dtype, order)


@rule("gather")
def _gather(call: Call, x: Value, indices: Value) -> Value:
    numbers, sizes = call.params["dimension_numbers"], call.params["slice_sizes"]
    places = list(numbers.start_index_map)
    batch, batch_of_indices = numbers.operand_batching_dims, numbers.start_indices_batching_dims
    collapsed = set(numbers.collapsed_slice_dims)
    rest = [a for a in range(x.rank) if a not in (*places, *batch)]
    if not is_whole([sizes[a] for a in rest], [x.shape[a] for a in rest]):
        raise Unsupported("`gather` of parts of axes that no index goes to")
    if len(places) == 1 and not batch and places[0] in collapsed:
        return _taken(call, x, indices, places[0])
    wide = [a for a in places if a not in collapsed and str(sizes[a]) != "1"]
    loose = [a for a in places if a not in collapsed and str(sizes[a]) == "1"]
    between = [a for a in range(indices.rank - 1) if a not in batch_of_indices]
    b = call.builder
    order = (*batch_of_indices, *between, indices.rank - 1)
    index = b.arranged(indices, order)
    index = b.cast(index, np.int64) if indices.dtype != np.int64 else index
    outside = None
    if call.params["mode"] in _CHECKED:
        ends = b.shape([x.shape[a] - sizes[a] for a in places])
        if call.params["mode"] == GatherScatterMode.FILL_OR_DROP:
            outside = _outside(call, index, ends)
        index = b.emit("Min", b.emit("Max", index, b.integers(0)), ends)
    rank = indices.rank - 1 + len(wide)
    if wide:
        index = _windows(call, index, (indices.rank - 1, [sizes[a] for a in wide]),
                         [wide.index(a) if a in wide else None for a in places])  # fmt: skip
    name = b.emit("GatherND", b.arranged(x, (*batch, *places, *rest)), index, batch_dims=len(batch))
    # The axes of the tensor: those of the indices, the windows, the rest; then where they belong.
    offsets = [a for a in range(x.rank) if a not in collapsed and a not in batch]
    front = [a for a in range(len(call.shape)) if a not in numbers.offset_dims]
    by_indices = [front[a] for a in order[:-1]]
    if loose:
        name = b.emit("Unsqueeze", name, b.integers(*range(rank, rank + len(loose))))
    places_out = [
        *by_indices,
        *(numbers.offset_dims[offsets.index(a)] for a in (*wide, *loose, *rest)),
    ]
    out = tensor(name, call.shape, call.dtype, tuple(places_out))
    return out if outside is None else _filled(call, out, outside, by_indices)


def _windows(call: Call, index: str, windows: tuple[int, Any], places: Sequence[Any]) -> str:
    """Indices `[..., n]` as those of all elements of windows: `[..., *sizes, n]`."""
    rank, sizes = windows
    b = call.builder
    index = b.emit("Unsqueeze", index, b.integers(*range(rank, rank + len(sizes))))
    for place, size in enumerate(sizes):
        unit = np.array([1 if p == place else 0 for p in places], np.int64)
        steps = b.emit("Unsqueeze", positions(call, size), b.integers(1))
        steps = b.emit("Mul", steps, b.initializer(unit))
        others = range(1, len(sizes) - place)
        if len(others):
            steps = b.emit("Unsqueeze", steps, b.integers(*others))
        index = b.emit("Add", index, steps)
    return index


def _outside(call: Call, index: str, ends: str) -> str:
    """Where one of the indices `[..., n]` is out of bounds: `[...]`."""
    b = call.builder
    low = b.emit("Less", index, b.integers(0))
    wrong = b.emit("Or", low, b.emit("Greater", index, ends))
    most = b.emit("ReduceMax", b.cast(wrong, np.int32), b.integers(-1), keepdims=0)
    return b.cast(most, bool)


def _filled(call: Call, x: Value, outside: str, axes: Sequence[int]) -> Value:
    """A value with the fill where the index is out of bounds; `axes` are those of the indices."""
    fill = call.params["fill_value"]
    if fill is None:
        kind = x.dtype.kind
        fill = np.nan if kind == "f" else True if kind == "b" else (
            np.iinfo(x.dtype).min if kind == "i" else np.iinfo(x.dtype).max
        )  # fmt: skip
    stored = tuple(n if a in axes else 1 for a, n in enumerate(x.shape))
    trailing = [a for a in range(x.rank) if a not in axes]
    b = call.builder
    if trailing:
        outside = b.emit("Unsqueeze", outside, b.integers(*range(len(axes), x.rank)))
    wrong = tensor(outside, x.shape, bool, (*axes, *trailing), stored)
    value = constant(np.asarray(fill).astype(x.dtype))
    return b.elementwise("Where", [wrong, value, x], x.dtype)


def _taken(call: Call, x: Value, indices: Value, axis: int) -> Value:
    """Whole slices along one axis, by numbers: ONNX's Gather."""
    b, numbers = call.builder, call.params["dimension_numbers"]
    flat = b.arranged(indices)
    flat = b.emit("Squeeze", flat, b.integers(indices.rank - 1))
    flat = b.cast(flat, np.int64) if indices.dtype != np.int64 else flat
    outside = None
    if call.params["mode"] in _CHECKED:
        if call.params["mode"] == GatherScatterMode.FILL_OR_DROP and not _known(x, indices, axis):
            low = b.emit("Less", flat, b.initializer(np.int64(0)))
            high = b.emit("GreaterOrEqual", flat, b.scalar(x.shape[axis]))
            outside = b.emit("Or", low, high)
        if not _known(x, indices, axis):
            last = b.emit("Sub", b.scalar(x.shape[axis]), b.initializer(np.int64(1)))
            flat = b.emit("Min", b.emit("Max", flat, b.initializer(np.int64(0))), last)
    name = b.emit("Gather", b.arranged(x), flat, axis=axis)
    front = [a for a in range(len(call.shape)) if a not in numbers.offset_dims]
    offsets = list(numbers.offset_dims)
    order = (*offsets[:axis], *front, *offsets[axis:])
    out = tensor(name, call.shape, call.dtype, order)
    return out if outside is None else _filled(call, out, outside, front)


def _known(x: Value, indices: Value, axis: int) -> bool:
    """Whether all indices are constants inside of the axis."""
    if indices.const is None or not is_static((x.shape[axis],)):
        return False
    inside = (indices.const >= 0) & (indices.const < x.shape[axis])
    return bool(inside.all())


_REDUCTIONS = {
    "scatter": "none", "scatter-add": "add", "scatter-mul": "mul", "scatter-min": "min",
    "scatter-max": "max", "scatter_add": "add", "scatter_mul": "mul", "scatter_min": "min",
    "scatter_max": "max",
}  # fmt: skip


@rule(*_REDUCTIONS)
def _scatter(call: Call, x: Value, indices: Value, updates: Value) -> Value:
    numbers, b = call.params["dimension_numbers"], call.builder
    batch, places = numbers.operand_batching_dims, numbers.scatter_dims_to_operand_dims
    addressed = (*batch, *places)
    rest = [a for a in range(x.rank) if a not in addressed]
    inside = [a for a in range(x.rank) if a not in (*numbers.inserted_window_dims, *batch)]
    windows = dict(zip(inside, numbers.update_window_dims, strict=True))
    if not is_whole([updates.shape[windows[a]] for a in rest], [x.shape[a] for a in rest]):
        raise Unsupported(f"`{call.name}` of parts of axes that no index goes to")
    wide = [a for a in places if a in windows]
    sizes = {a: updates.shape[windows[a]] if a in windows else 1 for a in addressed}
    index = b.arranged(indices)
    index = b.cast(index, np.int64) if indices.dtype != np.int64 else index
    index, grown = _bounded(call, index, x, [(a, sizes[a]) for a in places])
    index = _with_rows(call, index, indices, numbers.scatter_indices_batching_dims)
    if wide:
        own = [wide.index(a) if a in wide else None for a in addressed]
        index = _windows(call, index, (indices.rank - 1, [sizes[a] for a in wide]), own)
    front = [a for a in range(updates.rank) if a not in numbers.update_window_dims]
    order = (*front, *(windows[a] for a in (*wide, *rest)))
    whole = b.arranged(x, (*addressed, *rest))
    axes = b.integers(*range(len(batch), len(addressed)))
    if grown:
        none = b.integers(*[0] * len(places))
        ends = b.shape([*[0] * len(places), *(sizes[a] for a in places)])
        whole = b.emit("Pad", whole, ends, b.initializer(np.zeros((), x.dtype)), axes)
    kind = _REDUCTIONS[call.name]
    name = b.emit("ScatterND", whole, index, b.arranged(updates, order), reduction=kind)
    if grown:
        name = b.emit("Slice", name, none, b.shape([x.shape[a] for a in places]), axes)
    return tensor(name, call.shape, x.dtype, (*addressed, *rest))


def _bounded(
    call: Call, index: str, x: Value, places: Sequence[tuple[int, Dim]]
) -> tuple[str, bool]:
    """Indices of slices that lie inside of an array; or, for slices to be dropped, behind the end
    of each axis, in which case the second value is True.

    Args:
      call: the scatter.
      index: `[..., n]`.
      x: the array.
      places: for each of the n its axis, and the width of the slice along it.
    """
    b, mode = call.builder, call.params["mode"]
    ends = b.shape([x.shape[axis] - width for axis, width in places])
    if mode == GatherScatterMode.CLIP:
        return b.emit("Min", b.emit("Max", index, b.integers(0)), ends), False
    if mode != GatherScatterMode.FILL_OR_DROP:
        return index, False
    outside = b.emit("Unsqueeze", _outside(call, index, ends), b.integers(-1))
    return b.emit("Where", outside, b.shape([x.shape[axis] for axis, _ in places]), index), True


def _with_rows(call: Call, index: str, indices: Value, batch: Sequence[int]) -> str:
    """Indices `[..., n]` with the positions along batch axes in front of the n."""
    if not batch:
        return index
    b, front = call.builder, indices.shape[:-1]
    columns = []
    for axis in batch:
        others = [a for a in range(indices.rank) if a != axis]
        column = b.emit("Unsqueeze", positions(call, front[axis]), b.integers(*others))
        columns.append(b.emit("Expand", column, b.shape([*front, 1])))
    return b.emit("Concat", *columns, index, axis=indices.rank - 1)
