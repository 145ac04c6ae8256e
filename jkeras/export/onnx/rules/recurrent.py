"""LSTM, GRU and SimpleRNN as ONNX's nodes, which run faster than a loop of steps.

The nodes take sequences that end early, but no other masks, and give zeros behind the end. Here a
masked step changes nothing, wherever it stands. So with a mask the real steps of each example are
put together at the front, and each step of the result takes the output after as many real steps as
there were up to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from jkeras.export.onnx.builder import Builder
from jkeras.export.onnx.capture import Arguments, Captured, Options
from jkeras.export.onnx.rules import Call
from jkeras.export.onnx.rules.shapes import positions
from jkeras.export.onnx.values import Dim, Value, stored_dtype, tensor
from jkeras.layers import GRUCell, LSTMCell
from jkeras.layers.recurrent_cells import DenseCell
from jkeras.ops import activations

Functions = list[tuple[str, float, float]]
"""Activations as the nodes name them, each with its numbers alpha and beta."""

_ACTIVATIONS = {
    activations.tanh: ("Tanh", 0.0, 0.0),
    activations.sigmoid: ("Sigmoid", 0.0, 0.0),
    activations.relu: ("Relu", 0.0, 0.0),
    activations.hard_sigmoid: ("HardSigmoid", 1 / 6, 0.5),
    activations.softsign: ("Softsign", 0.0, 0.0),
    activations.linear: ("Affine", 1.0, 0.0),
}

_WITH_NUMBERS = ("Affine", "HardSigmoid")


def recurrent(
    call: Call, captured: Captured, args: Arguments, kwargs: Options
) -> list[Value] | None:
    """The outputs of a cell over a sequence: all, the last, and the states."""
    cell, (params, _, x, states) = captured.layer, args
    functions = _functions(cell)
    constants = all(value.const is not None for value in params.values())
    if functions is None or not constants or len(call.outs) != 2 + len(states):
        return None
    b, mask = call.builder, kwargs.get("mask")
    dtype = stored_dtype(x.dtype)
    dtype = np.dtype("float32") if dtype == np.float16 else dtype

    def tensor_of(value: Value) -> str:
        name = b.arranged(value)
        return name if stored_dtype(value.dtype) == dtype else b.cast(name, dtype)

    sequence, lengths, counts = tensor_of(x), "", ""
    if mask is not None:
        sequence, lengths, counts = _gathered(call, sequence, x.shape, b.arranged(mask))
    begins = [_initial(b, state, tensor_of) for state in states]
    names = [sequence, *_weights(call, cell, params, x.dtype, dtype), lengths, *begins]
    results = list(_node(b, cell, names, functions, len(states)))
    outputs = b.emit("Squeeze", results[0], b.integers(1))
    ends = [b.emit("Squeeze", name, b.integers(0)) for name in results[1:]]
    if mask is not None:
        firsts = [tensor_of(state) for state in states]
        outputs = _spread(call, outputs, firsts[0], counts)
        ends = [
            _unless_empty(b, end, first, lengths) if begin else end
            for end, first, begin in zip(ends, firsts, begins, strict=True)
        ]
    given = [outputs, ends[0], *ends]
    return [
        tensor(
            name if stored_dtype(out.dtype) == dtype else b.cast(name, out.dtype),
            tuple(out.shape),
            out.dtype,
        )
        for name, out in zip(given, call.outs, strict=True)
    ]


def _functions(cell: DenseCell) -> Functions | None:
    """The cell's activations in the node's order; None where it has no name for one."""
    listed = [cell.activation]
    if hasattr(cell, "recurrent_activation"):
        listed = [cell.recurrent_activation, cell.activation]
    listed += [cell.activation] if isinstance(cell, LSTMCell) else []
    known = [_ACTIVATIONS.get(function) for function in listed]
    return None if None in known else [entry for entry in known if entry is not None]


def _node(
    b: Builder, cell: DenseCell, names: Sequence[str], functions: Functions, states: int
) -> tuple[str, ...]:
    op = "LSTM" if isinstance(cell, LSTMCell) else "GRU" if isinstance(cell, GRUCell) else "RNN"
    names = list(names)
    while not names[-1]:
        names.pop()
    attributes: dict[str, Any] = {"hidden_size": cell.units}
    plain = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}
    if [name for name, _, _ in functions] != plain[op]:
        attributes["activations"] = [name for name, _, _ in functions]
        # Only functions that have numbers take some, one after the other.
        with_numbers = [numbers for name, *numbers in functions if name in _WITH_NUMBERS]
        if with_numbers:
            attributes["activation_alpha"] = [alpha for alpha, _ in with_numbers]
            attributes["activation_beta"] = [beta for _, beta in with_numbers]
    if op == "GRU":
        attributes["linear_before_reset"] = int(cell.reset_after)
    results: tuple[str, ...] = b.emit_all(op, names, 1 + states, **attributes)
    return results


def _weights(
    call: Call, cell: DenseCell, params: dict[str, Value], computed: DTypeLike, dtype: DTypeLike
) -> list[str]:
    """The kernels and biases as the node takes them: `[1, gates * units, ...]`."""
    units = cell.units

    def ordered(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The gates of the last axis in the node's order, that axis first."""
        array = np.moveaxis(array.astype(computed).astype(dtype), -1, 0)
        if not isinstance(cell, LSTMCell):
            return array
        i, f, c, o = np.split(array, 4)
        return np.concatenate([i, o, f, c])

    kernels = [params[name] for name in ("kernel", "recurrent_kernel")]
    names = [
        call.builder.initializer(ordered(value.full_array())[None], value.label)
        for value in kernels
    ]
    if "bias" not in params:
        return [*names, ""]
    bias = params["bias"].full_array()
    wide = kernels[0].shape[-1]
    both = bias if bias.ndim == 2 else np.stack([bias, np.zeros(wide, bias.dtype)])
    assert units * cell.gates == wide
    joined = np.concatenate([ordered(part) for part in both])[None]
    return [*names, call.builder.initializer(joined, params["bias"].label)]


