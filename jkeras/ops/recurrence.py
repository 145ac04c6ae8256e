"""One recurrence for every recurrent layer: a step function carried along the time axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import lax

Carry = TypeVar("Carry")


def over_time(
    step: Callable[[Carry, jax.Array], tuple[Carry, jax.Array]],
    carry: Carry,
    inputs: jax.Array,
    *,
    reverse: bool = False,
    unroll: bool = False,
) -> tuple[Carry, jax.Array]:
    """Runs `carry, output = step(carry, inputs[:, t])` for every t.

    Args:
      step: pure; carry keeps its structure.
      carry: the initial carry.
      inputs: `[batch, time, ...]`.
      reverse: from the last t to the first.
      unroll: write the steps out instead of looping.

    Returns:
      The last carry, and the outputs `[batch, time, ...]` in the order they were computed.
    """
    sequence = jnp.moveaxis(inputs, 1, 0)
    if reverse:
        sequence = jnp.flip(sequence, 0)
    carry, outputs = lax.scan(step, carry, sequence, unroll=unroll)
    return carry, jnp.moveaxis(outputs, 0, 1)
