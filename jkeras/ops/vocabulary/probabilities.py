"""The functions of `keras.ops.nn` that compare predictions with targets, before any mean.

Probabilities are clipped to [1e-7, 1 - 1e-7] before the logarithm, as Keras does; logits take the
stable way.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from jkeras.ops.ctc import ctc_of_lengths, most_probable
from jkeras.ops.vocabulary.arguments import one_word
from jkeras.ops.vocabulary.networks import EPSILON

if TYPE_CHECKING:
    from jax.typing import ArrayLike

Array = jax.Array


def binary_crossentropy(target: Array, output: Array, from_logits: bool = False) -> Array:
    """`-t·log p - (1 - t)·log(1 - p)`, entry by entry."""
    _check_shapes("binary_crossentropy", target, output)
    if from_logits:
        yes, no = jax.nn.log_sigmoid(output), jax.nn.log_sigmoid(-output)
    else:
        p = jnp.clip(output, EPSILON, 1 - EPSILON)
        yes, no = jnp.log(p), jnp.log(1 - p)
    return -(target * yes) - (1 - target) * no


def categorical_crossentropy(
    target: Array, output: Array, from_logits: bool = False, axis: int = -1
) -> Array:
    """`-Σ t·log p` over `axis`: probabilities are divided by their sum first."""
    _check_shapes("categorical_crossentropy", target, output)
    return -jnp.sum(target * _log_probabilities(output, from_logits, axis), axis=axis)


def sparse_categorical_crossentropy(
    target: Array, output: Array, from_logits: bool = False, axis: int = -1
) -> Array:
    """`-log p` of the class that `target` names: `[...]` indices beside `[..., classes]`."""
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = target[..., 0]
    if target.shape != output.shape[:-1]:
        raise ValueError(
            "ops.sparse_categorical_crossentropy: expected `target` of the shape of `output` "
            f"without its last axis, got {target.shape} and {output.shape}."
        )
    codes = jax.nn.one_hot(target.astype(jnp.int32), output.shape[axis], axis=axis)
    log_p = _log_probabilities(output, from_logits, axis)
    return -jnp.sum(codes.astype(log_p.dtype) * log_p, axis=axis)


def ctc_loss(
    target: Array, output: Array, target_length: Array, output_length: Array, mask_index: int = 0
) -> Array:
    """`-log` of the probability of all paths that read as the target, for each sequence.

    Args:
      target: `[batch, labels]` class indices.
      output: `[batch, steps, classes]` logits.
      target_length: `[batch]`, how many labels count.
      output_length: `[batch]`, how many steps count.
      mask_index: the class that is the blank.

    Source: Graves et al. 2006, doi:10.1145/1143844.1143891.
    """
    if target.ndim != 2 or output.ndim != 3 or len(target) != len(output):
        raise ValueError(
            "ops.ctc_loss: expected `target` [batch, labels] beside `output` [batch, steps, "
            f"classes], got shapes {target.shape} and {output.shape}."
        )
    wide = output.astype(jnp.promote_types(output.dtype, jnp.float32))
    log_p = jax.nn.log_softmax(wide)
    lengths = target_length.astype(jnp.int32), output_length.astype(jnp.int32)
    each = jax.vmap(lambda *given: ctc_of_lengths(*given, blank=mask_index))
    return each(target.astype(jnp.int32), log_p, *lengths)


def ctc_decode(
    inputs: Array,
    sequence_lengths: Array,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> tuple[Array, Array]:
    """The most probable labels, blanks and repetitions left out.

    Args:
      inputs: `[batch, steps, classes]`, logits; for "greedy" probabilities, too.
      sequence_lengths: `[batch]`, how many steps count.
      strategy: "greedy" takes the most probable symbol at every step, "beam_search" the label
        sequences whose paths are the most probable together.
      beam_width: how many sequences a beam search keeps at every step.
      top_paths: how many sequences of a beam search to return, best first.
      merge_repeated: whether consecutive equal symbols count once; in a beam search they do.
      mask_index: the class of the blank; None for the last class.

    Returns:
      For "greedy" `[1, batch, steps]` labels with -1 behind the last, and `[batch, 1]` negative
      sums of the largest entries. For "beam_search" `[top_paths, batch, steps]` labels, and
      `[batch, top_paths]` logarithms of the probabilities of the sequences.
    """
    strategy = one_word("ctc_decode", "strategy", strategy, "greedy", "beam_search")
    steps, classes = inputs.shape[1:]
    blank = classes - 1 if mask_index is None else mask_index
    inputs = inputs.astype(jnp.promote_types(inputs.dtype, jnp.float32))
    lengths = sequence_lengths.astype(jnp.int32)
    if strategy == "beam_search":
        if not 1 <= top_paths <= beam_width:
            raise ValueError(
                f"ops.ctc_decode: expected `top_paths` from 1 to `beam_width` {beam_width}, got "
                f"{top_paths}."
            )
        search = partial(most_probable, blank=blank, beam_width=beam_width)
        paths, log_p = jax.vmap(search)(jax.nn.log_softmax(inputs), lengths)
        return jnp.moveaxis(paths[:, :top_paths], 1, 0), log_p[:, :top_paths]
    counts = jnp.arange(steps, dtype=jnp.int32) < lengths[:, None]
    best = jnp.where(counts, jnp.argmax(inputs, axis=-1), blank)
    scores = -jnp.sum(jnp.where(counts, jnp.max(inputs, axis=-1), 0), axis=1, keepdims=True)
    dropped = best == blank
    if merge_repeated:
        again = jnp.pad(best[:, 1:] == best[:, :-1], ((0, 0), (1, 0)))
        dropped = dropped | again
    order = jnp.argsort(dropped, axis=1, stable=True)
    labels = jnp.take_along_axis(jnp.where(dropped, -1, best), order, axis=1)
    return labels[None], scores


def psnr(x1: Array, x2: Array, max_val: ArrayLike) -> Array:
    """The ratio of the largest signal to the mean squared difference, in decibels."""
    _check_shapes("psnr", x1, x2, "x1", "x2")
    error = jnp.mean(jnp.square(x1 - x2))
    return 20 * jnp.log10(jnp.asarray(max_val, error.dtype)) - 10 * jnp.log10(error)


def _log_probabilities(output: Array, from_logits: bool, axis: int) -> Array:
    if from_logits:
        return jax.nn.log_softmax(output, axis=axis)
    p = output / jnp.sum(output, axis=axis, keepdims=True)
    return jnp.log(jnp.clip(p, EPSILON, 1 - EPSILON))


def _check_shapes(
    who: str, one: Array, other: Array, first: str = "target", second: str = "output"
) -> None:
    if one.shape != other.shape:
        raise ValueError(
            f"ops.{who}: expected `{first}` and `{second}` of one shape, got "
            f"{one.shape} and {other.shape}."
        )
