"""The base of layers without state and randomness, and functions that many layers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax.numpy as jnp

from jkeras.core.arrays import as_jax
from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, Layer, Params, State

if TYPE_CHECKING:
    from jax.typing import ArrayLike


class Deterministic(Layer):
    """Base of the layers whose outputs depend on weights and inputs alone: `compute_outputs`."""

    def apply(
        self,
        params: Params,
        state: State,
        inputs: ArrayLike,
        *,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Array, State]:
        return self.compute_outputs(params, inputs), state

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        """The outputs of `apply`, in training and evaluation alike."""
        raise NotImplementedError(f"{self.who}: expected the class to define `compute_outputs`.")


def cast_floating(layer: Layer, inputs: ArrayLike) -> Array:
    """`inputs`, integers as they are; floating ones cast to the layer's `dtype`, if set."""
    x = as_jax(inputs)
    return layer.cast(x) if jnp.issubdtype(x.dtype, jnp.inexact) else x


def initial_weights(layer: Layer, key: Key, **shapes: tuple[int, ...] | None) -> Params:
    """The weights of these shapes, `recurrent_kernel` by `recurrent_initializer` and so on.

    A weight whose shape is None is left out.
    """
    rules = {
        name: getattr(layer, f"{name.removesuffix('_kernel')}_initializer")
        for name, shape in shapes.items()
        if shape is not None
    }
    return {name: rule(shapes[name], key=child(key, name)) for name, rule in rules.items()}


def checked_mask(
    layer: Layer, mask: ArrayLike, shape: tuple[int, ...], expected: str, got: str = "shape {}"
) -> Array:
    """`mask` as bool; raises the ValueError `expected …, got …` if it has another shape."""
    mask = jnp.asarray(mask)
    if mask.shape != shape:
        raise layer.value_error(expected, got.format(mask.shape))
    return mask.astype(bool)


def broadcasts(shape: Sequence[int], to: Sequence[int]) -> bool:
    """Whether an array of this shape broadcasts along the last axes of one of the shape `to`."""
    tail = to[max(len(to) - len(shape), 0) :]
    pairs = zip(shape, tail, strict=False)
    return len(tail) == len(shape) and all(size in (1, whole) for size, whole in pairs)
