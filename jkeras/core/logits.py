"""The logits of probabilities, for cross-entropies whose probabilities have no gradient left.

In float32 a sigmoid is 1 above 17, its derivative 0, and a loss clips it besides: from
probabilities alone a confident mistake is never unlearned. While a program is traced, `sigmoid` and
`softmax` note the argument of each result, and a loss finds it (`losses.base`). Laws: a note lives
as long as the traced result and is valid wherever that is; a result of another operation has none;
arrays outside of programs are never noted.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

LARGEST = 1e20
"""Logits are compared up to here: infinite ones, of masked classes, would make NaN of 0 · ∞."""


class Logits(NamedTuple):
    """The argument of a sigmoid or a softmax.

    Attributes:
      values: an array of the shape of the probabilities.
      axis: that of a softmax, counted from the end; None for a sigmoid.
    """

    values: jax.Array
    axis: int | None

    def of_sigmoid(self) -> jax.Array | None:
        """The logits of a sigmoid with the same probabilities: of two classes their difference."""
        if self.axis is None:
            return self.values
        two = self.values.shape[self.axis] == 2
        return self.values - jnp.flip(self.values, self.axis) if two else None

    def of_softmax(self, axis: int) -> jax.Array | None:
        """The logits of a softmax over `axis` with the same probabilities, each divided by their
        sum.
        """
        if self.axis is None:
            return jax.nn.log_sigmoid(self.values)
        return self.values if self.axis == axis - self.values.ndim * (axis >= 0) else None


_notes: dict[int, tuple[weakref.ref[Any], Logits]] = {}


def noted(probabilities: jax.Array, logits: jax.Array, axis: int | None = None) -> jax.Array:
    """`probabilities`, with a note of their logits if they are traced."""
    if isinstance(probabilities, jax.core.Tracer):
        number = id(probabilities)
        reference = weakref.ref(probabilities, lambda _: _notes.pop(number, None))
        axis = axis if axis is None or axis < 0 else axis - logits.ndim
        _notes[number] = reference, Logits(logits, axis)
    return probabilities


def logits_of(probabilities: object) -> Logits | None:
    """The logits of the result of a sigmoid or softmax, if it is noted."""
    reference, logits = _notes.get(id(probabilities), (None, None))
    return logits if reference is not None and reference() is probabilities else None


def carried(fn: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    """`fn(x)`, with the note of `x`; `fn` casts, or changes axes in front of a softmax's."""
    logits, result = logits_of(x), fn(x)
    if logits is None or result is x:
        return result
    axis = logits.axis
    if axis is not None and result.shape[axis:] != x.shape[axis:]:
        return result
    return noted(result, fn(logits.values), axis)


@jax.custom_jvp
def with_gradient_of(value: jax.Array, other: jax.Array) -> jax.Array:
    """`value`, with the derivatives of `other`, a better form of the same function."""
    del other
    return value


@with_gradient_of.defjvp
def _jvp(
    primals: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array]:
    return with_gradient_of(*primals), tangents[1]
