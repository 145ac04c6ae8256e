"""Masks of arrays that layers and models gave when they were called by hand.

    h = Embedding(1000, 16, mask_zero=True)(ids)
    LSTM(8)(h)                     # skips the padding

As in Keras, the mask of such an array is its attribute `_keras_mask`, where the next layer finds
it. So it is between calls by hand alone: inside models masks are values beside values.
"""

from __future__ import annotations

from typing import Any

import jax

from jkeras.core.trees import Tree

MASK = "_keras_mask"


def masks_of(values: Tree) -> Any:
    """The masks of arrays, None for one that has none, in the structure of the values."""
    return jax.tree.map(lambda leaf: getattr(leaf, MASK, None), values)


def with_masks(outputs: Tree, masks: Tree) -> Any:
    """The outputs, each with its mask, unless they have another structure."""
    leaves = jax.tree.leaves(outputs)
    found = jax.tree.leaves(masks, is_leaf=lambda mask: mask is None)
    for leaf, mask in zip(leaves, found if len(found) == len(leaves) else (), strict=False):
        if mask is not None:
            setattr(leaf, MASK, mask)
    return outputs


__all__ = ["masks_of", "with_masks"]