def _initial(b: Builder, state: Value, tensor_of: Callable[[Value], str]) -> str:
    """The initial state `[1, batch, units]`; empty for zeros, which are the node's default."""
    if state.const is not None and not state.const.any():
        return ""
    return b.emit("Unsqueeze", tensor_of(state), b.integers(0))


def _gathered(call: Call, sequence: str, shape: tuple[Dim, ...], mask: str) -> tuple[str, str, str]:
    """The sequence with each example's real steps in front, their number, and how many there are
    up to each step.

    Args:
      call: the layer's call.
      sequence: `[time, batch, features]`.
      shape: of it.
      mask: `[time, batch]`.
    """
    b = call.builder
    steps = b.emit("Unsqueeze", positions(call, shape[0]), b.integers(1))
    later = b.emit("Add", steps, b.size(shape[0]))
    keys = b.emit("Where", mask, steps, later)
    _, order = b.emit_all("TopK", [keys, b.size(shape[0])], 2, axis=0, largest=0, sorted=1)
    wide = b.emit("Expand", b.emit("Unsqueeze", order, b.integers(2)), b.shape(shape))
    gathered = b.emit("GatherElements", sequence, wide, axis=0)
    ones = b.cast(mask, np.int32)
    lengths = b.emit("ReduceSum", ones, b.integers(0), keepdims=0)
    counts = b.emit("CumSum", ones, b.initializer(np.int64(0)))
    return gathered, lengths, counts


def _spread(call: Call, outputs: str, first: str, counts: str) -> str:
    """For each step the output after the real steps up to it, at first the initial state."""
    b = call.builder
    known = b.emit("Concat", b.emit("Unsqueeze", first, b.integers(0)), outputs, axis=0)
    places = b.emit("Unsqueeze", b.cast(counts, np.int64), b.integers(2))
    wide = b.emit("Expand", places, b.shape(tuple(call.outs[0].shape)))
    return b.emit("GatherElements", known, wide, axis=0)


def _unless_empty(b: Builder, end: str, first: str, lengths: str) -> str:
    """The last state; the initial one of an example without real steps."""
    empty = b.emit("Equal", lengths, b.initializer(np.int32(0)))
    empty = b.emit("Unsqueeze", empty, b.integers(1))
    return b.emit("Where", empty, first, end)
