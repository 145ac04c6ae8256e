"""Batches as tuples of inputs, targets and weights, for a custom `train_step`."""

from __future__ import annotations

from typing import Any

from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.symbols import Node, Symbol, symbols_in
from jkeras.core.trees import Tree


def pack_x_y_sample_weight(x: Tree, y: Tree = None, sample_weight: Tree = None) -> Any:
    """A batch for `fit`: `x`, `(x, y)` or `(x, y, sample_weight)`.

    Args:
      x: inputs; alone, a list or tuple of them becomes a tuple of one.
      y: targets, or None.
      sample_weight: weights, or None; left out without targets.

    Example:
      >>> pack_x_y_sample_weight(1, 2), pack_x_y_sample_weight([1, 2])
      ((1, 2), ([1, 2],))

    Source: `keras.utils.pack_x_y_sample_weight`.
    """
    if y is None:
        return (x,) if isinstance(x, list | tuple) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Tree) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of a batch; None for a missing part.

    Args:
      data: a tuple or list of one to three parts; any other value is `x`.

    Raises:
      ValueError: the tuple is empty, or has more than three parts.

    Example:
      >>> unpack_x_y_sample_weight((1, 2))
      (1, 2, None)

    Source: `keras.utils.unpack_x_y_sample_weight`.
    """
    parts = tuple(data) if isinstance(data, list | tuple) else (data,)
    if not 1 <= len(parts) <= 3:
        raise ValueError(
            "unpack_x_y_sample_weight: `data`: expected x, (x, y) or (x, y, sample_weight), got "
            f"{describe(data)}."
        )
    x, y, weight = (*parts, None, None)[:3]
    return x, y, weight


def get_source_inputs(tensor: Symbol) -> list[Symbol]:
    """The symbols of the inputs that a symbol depends on, each once.

    Args:
      tensor: a symbol, the return value of `Input` or of a layer called on symbols.

    Raises:
      TypeError: `tensor` is not a symbol.

    Example:
      >>> from jkeras import Input
      >>> x = Input((2,))
      >>> get_source_inputs(x * 2 + x)[0] is x
      True

    Source: `keras.utils.get_source_inputs`.
    """
    if not isinstance(tensor, Symbol):
        raise WrongTypeError(f"get_source_inputs: expected a symbol, got {describe(tensor)}.")
    inputs: dict[int, Symbol] = {}
    visited: set[Node] = set()
    queue = [tensor]
    while queue:
        symbol = queue.pop(0)
        node = symbol.node
        if node is None or not symbols_in((node.args, node.options)):
            inputs[id(symbol)] = symbol
        elif node not in visited:
            visited.add(node)
            queue += node.inputs
    return list(inputs.values())
