"""Layers with several inputs and one output."""

from __future__ import annotations

import functools
import operator
from typing import Any

import jax.numpy as jnp
from jax import lax

from jkeras.core.errors import describe
from jkeras.core.keys import Key
from jkeras.core.layer import Array, Layer, Params, State, option
from jkeras.layers.reshaping import kept


def at_least_two(layer: Layer, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The inputs.

    Raises:
      ValueError: fewer than two.
    """
    if len(inputs) < 2:
        raise ValueError(
            f"{layer.who}: expected two inputs or more, got {len(inputs)}. "
            "Pass them side by side: apply(params, state, a, b)."
        )
    return inputs


def exactly_two(layer: Layer, arrays: list[Array]) -> list[Array]:
    """The inputs.

    Raises:
      ValueError: not two.
    """
    if len(arrays) != 2:
        raise ValueError(
            f"{layer.who}: expected two inputs, got {len(arrays)}. "
            "Pass them side by side: apply(params, state, a, b)."
        )
    return arrays


def same_rank(layer: Layer, inputs: tuple[Any, ...]) -> list[Array]:
    """The inputs as arrays of one rank that broadcast together.

    Raises:
      ValueError: fewer than two inputs, ranks that differ, or shapes that do not broadcast.
    """
    shapes = [tuple(x.shape) for x in at_least_two(layer, inputs)]
    pairs_fit = all(len({n for n in axis if n != 1}) < 2 for axis in zip(*shapes, strict=False))
    if len({len(shape) for shape in shapes}) > 1 or not pairs_fit:
        raise ValueError(
            f"{layer.who}: expected inputs of one shape (or 1 on an axis), got {shapes}."
        )
    return [layer.cast(x) for x in inputs]


class Merge(Layer):
    """What the layers share that combine their inputs entry by entry.

    Shapes: equal, or equal but for axes of size 1, which stretch. Two inputs or more:
    `apply(params, state, a, b, c)`.
    """

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Array, State]:
        return self.merge(same_rank(self, inputs)), state

    def merge(self, arrays: list[Array]) -> Array:
        """The combination of floating arrays that broadcast together."""
        raise NotImplementedError(f"{self.who}: expected the class to define `merge`.")


class Add(Merge):
    """The sum of its inputs: `apply(params, state, a, b, c)`. Source: `keras.layers.Add`."""

    def merge(self, arrays: list[Array]) -> Array:
        return functools.reduce(jnp.add, arrays)


class Subtract(Merge):
    """The first of two inputs minus the second. Source: `keras.layers.Subtract`."""

    def merge(self, arrays: list[Array]) -> Array:
        first, second = exactly_two(self, arrays)
        return first - second


class Multiply(Merge):
    """The product of its inputs, entry by entry. Source: `keras.layers.Multiply`."""

    def merge(self, arrays: list[Array]) -> Array:
        return functools.reduce(jnp.multiply, arrays)


class Average(Merge):
    """The mean of its inputs, entry by entry. Source: `keras.layers.Average`."""

    def merge(self, arrays: list[Array]) -> Array:
        return functools.reduce(jnp.add, arrays) / len(arrays)


class Maximum(Merge):
    """The largest of its inputs, entry by entry. Source: `keras.layers.Maximum`."""

    def merge(self, arrays: list[Array]) -> Array:
        return functools.reduce(jnp.maximum, arrays)


class Minimum(Merge):
    """The smallest of its inputs, entry by entry. Source: `keras.layers.Minimum`."""

    def merge(self, arrays: list[Array]) -> Array:
        return functools.reduce(jnp.minimum, arrays)


class Concatenate(Layer):
    """Its inputs one after the other along `axis`.

    Shapes: equal but for `axis`. Two inputs or more; integers stay integers.

    Args:
      axis: the axis that grows, batch axis included.

    Raises:
      ValueError: the shapes differ elsewhere, or have no such axis.

    Source: `keras.layers.Concatenate`.
    """

    axis: int = option(default=-1, convert=operator.index)

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Array, State]:
        shapes = [tuple(x.shape) for x in at_least_two(self, inputs)]
        others = {self._without_axis(shape) for shape in shapes}
        if len(others) > 1:
            raise ValueError(
                f"{self.who}: expected inputs of one shape but for axis {self.axis}, got {shapes}."
            )
        return jnp.concatenate(self._of_one_dtype(inputs), self.axis), state

    def _without_axis(self, shape: tuple[int, ...]) -> tuple[int | None, ...]:
        if not -len(shape) <= self.axis < len(shape):
            raise ValueError(
                f"{self.who}: expected `axis` to name an axis of the inputs, got {self.axis} for "
                f"inputs of shape {shape}."
            )
        position = self.axis % len(shape)
        return tuple(None if axis == position else n for axis, n in enumerate(shape))

    def _of_one_dtype(self, inputs: tuple[Any, ...]) -> list[Array]:
        arrays = [kept(self, x) for x in inputs]
        same = len({x.dtype for x in arrays}) == 1
        return arrays if same else [self.cast(x) for x in arrays]


def _dot_axes(value: Any) -> int | tuple[int, int]:
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    integers = all(isinstance(axis, int) and not isinstance(axis, bool) for axis in pair)
    if len(pair) != 2 or not integers:
        raise TypeError(f"expected an axis number or two of them, got {describe(value)}.")
    if 0 in pair:
        raise ValueError(f"expected axes behind the batch axis, got {value!r}.")
    return pair if isinstance(value, tuple | list) else pair[0]


class Dot(Layer):
    """The products of two inputs summed over one axis of each, example by example.

    Shapes: `[batch, ..., n, ...]` and `[batch, ..., n, ...]` to `[batch, rest of the first, rest of
    the second]`, and `[batch, 1]` where no axes are left.

    Args:
      axes: the axis that is summed, in both inputs; or two axes, one for each.
      normalize: divide the vectors along these axes by their length first: cosines.

    Raises:
      ValueError: other than two inputs, no such axis, or sizes that differ.

    Source: `keras.layers.Dot`.
    """

    axes: int | tuple[int, int] = option(convert=_dot_axes)
    normalize: bool = False

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Array, State]:
        pair = exactly_two(self, [self.cast(x) for x in inputs])
        over = self._summed_axes(pair)
        if self.normalize:
            pair = [_unit(x, axis) for x, axis in zip(pair, over, strict=True)]
        outputs = lax.dot_general(pair[0], pair[1], (((over[0],), (over[1],)), ((0,), (0,))))
        return (outputs if outputs.ndim > 1 else outputs[:, None]), state

    def _summed_axes(self, pair: list[Array]) -> tuple[int, ...]:
        wanted = self.axes if isinstance(self.axes, tuple) else (self.axes, self.axes)
        shapes = [x.shape for x in pair]
        named = zip(shapes, wanted, strict=True)
        sizes = [s[axis] if -len(s) < axis < len(s) else None for s, axis in named]
        if None in sizes or sizes[0] != sizes[1] or shapes[0][0] != shapes[1][0]:
            raise ValueError(
                f"{self.who}: expected inputs of equal size on `axes` {self.axes} and on the batch "
                f"axis, got shapes {shapes}."
            )
        return tuple(axis % len(s) for s, axis in zip(shapes, wanted, strict=True))


def _unit(x: Array, axis: int) -> Array:
    """`x` divided by its length along `axis`; by 1e-7 where the length is less."""
    return x * jnp.minimum(lax.rsqrt(jnp.sum(x * x, axis, keepdims=True)), 1e7)
