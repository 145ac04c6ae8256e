"""Arrays as arguments of calls outside of models: their conversion, and their masks.

    h = Embedding(1000, 16, mask_zero=True)(ids)
    LSTM(8)(h)                     # skips the padding

As in Keras, the mask of such an array is its attribute `_keras_mask`, which the next layer reads.
Inside models masks are values beside values.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import jax

from jkeras.core.arrays import as_jax
from jkeras.core.trees import Tree, is_traced, spec_of
from jkeras.core.variables import Variable

MASK = "_keras_mask"


def as_array(value: object) -> Any:
    """The array of a variable, a NumPy array as one of JAX; any other value unchanged."""
    if isinstance(value, Variable):
        return value.value
    is_array = hasattr(value, "shape") and hasattr(value, "dtype")
    return as_jax(value) if is_array and not isinstance(value, jax.Array) else value


def spec_or_value(value: object) -> Any:
    """The spec of an array; any other value unchanged."""
    return spec_of(value) if hasattr(value, "shape") and hasattr(value, "dtype") else value


def masks_of(values: Tree) -> Any:
    """The masks of arrays, None for one without a mask, in the structure of the values."""
    return jax.tree.map(lambda leaf: getattr(leaf, MASK, None), values)


def with_masks(outputs: Tree, masks: Tree) -> Any:
    """The outputs, each array with its mask as an attribute."""
    for leaf, mask in leaf_masks(outputs, masks):
        if mask is not None:
            setattr(leaf, MASK, mask)
    return outputs


def leaf_masks(values: Tree, masks: Tree) -> list[tuple[Any, Any]]:
    """Pairs of an array and its mask or None; no pairs where the numbers of leaves differ."""
    leaves = jax.tree.leaves(values)
    listed = jax.tree.leaves(masks, is_leaf=lambda mask: mask is None)
    return list(zip(leaves, listed, strict=True)) if len(listed) == len(leaves) else []


# -- variables as outputs


_returned: ContextVar[list[Any]] = ContextVar("returned")


def note_returned(outputs: Tree) -> None:
    """Notes what the outermost `call` returned, before it is made of arrays."""
    _returned.get([]).append(outputs)


@contextlib.contextmanager
def returning_variables() -> Iterator[Callable[[Any], Any]]:
    """Yields the function from outputs to those with each variable that `call` returned in the
    place of its array: as in Keras, whoever calls the layer gets the variable itself.
    """
    returned: list[Any] = []
    before = _returned.set(returned)

    def restored(outputs: Tree) -> Any:
        leaves, tree = jax.tree.flatten(returned[-1:])
        if not any(isinstance(leaf, Variable) for leaf in leaves) or is_traced(outputs):
            return outputs
        pairs = zip(leaves, jax.tree.leaves(outputs), strict=True)
        new = [leaf if isinstance(leaf, Variable) else array for leaf, array in pairs]
        return jax.tree.unflatten(tree, new)[0]

    try:
        yield restored
    finally:
        _returned.reset(before)
