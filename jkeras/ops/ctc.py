"""Connectionist temporal classification of one sequence: the sum over paths, step by step.

A path has one symbol, or the blank, at every step; without repetitions and blanks it is a label
sequence. Laws: labels beyond `count` and steps beyond `steps` change nothing.
"""

from __future__ import annotations

from typing import Any

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


def most_probable(
    log_p: Array, steps: Array, *, blank: int, beam_width: int
) -> tuple[Array, Array]:
    """The label sequences of the largest probability that a beam search finds, best first.

    A beam is a label sequence with the probability of its paths that end in a blank, and of those
    that do not. At every step it stays as it is, by a blank or by its last label again, or grows by
    one label; a sequence that grows into another beam adds its probability to that one.

    Args:
      log_p: `[steps, classes]` logarithms of probabilities.
      steps: how many steps count, int32.
      blank: the class of the blank.
      beam_width: the number of sequences that are kept at every step.

    Returns:
      `[beam_width, steps]` labels, int32, with -1 behind the last, and `[beam_width]` logarithms of
      their probabilities: -inf where there are no more sequences.

    Example:
      >>> log_p = jnp.log(jnp.array([[0.4, 0.6], [0.7, 0.3]]))
      >>> labels, scores = most_probable(log_p, jnp.int32(2), blank=0, beam_width=2)
      >>> labels.tolist(), jnp.exp(scores).round(2).tolist()
      ([[1, -1], [-1, -1]], [0.71..., 0.28...])

    Source: Graves and Jaitly 2014, proceedings.mlr.press/v32/graves14.
    """
    length, classes = log_p.shape
    places, numbers = (jnp.arange(n, dtype=jnp.int32)[None] for n in (length, classes))
    beams = jnp.arange(beam_width, dtype=jnp.int32)

    def step(beam: tuple[Array, ...], slices: tuple[Array, Array]) -> tuple[Any, None]:
        (labels, count, at_blank, at_label), (number, x) = beam, slices
        total = jnp.logaddexp(at_blank, at_label)
        last = jnp.where(count > 0, labels[beams, jnp.maximum(count - 1, 0)], -1)
        before = jnp.where(last[:, None] == numbers, at_blank[:, None], total[:, None])
        grown = jnp.where(numbers == blank, -jnp.inf, before + x[None])
        stay_blank = total + x[blank]
        stay_label = jnp.where(count > 0, at_label + x[last], -jnp.inf)
        # Beam i grows into beam j by the last label of j, unless j is a place without a beam.
        shorter = jnp.where(places < count[:, None] - 1, labels, -1)
        is_parent = (count[:, None] + 1 == count[None]) & (total[None] > -jnp.inf)
        is_parent &= (labels[:, None] == shorter[None]).all(axis=-1)
        from_parent = jnp.where(is_parent, grown[:, last], -jnp.inf).max(axis=0)
        stay_label = jnp.logaddexp(stay_label, from_parent)
        is_there = (is_parent[:, :, None] & (last[:, None] == numbers)[None]).any(axis=1)
        grown = jnp.where(is_there, -jnp.inf, grown)

        stay = jnp.logaddexp(stay_blank, stay_label)
        best, chosen = jax.lax.top_k(jnp.concatenate([grown.ravel(), stay]), beam_width)
        stays = chosen >= grown.size
        origin = jnp.where(stays, chosen - grown.size, chosen // classes)
        added = jnp.where(stays, -1, chosen % classes).astype(jnp.int32)
        after = (
            labels[origin].at[beams, count[origin]].set(added),
            count[origin] + jnp.where(stays, 0, 1),
            jnp.where(stays, stay_blank[origin], -jnp.inf),
            jnp.where(stays, stay_label[origin], best),
        )
        is_step = number < steps
        return tuple(jnp.where(is_step, a, b) for a, b in zip(after, beam, strict=True)), None

    never = jnp.full(beam_width, -jnp.inf, log_p.dtype)
    labels = jnp.full((beam_width, length), -1, jnp.int32)
    start = (labels, jnp.zeros(beam_width, jnp.int32), never.at[0].set(0), never)
    (labels, _, at_blank, at_label), _ = jax.lax.scan(step, start, (places[0], log_p))
    scores, order = jax.lax.top_k(jnp.logaddexp(at_blank, at_label), beam_width)
    return jnp.where(scores[:, None] == -jnp.inf, -1, labels[order]), scores
