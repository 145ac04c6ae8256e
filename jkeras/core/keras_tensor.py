"""Symbols with Python's operators, the values that users write models with.

    hidden = Input((4,)) * 2.0 + 1.0

An operator makes a layer (`core.operations.Operation`), under the name of Keras's operation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.operations import record
from jkeras.core.symbols import Symbol
from jkeras.core.tracing import edges, spec


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


_UFUNCS: dict[Any, str] = {
    np.add: "Add",
    np.subtract: "Subtract",
    np.multiply: "Multiply",
    np.true_divide: "TrueDivide",
    np.floor_divide: "FloorDivide",
    np.remainder: "Mod",
    np.power: "Power",
    np.matmul: "Matmul",
    np.bitwise_and: "LogicalAnd",
    np.bitwise_or: "LogicalOr",
    np.bitwise_xor: "LogicalXor",
    np.less: "Less",
    np.less_equal: "LessEqual",
    np.greater: "Greater",
    np.greater_equal: "GreaterEqual",
    np.not_equal: "NotEqual",
}
"""What NumPy calls for the operators."""


def _operator(kind: str) -> Any:
    """The method of an operator with the symbol on its left."""
    return lambda self, other: _combined(kind, self, other)


def _reflected(kind: str) -> Any:
    """The method of an operator with the symbol on its right."""
    return lambda self, other: _combined(kind, other, self)


def _unary(kind: str) -> Any:
    return lambda self: record(OPERATORS[kind], (self,), {}, kind=kind)


def _combined(kind: str, a: object, b: object) -> Any:
    """An operator on two values that go together, as a layer."""
    for value in (a, b):
        if not hasattr(value, "shape") and not isinstance(value, int | float | list):
            raise WrongTypeError(
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


def _mask_of(symbol: object) -> Any:
    """The mask of a symbol, as a symbol that the same layer's `compute_mask` makes, or None."""
    node = symbol.node if isinstance(symbol, Symbol) else None
    if node is None:
        return None
    layer, masks = node.layer, tuple(map(_mask_of, node.args))
    if node.options.get("mask") is not None:
        masks = (node.options["mask"], *masks[1:])
    is_masked = layer.supports_masking and any(mask is not None for mask in masks)
    if not (is_masked or layer.makes_masks) or layer.made_of_layers:
        return None

    def compute_mask(args: Any, masks: Any) -> Any:
        args, masks = ((x[0] if len(x) == 1 else x) for x in (args, masks))
        return layer.compute_mask(args, masks)

    leaves, tree = jax.tree.flatten((node.args, masks))
    specs = [spec(leaf) if isinstance(leaf, Symbol) else leaf for leaf in leaves]
    if not jax.tree.leaves(jax.eval_shape(compute_mask, *jax.tree.unflatten(tree, specs))):
        return None
    made = record(compute_mask, (node.args, masks), {}, kind="ComputeMask")
    at = [id(output) for output in jax.tree.leaves(node.outputs)].index(id(symbol))
    listed = made if isinstance(made, tuple | list) else [made]
    return listed[at] if at < len(listed) else None


class KerasTensor(Symbol):
    """A symbol that can be computed with: a value known by shape and dtype only.

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
      (<KerasTensor shape=(None, 4), dtype=float32, name=x>, (None, 1, 4))
      >>> x.shape, x.ndim, x.dtype == "float32"
      ((None, 4), 2, True)

    Source: `keras.KerasTensor`.
    """

    __slots__ = ()

    @property
    def _keras_mask(self) -> Any:
        """The mask that the value will have, as a symbol; None where it will have none, or where a
        model made it.
        """
        return _mask_of(self)

    def reshape(self, *newshape: Any) -> Any:
        """Reshaped; the batch axis is one of the sizes, -1 where it is unknown."""
        shape = newshape[0] if len(newshape) == 1 else newshape
        return record(jnp.reshape, (self, shape), {})

    def squeeze(self, axis: int | Sequence[int] | None = None) -> Any:
        """Without the axes of size one, or without `axis`."""
        return record(jnp.squeeze, (self, axis), {})

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

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """NumPy's operators with an array on the left: `array * symbol`."""
        if ufunc is np.equal:
            return False  # symbols are equal to themselves alone
        kind = _UFUNCS.get(ufunc)
        if kind is None or method != "__call__" or kwargs:
            return super().__array_ufunc__(ufunc, method, *inputs, **kwargs)
        return _combined(kind, *inputs)

    def __getitem__(self, item: object) -> Any:
        _check_index(self, item)
        return record(get_item, (self, item), {}, kind="GetItem")


def _check_index(symbol: Symbol, item: object) -> None:
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
