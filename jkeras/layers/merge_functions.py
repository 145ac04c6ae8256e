"""The merging layers as functions: `add([a, b])` is `Add()([a, b])`.

On arrays the functions return arrays, since merging needs no weights; on symbols they return the
symbol of a new layer of the graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from jkeras.core.errors import describe, type_error
from jkeras.core.layer import Layer
from jkeras.core.symbols import Symbol, has_symbols
from jkeras.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
)

if TYPE_CHECKING:
    from jax.typing import ArrayLike


def _merged(name: str, layer: Layer, inputs: Sequence[ArrayLike | Symbol]) -> Any:
    """The layer's outputs for a list of arrays or of symbols."""
    if not isinstance(inputs, list | tuple):
        raise type_error(
            who=name,
            expected="a list of arrays",
            got=describe(inputs),
            fix=f"Write {name}([a, b]).",
        )
    if has_symbols(inputs):
        return layer(list(inputs))
    return layer.apply({}, {}, *[jnp.asarray(x) for x in inputs])[0]


def add(inputs: Sequence[ArrayLike | Symbol], **kwargs: Any) -> Any:
    """The sum of a list of arrays or symbols.

    Args:
      inputs: a list of two or more, of one shape (or 1 on an axis).
      **kwargs: arguments of every layer: `name`, `dtype`.

    Raises:
      TypeError: `inputs` is not a list.
      ValueError: fewer than two inputs, or shapes that differ.

    Example:
      >>> add([jnp.ones((1, 2)), jnp.ones((1, 2))]).tolist()
      [[2.0, 2.0]]

    Source: `keras.layers.add`.
    """
    return _merged("add", Add(**kwargs), inputs)


def subtract(inputs: Sequence[ArrayLike | Symbol], **kwargs: Any) -> Any:
    """The first of two arrays or symbols minus the second. Source: `keras.layers.subtract`."""
    return _merged("subtract", Subtract(**kwargs), inputs)


def multiply(inputs: Sequence[ArrayLike | Symbol], **kwargs: Any) -> Any:
    """The product of a list of arrays or symbols. Source: `keras.layers.multiply`."""
    return _merged("multiply", Multiply(**kwargs), inputs)


def average(inputs: Sequence[ArrayLike | Symbol], **kwargs: Any) -> Any:
    """The mean of a list of arrays or symbols, entry by entry. Source: `keras.layers.average`."""
    return _merged("average", Average(**kwargs), inputs)


def maximum(inputs: Sequence[ArrayLike | Symbol], **kwargs: Any) -> Any:
    """The largest of a list of arrays or symbols, by entry. Source: `keras.layers.maximum`."""
    return _merged("maximum", Maximum(**kwargs), inputs)


def minimum(inputs: Sequence[ArrayLike | Symbol], **kwargs: Any) -> Any:
    """The smallest of a list of arrays or symbols, by entry. Source: `keras.layers.minimum`."""
    return _merged("minimum", Minimum(**kwargs), inputs)


def concatenate(inputs: Sequence[ArrayLike | Symbol], axis: int = -1, **kwargs: Any) -> Any:
    """A list of arrays or symbols one after the other along `axis`.

    Example:
      >>> concatenate([jnp.ones((1, 2)), jnp.zeros((1, 1))]).tolist()
      [[1.0, 1.0, 0.0]]

    Source: `keras.layers.concatenate`.
    """
    return _merged("concatenate", Concatenate(axis, **kwargs), inputs)


def dot(
    inputs: Sequence[ArrayLike | Symbol], axes: int | tuple[int, int] = -1, **kwargs: Any
) -> Any:
    """The products of two arrays or symbols summed over `axes`.

    Args:
      inputs: a list of two.
      axes: the axis that is summed, in both inputs or one for each.
      **kwargs: `normalize`, for cosines, and the arguments of every layer.

    Source: `keras.layers.dot`.
    """
    return _merged("dot", Dot(axes, **kwargs), inputs)
