"""Symbols: values that a layer will get when a model runs, with their shape, dtype and origin.

`Input((784,))` makes one, a layer called on symbols gives others, and so do operators and the
functions of `jkeras.ops`. Each symbol remembers the call that made it (its `Node`), so the symbols
that a model returns tell all its layers: `models.Graph` reads them off.

This file holds what a symbol is. `core.tracing` finds the shapes of a layer's outputs,
`core.calling` calls a layer on symbols, and `core.keras_tensor` has the symbols with arithmetic
that users meet: an operator is a layer, and so lies above layers.

Laws: a symbol holds no array; what a layer gives for a symbol is of the symbol's class.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn, Self

import jax

from jkeras.core.identity import next_serial
from jkeras.core.trees import dtype_name, dtype_of

if TYPE_CHECKING:
    import numpy as np

Shape = tuple[int | None, ...]


class Symbol:
    """A value that is known by shape and dtype only; `KerasTensor` documents the arguments."""

    __slots__ = ("__weakref__", "dtype", "name", "node", "shape")
    node: Node | None

    def __init__(
        self, shape: Iterable[int | None], dtype: object = "float32", name: str | None = None
    ) -> None:
        self.shape: Shape = tuple(shape)
        self.dtype = dtype_of(dtype)
        self.name = name
        self.node = None

    @property
    def ndim(self) -> int:
        """The number of axes, the batch axis included."""
        return len(self.shape)

    rank = ndim

    @property
    def size(self) -> int | None:
        """The number of entries, or None when an axis is unknown."""
        known = [n for n in self.shape if n is not None]
        return math.prod(known) if len(known) == self.ndim else None

    def like(self, shape: Shape, dtype: object) -> Self:
        """A symbol of the same class, with another shape and dtype, that no call has made yet."""
        return type(self)(shape, dtype)

    def __repr__(self) -> str:
        dtype = dtype_name(self.dtype)
        return f"<KerasTensor shape={self.shape}, dtype={dtype}, name={self.name}>"

    def __bool__(self) -> bool:
        _raise(self, "truth", "Choose inside the model: jkeras.ops.where(condition, a, b).")

    def __iter__(self) -> Iterator[Any]:
        _raise(self, "items to walk over", "Index it, x[:, 0], or use jkeras.ops.unstack.")

    def __len__(self) -> int:
        _raise(self, "length", "Its shape is x.shape, with None for the batch.")

    def __float__(self) -> float:
        _raise(self, "number", "Give the data to the model: model(x).")

    def __int__(self) -> int:
        _raise(self, "number", "Give the data to the model: model(x).")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        del inputs, kwargs
        function = f"np.{ufunc.__name__}" if method == "__call__" else "the NumPy function"
        _raise(self, "array", f"Use jkeras.ops, or a layer, in place of {function}.")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        _raise(self, "array", "Use jkeras.ops, or a layer, in place of the NumPy function.")


def _raise(symbol: Symbol, thing: str, fix: str, kind: type[Exception] = TypeError) -> NoReturn:
    raise kind(f"{symbol!r} stands for a value that is not there yet, so it has no {thing}. {fix}")


_NO_ARRAY = "Use jkeras.ops, or a layer, in place of the JAX function."
# A ValueError, because JAX continues after a TypeError. mypy: a method elsewhere.
_jax_array = property(lambda symbol: _raise(symbol, "array", _NO_ARRAY, ValueError))
setattr(Symbol, "__jax_array__", _jax_array)  # noqa: B010


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

    def give(self, outputs: object) -> Any:
        """Makes these symbols the outputs of this call; returns them."""
        self.outputs = outputs
        for symbol in jax.tree.leaves(outputs):
            symbol.node = self
        return outputs


def symbols_in(tree: object) -> list[Symbol]:
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
