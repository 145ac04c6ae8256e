"""`Builder`: the nodes and constants of a graph while it is made.

Equal nodes are made once; what no output needs is left out at the end.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from jkeras.export.onnx.library import onnx
from jkeras.export.onnx.values import (
    Dim,
    Value,
    is_one,
    is_static,
    same_sizes,
    stored_dtype,
    tensor,
)

if TYPE_CHECKING:
    from jkeras.export.onnx.library import NodeProto

_SMALL = 64
"""Bytes of a constant up to which it is its own key; a digest is the key of a larger one."""


class Builder:
    """A graph, or the body of a loop or branch in one.

    Args:
      parent: the graph around a body; its tensors can be used inside.

    Attributes:
      scope: the layer whose nodes are made, which their names begin with.
      initializers: the constants of the file by name; `constants` has these names by content.
      names: how often each was given.
      sizes: for the name of each open axis an input, its axis, and the factor of the name there.
    """

    def __init__(self, parent: Builder | None = None) -> None:
        self.parent = parent
        self.root: Builder = self if parent is None else parent.root
        self.nodes: list[Any] = []
        self.made: dict[Any, tuple[str, ...]] = {}
        self.scope: str = "" if parent is None else parent.scope
        self.sizes: dict[str, tuple[str, int, int]] = {} if parent is None else parent.sizes
        if parent is None:
            self.initializers: dict[str, np.ndarray[Any, Any]] = {}
            self.names: dict[str, int] = {}
            self.constants: dict[Any, str] = {}

    # -- nodes and constants

    def unique(self, name: str) -> str:
        """A name that nothing in the file has."""
        names = self.root.names
        count = names[name] = names.get(name, -1) + 1
        return name if count == 0 else self.unique(f"{name}_{count}")

    def emit_all(self, op: str, inputs: Sequence[str], outputs: int, **attributes: Any) -> Any:
        """The names of the outputs of a node."""
        given = {name: value for name, value in attributes.items() if value is not None}
        key = op, tuple(inputs), outputs, repr(sorted(given.items(), key=lambda pair: pair[0]))
        scopes = "body" not in given and "then_branch" not in given
        if scopes and (known := self.found(key)) is not None:
            return known
        name = self.unique(f"{self.scope}/{op}" if self.scope else op)
        names = tuple(f"{name}:{n}" for n in range(outputs))
        node = onnx().helper.make_node(op, list(inputs), list(names), name=name, **given)
        self.nodes.append(node)
        self.made[key] = names
        return names

    def found(self, key: tuple[Any, ...]) -> tuple[str, ...] | None:
        """The outputs of an equal node, here or around."""
        if key in self.made or self.parent is None:
            return self.made.get(key)
        return self.parent.found(key)

    def emit(self, op: str, *inputs: str, **attributes: Any) -> str:
        """The name of the one output of a node."""
        name: str = self.emit_all(op, inputs, 1, **attributes)[0]
        return name

    def initializer(self, array: ArrayLike, label: str = "") -> str:
        """The name of a constant of the file."""
        root, given = self.root, np.asarray(array)
        array = given.astype(stored_dtype(given.dtype), copy=False)
        content = array.tobytes() if array.nbytes <= _SMALL else _digest(array)
        key = array.dtype.str, array.shape, content
        if key not in root.constants:
            name = root.constants[key] = root.unique(label or "constant")
            root.initializers[name] = array
        return root.constants[key]

    def integers(self, *numbers: int) -> str:
        """A constant list of integers, as nodes take shapes and axes."""
        return self.initializer(np.array(numbers, np.int64).reshape(len(numbers)))

    # -- values

    def arranged(
        self, value: Value, order: tuple[int, ...] | None = None, *, full: bool = True
    ) -> str:
        """The name of a tensor with all of a value.

        Args:
          value: the value.
          order: of its axes in the tensor; the program's when left out.
          full: whether broadcast axes are written out.
        """
        order = tuple(range(value.rank)) if order is None else tuple(order)
        if value.const is not None:
            array, label = value.const, value.label
            if full and is_static(value.shape) and not value.is_full:
                array = np.ascontiguousarray(value.full_array())
            elif full and not value.is_full:
                return self._expanded(self.arranged(value, order, full=False), value, order)
            if order != tuple(range(array.ndim)):
                array, label = np.transpose(array, order), label and f"{label}_transposed"
            return self.initializer(array, label)
        name = value.name
        if value.order != order:
            name = self._moved(value, order)
        return name if value.is_full or not full else self._expanded(name, value, order)

    def _moved(self, value: Value, order: tuple[int, ...]) -> str:
        """A tensor with its axes in another order; where only axes of size one move, nothing is
        copied.
        """
        if not value.moves(order):
            sizes = [value.stored[axis] for axis in order]
            if sum(not isinstance(n, int | np.integer) for n in sizes) <= 1:
                return self.emit("Reshape", value.name, self.shape(sizes, inferred=True))
        return self.emit("Transpose", value.name, perm=[value.order.index(a) for a in order])

    def _expanded(self, name: str, value: Value, order: tuple[int, ...]) -> str:
        return self.emit("Expand", name, self.shape([value.shape[axis] for axis in order]))

    def cast(self, name: str, dtype: DTypeLike) -> str:
        """A tensor in another dtype."""
        return self.cast_exactly(name, stored_dtype(dtype))

    def cast_exactly(self, name: str, dtype: np.dtype[Any]) -> str:
        """A tensor in another dtype of ONNX."""
        return self.emit("Cast", name, to=onnx().helper.np_dtype_to_tensor_dtype(dtype))

    def node(
        self,
        op: str,
        values: Sequence[Value],
        shape: Sequence[Dim],
        dtype: DTypeLike,
        **attributes: Any,
    ) -> Value:
        """The value of a node that takes whole tensors in the program's order of axes."""
        names = [self.arranged(value) for value in values]
        return tensor(self.emit(op, *names, **attributes), tuple(shape), dtype)

    def elementwise(
        self, op: str, values: Sequence[Value], dtype: DTypeLike, **attributes: Any
    ) -> Value:
        """The value of a node that broadcasts its inputs, in the layout they have in common."""
        rank = max(value.rank for value in values)
        whole = [value for value in values if value.rank == rank]
        live = [value for value in whole if value.const is None]
        plain = tuple(range(rank))
        order = max(
            live or whole,
            key=lambda value: (sum(not is_one(n) for n in value.stored), value.order != plain),
        ).order
        names = [self._beside(value, order, rank, alone=not live) for value in values]
        stored = tuple(_broadcast(sizes) for sizes in zip(*(v.stored for v in whole), strict=True))
        shape = tuple(_broadcast(sizes) for sizes in zip(*(v.shape for v in whole), strict=True))
        return tensor(self.emit(op, *names, **attributes), shape, dtype, order, stored)

    def _beside(self, value: Value, order: tuple[int, ...], rank: int, *, alone: bool) -> str:
        """A tensor that broadcasts beside others in an order of axes; one number has no axes."""
        if value.const is not None and value.const.size == 1 and not alone:
            return self.initializer(value.const.reshape(()), value.label)
        return self.arranged(value, order if value.rank == rank else None, full=False)

    def reshaped(self, value: Value, shape: Sequence[Dim]) -> Value:
        """A value with the same numbers in another shape."""
        shape = tuple(shape)
        if same_sizes(shape, value.shape):
            return value
        if value.const is not None and is_static((*shape, *value.shape)):
            array = value.full_array().reshape(shape)
            return Value(
                shape, value.dtype, "", array, shape, tuple(range(len(shape))), value.label
            )
        name = self.emit("Reshape", self.arranged(value), self.shape(shape, inferred=True))
        return tensor(name, shape, value.dtype)

    # -- sizes

    def shape(self, sizes: Sequence[Dim], *, inferred: bool = False) -> str:
        """A tensor with sizes; `inferred` writes -1 for one that is open, as Reshape reads it."""
        opened = [n for n in sizes if not isinstance(n, int | np.integer)]
        if inferred and len(opened) == 1 and all(n != 0 for n in sizes if n is not opened[0]):
            return self.integers(*(-1 if n is opened[0] else int(n) for n in sizes))
        if not opened:
            return self.integers(*map(int, sizes))
        return self.emit("Concat", *(self.size(n) for n in sizes), axis=0)

    def size(self, size: Dim) -> str:
        """A tensor `[1]` with a size, computed from those of the inputs where it is open."""
        if isinstance(size, int | np.integer):
            return self.integers(int(size))
        text = str(size).replace("^", "**")
        return self._computed(ast.parse(text, mode="eval").body, text)

    def scalar(self, size: Dim) -> str:
        """A tensor `[]` with a size."""
        if isinstance(size, int | np.integer):
            return self.initializer(np.int64(size))
        return self.emit("Squeeze", self.size(size), self.integers(0))

    def _computed(self, part: ast.AST, text: str) -> str:
        match part:
            case ast.Constant(value=int(number)):
                return self.integers(number)
            case ast.Name(id=name):
                source, axis, multiple = self.sizes[name]
                known = self.emit("Shape", source, start=axis, end=axis + 1)
                return known if multiple == 1 else self.emit("Div", known, self.integers(multiple))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.emit("Neg", self._computed(operand, text))
            case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int(power))):
                factor = self._computed(left, text)
                product = factor
                for _ in range(power - 1):
                    product = self.emit("Mul", product, factor)
                return product
            case ast.BinOp(left=left, op=kind, right=right):
                op = {ast.Add: "Add", ast.Sub: "Sub", ast.Mult: "Mul"}[type(kind)]
                return self.emit(op, self._computed(left, text), self._computed(right, text))
            case ast.Call(func=ast.Name(id=function), args=[left, right]):
                pair = self._computed(left, text), self._computed(right, text)
                if function == "floordiv":
                    remainder = self.emit("Mod", *pair)
                    return self.emit("Div", self.emit("Sub", pair[0], remainder), pair[1])
                return self.emit({"mod": "Mod", "max": "Max", "min": "Min"}[function], *pair)
        raise ValueError(f"expected the size of an axis in terms of the inputs', got {text}.")


def needed(nodes: Sequence[NodeProto], outputs: Sequence[str]) -> list[NodeProto]:
    """The nodes that outputs need, in order."""
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(names_used(node))
            kept.append(node)
    return kept[::-1]


def names_used(node: NodeProto) -> Iterator[str]:
    """The tensors that a node reads, those that bodies inside take from around them, too."""
    yield from node.input
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield from (output.name for output in attribute.g.output)
            for inner in attribute.g.node:
                yield from names_used(inner)


def _digest(array: np.ndarray[Any, Any]) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data).digest()


def _broadcast(sizes: Sequence[Dim]) -> Dim:
    return next((n for n in sizes if not is_one(n)), 1)
