"""Connectionist temporal classification of one sequence: the sum over all paths, step by step.

A path has one symbol, or the blank, at every step; without repetitions and blanks it is a label
sequence. Laws: labels beyond `count` and steps beyond `steps` change nothing.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

Array = jax.Array

LATE = -1e5
"""The logarithm of the probability to start behind the first label: all that a target which is too
long for its steps has. Finite, so that gradients are; Keras's number."""

NEVER = -1e30
"""The logarithm of a step that does not exist; far below any path, however long."""


def ctc_of_lengths(
    labels: Array, log_p: Array, count: Array, steps: Array, *, blank: int = 0
) -> Array:
    """-log Σ over paths of Π over steps of p(symbol).

    The 2n + 1 states are a blank, the first label, a blank, …, a blank. At every step a path stays
    in its state, moves by one state, or by two past a blank between different labels.

    Args:
      labels: `[n]` class indices, int32.
      log_p: `[steps, classes]` logarithms of probabilities.
      count: the number of labels, int32.
      steps: the number of steps, int32, at least one.
      blank: the class of the blank.

    Returns:
      A scalar, dtype of `log_p`. A target that needs more steps than there are gives about 1e5.

    Example:
      >>> log_p = jnp.log(jnp.full((2, 2), 0.5))  # 3 of 4 paths
      >>> float(ctc_of_lengths(jnp.array([1]), log_p, jnp.int32(1), jnp.int32(2)).round(4))
      0.2876...

    Source: Graves et al. 2006, doi:10.1145/1143844.1143891.
    """
    states = jnp.full(2 * len(labels) + 1, blank, jnp.int32).at[1::2].set(labels)
    before = jnp.pad(states[:-2], (2, 0), constant_values=blank)
    skips = (jnp.arange(len(states), dtype=jnp.int32) % 2 == 1) & (states != before)
    emitted = log_p[:, states]

    def step(alpha: Array, slices: tuple[Array, Array]) -> tuple[Array, None]:
        number, log_emit = slices
        one, two = _shifted(alpha, 1), jnp.where(skips, _shifted(alpha, 2), NEVER)
        total = jnp.logaddexp(jnp.logaddexp(alpha, one), two)
        return jnp.where(number < steps, total + log_emit, alpha), None

    # Before the first step a path stands in front of the first blank; it may skip that one.
    start = jnp.full(states.shape, LATE, log_p.dtype).at[:2].set(emitted[0, :2])
    numbers = jnp.arange(1, len(log_p), dtype=jnp.int32)
    alpha, _ = jax.lax.scan(step, start, (numbers, emitted[1:]))
    last = 2 * count
    at_label = jnp.where(last > 0, alpha[jnp.maximum(last - 1, 0)], NEVER)
    return -jnp.logaddexp(alpha[last], at_label)


def _shifted(alpha: Array, by: int) -> Array:
    """`alpha` shifted by some states, with `NEVER` in the first ones."""
    return jnp.pad(alpha[:-by], (by, 0), constant_values=NEVER)
