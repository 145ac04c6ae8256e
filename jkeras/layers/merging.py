"""Layers with several inputs and one output.

Masks of sums, means and the like are joined by "or": a step is real if it is real in any input; if
one input has no mask, the outputs have none. Products, maxima and minima skip masked steps.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import jax.numpy as jnp
from jax import lax

from jkeras.core.arrays import as_jax
from jkeras.core.errors import WrongTypeError, describe, type_error
from jkeras.core.keys import Key
from jkeras.core.layer import Array, Layer, Params, State, option
from jkeras.core.symbols import Symbol, has_symbols
from jkeras.layers.deterministic import cast_floating

if TYPE_CHECKING:
    import numpy as np
    from jax.typing import ArrayLike

    from jkeras.core.typing import Masks


def checked_shapes(layer: Layer, inputs: Sequence[Any], *, exactly_two: bool = False) -> list[Any]:
    """The shapes of two inputs or more; raises a ValueError for another number of inputs."""
    if len(inputs) < 2 or (exactly_two and len(inputs) > 2):
        expected = "two inputs" if exactly_two else "two inputs or more"
        fix = "Give them in a list: layer([a, b])."
        raise layer.value_error(expected, len(inputs), fix)
    return [tuple(x.shape) for x in inputs]


def same_rank(layer: Layer, inputs: tuple[Any, ...]) -> list[Array]:
    """The inputs as floating arrays of one rank that broadcast together; raises for others."""
    shapes = checked_shapes(layer, inputs)
    pairs_fit = all(len({n for n in axis if n != 1}) < 2 for axis in zip(*shapes, strict=False))
    if len({len(shape) for shape in shapes}) > 1 or not pairs_fit:
        raise layer.value_error("inputs of one shape (or 1 on an axis)", shapes)
    return [layer.cast(x) for x in inputs]


class Merge(Layer):
    """Base of the layers that combine their inputs entry by entry.

    Shapes: equal, or equal but for axes of size 1, which stretch. Two inputs or more:
    `apply(params, state, a, b, c)`.
    """

    supports_masking: ClassVar[bool] = True
    makes_masks: ClassVar[bool] = False

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
        mask: Sequence[ArrayLike | None] | None = None,
    ) -> tuple[Array, State]:
        """`Layer.apply`; `mask` is a tuple with a mask or None for each input."""
        arrays = same_rank(self, inputs)
        if mask is None:
            return self.merge(arrays), state
        masks = [
            None
            if m is None
            else jnp.broadcast_to(lax.expand_dims(m, range(m.ndim, x.ndim)), x.shape)
            for m, x in zip(one_mask_each(self, mask, inputs), arrays, strict=True)
        ]
        return self.merge_masked(arrays, masks), state

    def merge(self, arrays: list[Array]) -> Array:
        """The combination of floating arrays that broadcast together."""
        raise NotImplementedError(f"{self.who}: expected the class to define `merge`.")

    def merge_masked(self, arrays: list[Array], masks: list[Array | None]) -> Array:
        """The combination with masks, which have the shapes of the arrays."""
        return self.merge(arrays)

    def compute_mask(
        self, inputs: Sequence[Array | np.ndarray], mask: Sequence[ArrayLike | None] | None = None
    ) -> Any:
        """True where any input is unmasked; None unless every input has a mask."""
        masks = (None,) if mask is None else one_mask_each(self, mask, inputs)
        if any(m is None for m in masks):
            return None
        return functools.reduce(jnp.logical_or, masks)


def one_mask_each(layer: Layer, mask: Masks, inputs: Sequence[Any]) -> tuple[Any, ...]:
    """`mask` as a tuple, one mask or None for each input; raises for another number of them."""
    if not isinstance(inputs, tuple | list):
        raise layer.value_error("`inputs` as a list", describe(inputs))
    if isinstance(mask, tuple | list) and len(mask) == len(inputs):
        return tuple(m if m is None or has_symbols(m) else jnp.asarray(m) for m in mask)
    got = len(mask) if isinstance(mask, tuple | list) else describe(mask)
    expected = f"`mask` as a tuple, a mask or None for each of {len(inputs)} inputs"
    raise layer.value_error(expected, got)


class Add(Merge):
    """The sum of its inputs: `apply(params, state, a, b, c)`. Source: `keras.layers.Add`."""

    def merge(self, arrays: list[Array]) -> Array:
        return functools.reduce(jnp.add, arrays)


class Subtract(Merge):
    """The first of two inputs minus the second. Source: `keras.layers.Subtract`."""

    def merge(self, arrays: list[Array]) -> Array:
        checked_shapes(self, arrays, exactly_two=True)
        return arrays[0] - arrays[1]


class Multiply(Merge):
    """The product of its inputs, entry by entry. Source: `keras.layers.Multiply`."""

    def merge(self, arrays: list[Array]) -> Array:
        return functools.reduce(jnp.multiply, arrays)

    def merge_masked(self, arrays: list[Array], masks: list[Array | None]) -> Array:
        pairs = zip(arrays, masks, strict=True)
        product = self.merge([x if m is None else jnp.where(m, x, 1) for x, m in pairs])
        known = [m for m in masks if m is not None]
        if len(known) < len(masks):
            return product
        return jnp.where(functools.reduce(jnp.logical_or, known), product, 0)


class Average(Merge):
    """The mean of its inputs, entry by entry. Source: `keras.layers.Average`."""

    def merge(self, arrays: list[Array]) -> Array:
        return functools.reduce(jnp.add, arrays) / len(arrays)


def _broadcast(mask: Array, shape: tuple[int, ...]) -> Array:
    """A mask without the last axes of `shape` in that shape."""
    return jnp.broadcast_to(lax.expand_dims(mask, range(mask.ndim, len(shape))), shape)


class Extreme(Merge):
    """Base of Maximum and Minimum."""

    choose: ClassVar[Any]
    """A function of two arrays: which entries are kept."""

    def merge(self, arrays: list[Array]) -> Array:
        return functools.reduce(type(self).choose, arrays)

    def merge_masked(self, arrays: list[Array], masks: list[Array | None]) -> Array:
        """The extreme of the unmasked entries; the last entry if all are masked."""
        outputs, real = arrays[0], masks[0]
        for x, mask in zip(arrays[1:], masks[1:], strict=True):
            new = x if mask is None else jnp.where(mask, x, outputs)
            old = outputs if real is None else jnp.where(real, outputs, new)
            outputs = type(self).choose(old, new)
            real = None if real is None or mask is None else real | mask
        return outputs


class Maximum(Extreme):
    """The largest of its inputs, entry by entry. Source: `keras.layers.Maximum`."""

    choose = jnp.maximum


class Minimum(Extreme):
    """The smallest of its inputs, entry by entry. Source: `keras.layers.Minimum`."""

    choose = jnp.minimum


class Concatenate(Layer):
    """Its inputs one after the other along `axis`.

    Shapes: equal but for `axis`. Two inputs or more; integers stay integers.

    Args:
      axis: the axis that grows, batch axis included.

    Raises:
      ValueError: the shapes differ elsewhere, or have no such axis.

    Source: `keras.layers.Concatenate`.
    """

    supports_masking: ClassVar[bool] = True
    makes_masks: ClassVar[bool] = False

    axis: int = option(default=-1, convert=operator.index)

    def compute_mask(
        self, inputs: Sequence[Array | np.ndarray], mask: Sequence[ArrayLike | None] | None = None
    ) -> Any:
        """The concatenated masks, or the masks joined by "or" if `axis` is the feature axis; an
        input without a mask counts as unmasked.
        """
        masks = () if mask is None else one_mask_each(self, mask, inputs)
        rank = max((m.ndim for m in masks if m is not None), default=0)
        if rank == 0:
            return None
        pairs = zip(masks, inputs, strict=True)
        whole = [jnp.ones(x.shape[:rank], bool) if m is None else m for m, x in pairs]
        axis = self.axis % inputs[0].ndim
        return (
            jnp.concatenate(whole, axis) if axis < rank else functools.reduce(jnp.logical_or, whole)
        )

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Array, State]:
        shapes = checked_shapes(self, inputs)
        if len({self._without_axis(shape) for shape in shapes}) > 1:
            raise self.value_error(f"inputs of one shape but for axis {self.axis}", shapes)
        arrays = [cast_floating(self, x) for x in inputs]
        if len({x.dtype for x in arrays}) > 1:
            arrays = [self.cast(x) for x in inputs]
        return jnp.concatenate(arrays, self.axis), state

    def _without_axis(self, shape: tuple[int, ...]) -> tuple[int | None, ...]:
        if not -len(shape) <= self.axis < len(shape):
            raise self.value_error(
                "`axis` to name an axis of the inputs", f"{self.axis} for inputs of shape {shape}"
            )
        position = self.axis % len(shape)
        return tuple(None if axis == position else n for axis, n in enumerate(shape))


def _dot_axes(value: object) -> int | tuple[int, int]:
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    integers = all(isinstance(axis, int) and not isinstance(axis, bool) for axis in pair)
    if len(pair) != 2 or not integers:
        raise WrongTypeError(f"expected an axis number or two of them, got {describe(value)}.")
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

    supports_masking: ClassVar[bool] = True
    makes_masks: ClassVar[bool] = False

    axes: int | tuple[int, int] = option(convert=_dot_axes)
    normalize: bool = False

    def compute_mask(
        self, inputs: Sequence[Array | np.ndarray], mask: Sequence[ArrayLike | None] | None = None
    ) -> None:
        """None: the outputs have no axis of steps, or two."""

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Array, State]:
        pair = [self.cast(x) for x in inputs]
        over = self._summed_axes(checked_shapes(self, pair, exactly_two=True))
        if self.normalize:
            pair = [_unit(x, axis) for x, axis in zip(pair, over, strict=True)]
        outputs = lax.dot_general(pair[0], pair[1], (((over[0],), (over[1],)), ((0,), (0,))))
        return (outputs if outputs.ndim > 1 else outputs[:, None]), state

    def _summed_axes(self, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
        pair = self.axes if isinstance(self.axes, tuple) else (self.axes, self.axes)
        sizes = [
            shape[axis] if -len(shape) < axis < len(shape) else None
            for shape, axis in zip(shapes, pair, strict=True)
        ]
        if None in sizes or sizes[0] != sizes[1] or shapes[0][0] != shapes[1][0]:
            raise self.value_error(
                f"inputs of equal size on `axes` {self.axes} and on the batch axis",
                f"shapes {shapes}",
            )
        return tuple(axis % len(shape) for shape, axis in zip(shapes, pair, strict=True))


def _unit(x: Array, axis: int) -> Array:
    """`x` divided by its length along `axis`; by 1e-7 where the length is less."""
    squares = jnp.sum(x * x, axis, keepdims=True)
    is_zero = squares == 0  # where the derivative of the root has no value
    return x * jnp.minimum(lax.rsqrt(jnp.where(is_zero, 1, squares)), 1e7)


# The layers as functions: `add([a, b])` is `Add()([a, b])`. On arrays the functions return arrays,
# since merging needs no weights; on symbols they return the symbol of a new layer of the graph.


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
    return layer.apply({}, {}, *[as_jax(x) for x in inputs])[0]


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
