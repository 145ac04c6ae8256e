"""Symbols: values that a layer will get when a model runs, with their shape, dtype and origin.

`Input((784,))` makes one, a layer called on symbols gives others, and so do operators and the
functions of `jkeras.ops`. Each symbol remembers the call that made it (its `Node`), so the symbols
that a model returns tell all its layers: `models.Graph` reads them off.

Laws: a symbol holds no array; to call a layer computes nothing but shapes; shapes and dtypes are
those of `jax.eval_shape`, tried with two sizes for the axes of unknown size, so no shape rule is
written here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.errors import describe
from jkeras.core.identity import identity_of, next_serial
from jkeras.core.trees import dtype_of

Shape = tuple[int | None, ...]


def get_item(x: Any, item: Any) -> Any:
    """`x[item]`."""
    return x[item]


OPERATORS: dict[str, Callable[..., Any]] = {
    "Add": jnp.add,
    "Subtract": jnp.subtract,
    "Multiply": jnp.multiply,
    "TrueDivide": jnp.true_divide,
    "FloorDivide": jnp.floor_divide,
    "Mod": jnp.mod,
    "Power": jnp.power,
    "Matmul": jnp.matmul,
    "LogicalAnd": jnp.logical_and,
    "LogicalOr": jnp.logical_or,
    "LogicalXor": jnp.logical_xor,
    "LogicalNot": jnp.logical_not,
    "Less": jnp.less,
    "LessEqual": jnp.less_equal,
    "Greater": jnp.greater,
    "GreaterEqual": jnp.greater_equal,
    "NotEqual": jnp.not_equal,
    "Negative": jnp.negative,
    "Absolute": jnp.abs,
    "GetItem": get_item,
}
"""What Python's operators do to symbols, under the names of Keras's operations."""


def _operator(kind: str) -> Any:
    """The method of an operator with the symbol on its left."""
    return lambda self, other: _combined(kind, self, other)


def _reflected(kind: str) -> Any:
    """The method of an operator with the symbol on its right."""
    return lambda self, other: _combined(kind, other, self)


def _unary(kind: str) -> Any:
    return lambda self: record(OPERATORS[kind], (self,), {}, kind=kind)


def _combined(kind: str, a: Any, b: Any) -> Any:
    """An operator on two values that go together, as a layer."""
    from jkeras.core.tracing import edges

    for value in (a, b):
        if not hasattr(value, "shape") and not isinstance(value, int | float | list):
            raise TypeError(
                f"{kind} of {edges((a, b))}: expected an array, a number or a symbol, got "
                f"{describe(value)}."
            )
    a, b = (np.asarray(value) if isinstance(value, list) else value for value in (a, b))
    shapes = [getattr(value, "shape", ()) for value in (a, b)]
    axes = zip(*(reversed(shape) for shape in shapes), strict=False)
    if kind != "Matmul" and any(len({m, n} - {1, None}) > 1 for m, n in axes):
        raise ValueError(
            f"{kind} of {' and '.join(map(edges, (a, b)))}: expected equal sizes (or 1) axis by "
            "axis, counted from the last."
        )
    return record(OPERATORS[kind], (a, b), {}, kind=kind)


class Symbol:
    """A value that is known by shape and dtype only. Keras calls it KerasTensor.

    Args:
      shape: its sizes, None for an axis of any size; the first axis counts the examples.
      dtype: its dtype.
      name: for messages.

    Attributes:
      node: the call that made it, or None.

    Example:
      >>> import jkeras
      >>> x = jkeras.KerasTensor((None, 4), name="x")
      >>> x, (x[:, None] * 2.0).shape
      (<Symbol shape=(None, 4), dtype=float32, name=x>, (None, 1, 4))
      >>> x.shape, x.ndim, x.dtype == "float32"
      ((None, 4), 2, True)

    Source: `keras.KerasTensor`.
    """

    __slots__ = ("__weakref__", "dtype", "name", "node", "shape")
    __array_ufunc__ = None  # so that `array * symbol` asks the symbol
    node: Node | None

    def __init__(self, shape: Any, dtype: Any = "float32", name: str | None = None) -> None:
        self.shape: Shape = tuple(shape)
        self.dtype = dtype_of(dtype)
        self.name = name
        self.node = None

    @property
    def ndim(self) -> int:
        """The number of axes, the batch axis included."""
        return len(self.shape)

    @property
    def rank(self) -> int:
        """The number of axes, the batch axis included."""
        return len(self.shape)

    @property
    def size(self) -> int | None:
        """The number of entries, or None when an axis is unknown."""
        known = [n for n in self.shape if n is not None]
        return math.prod(known) if len(known) == self.ndim else None

    def reshape(self, *newshape: Any) -> Any:
        """Reshaped; the batch axis is one of the sizes, -1 where it is unknown."""
        shape = newshape[0] if len(newshape) == 1 else newshape
        return record(jnp.reshape, (self, shape), {})

    def squeeze(self, axis: Any = None) -> Any:
        """Without the axes of size one, or without `axis`."""
        return record(jnp.squeeze, (self, axis), {})

    def __repr__(self) -> str:
        return f"<Symbol shape={self.shape}, dtype={self.dtype}, name={self.name}>"

    __add__, __radd__ = _operator("Add"), _reflected("Add")
    __sub__, __rsub__ = _operator("Subtract"), _reflected("Subtract")
    __mul__, __rmul__ = _operator("Multiply"), _reflected("Multiply")
    __truediv__, __rtruediv__ = _operator("TrueDivide"), _reflected("TrueDivide")
    __floordiv__, __rfloordiv__ = _operator("FloorDivide"), _reflected("FloorDivide")
    __mod__, __rmod__ = _operator("Mod"), _reflected("Mod")
    __pow__, __rpow__ = _operator("Power"), _reflected("Power")
    __matmul__, __rmatmul__ = _operator("Matmul"), _reflected("Matmul")
    __and__, __rand__ = _operator("LogicalAnd"), _reflected("LogicalAnd")
    __or__, __ror__ = _operator("LogicalOr"), _reflected("LogicalOr")
    __xor__, __rxor__ = _operator("LogicalXor"), _reflected("LogicalXor")
    __lt__, __le__ = _operator("Less"), _operator("LessEqual")
    __gt__, __ge__ = _operator("Greater"), _operator("GreaterEqual")
    __ne__ = _operator("NotEqual")
    __neg__, __abs__ = _unary("Negative"), _unary("Absolute")
    __invert__ = _unary("LogicalNot")

    def __getitem__(self, item: Any) -> Any:
        _check_index(self, item)
        return record(get_item, (self, item), {}, kind="GetItem")

    def _is_no_array(self, wanted: str, fix: str) -> NoReturn:
        raise TypeError(
            f"{self!r} stands for a value that is not there yet, so it has no {wanted}. {fix}"
        )

    def __bool__(self) -> bool:
        self._is_no_array("truth", "Choose inside the model: jkeras.ops.where(condition, a, b).")

    def __iter__(self) -> Iterator[Any]:
        self._is_no_array("items to walk over", "Index it, x[:, 0], or use jkeras.ops.unstack.")

    def __len__(self) -> int:
        self._is_no_array("length", "Its shape is x.shape, with None for the batch.")

    def __float__(self) -> float:
        self._is_no_array("number", "Give the data to the model: model(x).")

    def __int__(self) -> int:
        self._is_no_array("number", "Give the data to the model: model(x).")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        self._is_no_array("array", "Use jkeras.ops, or a layer, in place of the NumPy function.")


def _no_jax_array(symbol: Symbol) -> NoReturn:
    """What JAX hears that looks for the array: it goes on after a TypeError, and not after this."""
    raise ValueError(
        f"{symbol!r} stands for a value that is not there yet, so it has no array. Use "
        "jkeras.ops, or a layer, in place of the JAX function."
    )


setattr(Symbol, "__jax_array__", property(_no_jax_array))  # noqa: B010  # mypy: a method elsewhere


def _check_index(symbol: Symbol, item: Any) -> None:
    """Raises for a number outside of an axis of known size, which JAX would move to its end."""
    items = item if isinstance(item, tuple) else (item,)
    plain = int, np.integer, slice, type(None), type(Ellipsis)
    if not all(isinstance(part, plain) for part in items):
        return  # arrays are checked, or moved, by JAX
    used = sum(part is not None and part is not Ellipsis for part in items)
    axis = 0
    for part in items:
        size = symbol.shape[axis] if axis < symbol.ndim else None
        if isinstance(part, int | np.integer) and size is not None and not -size <= part < size:
            raise ValueError(
                f"{symbol!r}: expected an index from {-size} to {size - 1} for axis {axis}, got "
                f"{part}."
            )
        axis += symbol.ndim - used if part is Ellipsis else int(part is not None)


class Node:
    """One call of a layer on symbols.

    Attributes:
      layer: what was called.
      args: what `apply` gets by position: symbols, structures of them, constants.
      options: what it gets by name.
      given: the arguments as they were written.
      outputs: the symbols it gave, in the structure that `apply` returns.
      serial: grows from call to call.
    """

    __slots__ = ("args", "given", "layer", "options", "outputs", "serial")

    def __init__(self, layer: Any, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.layer, self.args, self.options = layer, args, options
        self.outputs: Any = None
        self.given: tuple[Any, Any] = (args, options)
        self.serial = next_serial()

    @property
    def inputs(self) -> list[Symbol]:
        """The symbols among the arguments."""
        return symbols_in((self.args, self.options))

    def give(self, outputs: Any) -> Any:
        """Makes these symbols the outputs of this call; returns them."""
        self.outputs = outputs
        for symbol in jax.tree.leaves(outputs):
            symbol.node = self
        return outputs


def symbols_in(tree: Any) -> list[Symbol]:
    """The symbols among the leaves of a structure."""
    return [leaf for leaf in jax.tree.leaves(tree) if isinstance(leaf, Symbol)]


def has_symbols(*values: Any) -> bool:
    """Whether a value is a symbol, or a list, tuple or dict with one in it."""
    for value in values:
        if isinstance(value, Symbol):
            return True
        if isinstance(value, list | tuple) and has_symbols(*value):
            return True
        if isinstance(value, dict) and has_symbols(*value.values()):
            return True
    return False


def record(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    kind: str = "",
) -> Any:
    """A call of a pure function of arrays, as a layer of the graph.

    Args:
      function: maps arrays to arrays, and keeps nothing. Its name becomes the layer's.
      args: what it is called with: symbols, structures of them, and constants.
      kwargs: the same by name.
      kind: what the layer is called in a summary; made of the function's name when left out.

    Returns:
      The symbols of its outputs, in its structure.

    Raises:
      TypeError, ValueError: what the function says to these shapes, with the layers named that
        made the symbols.

    Example:
      >>> from jkeras import Input
      >>> record(jnp.concatenate, ([Input((2,)), Input((3,))],), {"axis": -1}).shape
      (None, 5)
    """
    from jkeras.core.operations import Operation, template

    arguments, symbols = template((args, kwargs))
    return call(Operation(function, arguments, kind), tuple(symbols), {}, (args, kwargs))


def call(layer: Any, args: tuple[Any, ...], options: dict[str, Any], given: tuple[Any, Any]) -> Any:
    """The symbols of the outputs of a layer called on symbols.

    Args:
      layer: the layer.
      args: what its `apply` gets after params and state, in its own order.
      options: what it gets by name.
      given: the arguments as they were written.
    """
    from jkeras.core.tracing import traced_outputs

    node = Node(layer, args, options)
    node.given = given
    outputs = node.give(traced_outputs(layer, args, options))
    identity_of(layer).nodes.append(node)
    return outputs


__all__ = ["Node", "Shape", "Symbol", "call", "get_item", "has_symbols", "record", "symbols_in"]
