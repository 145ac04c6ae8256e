"""Attention over any axes by folding these into one axis.

The attention axes become one axis of steps; the others, the first included, become the batch.
Laws: `unfolded(folded(x))` is `x`; for `[batch, steps, heads, h]` nothing moves.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

Array = jax.Array
Shape = tuple[int, ...]


class Fold(NamedTuple):
    """The attention axes of inputs of these shapes.

    Attributes:
      queries, keys: the shapes without heads and features, `[batch, ...]`, of one rank.
      axes: the attention axes, counted from 0, in the order of the scores.

    Example:
      >>> fold = Fold((2, 3, 4), (2, 3, 5), (2,))
      >>> fold.steps, fold.folded(jnp.zeros((2, 3, 5, 8, 7))).shape
      ((4, 5), (6, 5, 8, 7))
    """

    queries: Shape
    keys: Shape
    axes: Shape

    @property
    def steps(self) -> tuple[int, int]:
        """The number of queries and of keys."""
        return math.prod(_sizes(self.queries, self.axes)), math.prod(_sizes(self.keys, self.axes))

    @property
    def others(self) -> Shape:
        """The other axes, in order."""
        return tuple(i for i in range(len(self.queries)) if i not in self.axes)

    @property
    def batch(self) -> Shape:
        """The sizes of the other axes."""
        return _sizes(self.queries, self.others)

    @property
    def scores_shape(self) -> Shape:
        """Batch axes, one axis for the heads (of size 1 here), axes of queries, axes of keys."""
        return (*self.batch, 1, *_sizes(self.queries, self.axes), *_sizes(self.keys, self.axes))

    def folded(self, x: Array) -> Array:
        """`[batch, ..., *rest]` of queries or keys as `[b, steps, *rest]`."""
        rank = len(self.queries)
        rest = range(rank, x.ndim)
        moved = jnp.transpose(x, (*self.others, *self.axes, *rest))
        steps = math.prod(_sizes(x.shape, self.axes))
        return jnp.reshape(moved, (math.prod(self.batch), steps, *x.shape[rank:]))

    def unfolded(self, x: Array) -> Array:
        """`[b, queries, *rest]` as `[batch, ..., *rest]`."""
        order = (*self.others, *self.axes)
        apart = jnp.reshape(x, (*_sizes(self.queries, order), *x.shape[2:]))
        back = sorted(range(len(order)), key=order.__getitem__)
        return jnp.transpose(apart, (*back, *range(len(order), apart.ndim)))

    def unfolded_scores(self, scores: Array) -> Array:
        """`[b, heads, queries, keys]` with each axis on its own, as in `scores_shape`."""
        at = len(self.batch)
        shape = self.scores_shape
        return jnp.reshape(scores, (*shape[:at], scores.shape[1], *shape[at + 1 :]))

    def mask_shape(self, shape: Shape) -> Shape:
        """The shape of a mask with axes of size 1 inserted before its queries, to the scores' rank.

        Example:
          >>> Fold((2, 4), (2, 5), (1,)).mask_shape((2, 4, 5))
          (2, 1, 4, 5)
        """
        rank = len(self.scores_shape)
        at = max(0, len(shape) - 2 * len(self.axes))
        return (*shape[:at], *(1 for _ in range(rank - len(shape))), *shape[at:])

    def folded_mask(self, mask: Array) -> Array:
        """A mask that broadcasts to the scores as a mask that broadcasts to the folded scores."""
        mask = jnp.reshape(mask, self.mask_shape(mask.shape))
        if mask.ndim == 4:
            return mask
        heads = mask.shape[len(self.batch)]
        whole = (*self.batch, heads, *self.scores_shape[len(self.batch) + 1 :])
        return jnp.reshape(
            jnp.broadcast_to(mask, whole), (math.prod(self.batch), heads, *self.steps)
        )


def _sizes(shape: Shape, axes: Shape) -> Shape:
    return tuple(shape[axis] for axis in axes)
