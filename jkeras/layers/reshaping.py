"""Reshaping layers: the entries of each example in another shape or order.

Laws: integers stay integers; the gradient is the inverse operation; the batch axis does not change.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import jax.numpy as jnp

from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.layer import Array, InSlices, Params, check_rank, option
from jkeras.core.logits import carried
from jkeras.layers.deterministic import Deterministic, cast_floating
from jkeras.layers.options import data_format, positive_int

if TYPE_CHECKING:
    from jax.typing import ArrayLike


class Flatten(Deterministic):
    """Each example as one row: `[batch, ...]` to `[batch, entries]`.

    Args:
      data_format: "channels_first" moves axis 1 to the end before flattening, so that both layouts
        give the same order; "channels_last" is the default.

    Raises:
      ValueError: the inputs have no batch axis.

    Example:
      >>> Flatten().apply({}, {}, jnp.zeros((2, 28, 28)))[0].shape
      (2, 784)

    Source: `keras.layers.Flatten`.
    """

    in_slices: ClassVar[InSlices] = "same"

    data_format: str | None = data_format()

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = cast_floating(self, inputs)
        check_rank(self, x, 1, "[batch, ...]", or_more=True)
        if self.data_format == "channels_first" and x.ndim > 2:
            x = jnp.moveaxis(x, 1, -1)
        return carried(lambda y: y.reshape(x.shape[0], math.prod(x.shape[1:])), x)


def _target_shape(value: object) -> tuple[int, ...]:
    if not isinstance(value, tuple | list):
        fix = f" Write ({value},)." if isinstance(value, int) else ""
        raise WrongTypeError(f"expected a tuple of integers, got {describe(value)}.{fix}")
    if list(value).count(-1) > 1:
        raise ValueError(f"expected at most one -1, got {tuple(value)}.")
    return tuple(-1 if size == -1 else positive_int(size) for size in value)


class Reshape(Deterministic):
    """The entries of each example in another shape: `[batch, ...]` to `[batch, *target_shape]`.

    Args:
      target_shape: positive integers, at most one -1 for the size that follows from the others.

    Raises:
      ValueError: the inputs' entries do not fill the shape.

    Example:
      >>> Reshape((4, -1)).apply({}, {}, jnp.zeros((2, 28)))[0].shape
      (2, 4, 7)

    Source: `keras.layers.Reshape`.
    """

    in_slices: ClassVar[InSlices] = "same"

    target_shape: tuple[int, ...] = option(convert=_target_shape)

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = cast_floating(self, inputs)
        check_rank(self, x, 1, "[batch, ...]", or_more=True)
        return carried(lambda y: y.reshape(x.shape[0], *self._filled(x.shape)), x)

    @property
    def fitting_sizes(self) -> tuple[int, ...]:
        """The number of entries of which an axis of unknown size may have to have a multiple."""
        return (math.prod(size for size in self.target_shape if size != -1),)

    def _filled(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """`target_shape` with -1 replaced by the size that follows from inputs of this shape."""
        entries = math.prod(shape[1:])
        known = math.prod(size for size in self.target_shape if size != -1)
        fits = entries % known == 0 if -1 in self.target_shape else entries == known
        if not fits:
            raise self.value_error(
                f"examples that fill `target_shape` {self.target_shape}",
                f"{entries} entries each, from inputs of shape {shape}",
            )
        return tuple(entries // known if size == -1 else size for size in self.target_shape)


def _order(value: object) -> tuple[int, ...]:
    if not isinstance(value, tuple | list):
        raise WrongTypeError(f"expected a tuple of axis numbers from 1, got {describe(value)}.")
    if sorted(value) != list(range(1, len(value) + 1)):
        raise ValueError(f"expected each axis from 1 to {len(value)} once, got {tuple(value)}.")
    return tuple(value)


class Permute(Deterministic):
    """The axes of each example in another order.

    Args:
      dims: the axes' numbers in their new order, counted from 1: the batch axis stays in front.

    Raises:
      ValueError: the inputs have another number of axes.

    Example:
      >>> Permute((2, 1)).apply({}, {}, jnp.zeros((5, 3, 4)))[0].shape
      (5, 4, 3)

    Source: `keras.layers.Permute`.
    """

    in_slices: ClassVar[InSlices] = "same"

    dims: tuple[int, ...] = option(convert=_order)

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = cast_floating(self, inputs)
        axes = ", ".join(f"axis {i}" for i in range(1, len(self.dims) + 1))
        check_rank(self, x, len(self.dims) + 1, f"[batch, {axes}]")
        return jnp.transpose(x, (0, *self.dims))


class RepeatVector(Deterministic):
    """Each example `n` times along a new axis: `[batch, features]` to `[batch, n, features]`.

    Args:
      n: the number of repetitions.

    Raises:
      ValueError: the inputs have another rank.

    Source: `keras.layers.RepeatVector`.
    """

    n: int = option(convert=positive_int)

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = cast_floating(self, inputs)
        check_rank(self, x, 2, "[batch, features]")
        return jnp.repeat(x[:, None, :], self.n, axis=1)
