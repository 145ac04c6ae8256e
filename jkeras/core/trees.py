"""Small functions over pytrees of arrays: sizes, paths, specs, copies."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Tree = Any


def spec_of(x: object) -> jax.ShapeDtypeStruct:
    """Shape and dtype of an array, or of a Python number or list as NumPy reads it."""
    if not hasattr(x, "shape") or not hasattr(x, "dtype"):
        x = np.asarray(x)
    return jax.ShapeDtypeStruct(x.shape, x.dtype)


def specs(tree: Tree) -> Tree:
    """The same tree with every array replaced by its `jax.ShapeDtypeStruct`."""
    return jax.tree.map(spec_of, tree)


def specs_of_rows(tree: Tree, size: int) -> Tree:
    """The specs of `size` rows of every array (or spec), in the dtypes they have on the device.

    Example:
      >>> specs_of_rows(np.zeros((100, 4), np.float64), 32)
      ShapeDtypeStruct(shape=(32, 4), dtype=float32)
    """
    return jax.tree.map(
        lambda a: jax.ShapeDtypeStruct((size, *a.shape[1:]), dtype_of(a.dtype)), tree
    )


def is_traced(tree: Tree) -> bool:
    """Whether an array in a tree is being traced."""
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(tree))


def path_names(path: tuple[Any, ...]) -> tuple[str, ...]:
    """The words of a path that `jax.tree_util` gives: names of entries, attributes and indices."""
    return tuple(jax.tree_util.keystr((entry,), simple=True) for entry in path)


def named_leaves(tree: Tree) -> dict[str, Any]:
    """The leaves of a tree under their paths, in JAX's order.

    Example:
      >>> list(named_leaves({"dense": {"kernel": 1, "bias": 2}, "table": [3]}))
      ['dense/bias', 'dense/kernel', 'table/0']
    """
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {"/".join(path_names(path)): leaf for path, leaf in leaves}


def first_difference(
    expected: Tree, got: Tree, spec_fn: Callable[[Any], Any]
) -> tuple[str, Any, Any] | None:
    """The first leaf in which two trees differ: its path, and what `spec_fn` says of it in each of
    them, None where there is none; None for trees that are alike.

    Example:
      >>> first_difference({"a": 1, "b": 2}, {"a": 1, "c": 3}, str)
      ('b', '2', None)
    """
    a, b = ({n: spec_fn(x) for n, x in named_leaves(tree).items()} for tree in (expected, got))
    different = (name for name in [*a, *b] if a.get(name) != b.get(name))
    return next(((name, a.get(name), b.get(name)) for name in different), None)


def count(tree: Tree) -> int:
    """The number of scalars in all arrays (or specs) of a tree.

    Example:
      >>> count({"kernel": jnp.zeros((784, 128)), "bias": jnp.zeros(128)})
      100480
    """
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))


def size_bytes(tree: Tree) -> int:
    """The bytes of all arrays (or specs) of a tree."""
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def copy(tree: Tree) -> Tree:
    """New buffers with the same values, so that donating one tree leaves the other whole."""
    return jax.tree.map(jnp.copy, tree)


WORDS = np.dtype(object)
"""The dtype of words in shapes: no program takes it, and NumPy has no other for strings of any
length."""


def is_words(dtype: object) -> bool:
    """Whether a dtype is that of words in shapes."""
    return isinstance(dtype, np.dtype) and dtype == WORDS


def dtype_name(dtype: np.dtype) -> str:
    """The name of a dtype, as Keras says it: "string" for words."""
    return "string" if is_words(dtype) else dtype.name


def dtype_of(value: Any) -> np.dtype:
    """The NumPy dtype that JAX would use for a dtype name or object (float64 is float32 without
    x64); that of words for "string".
    """
    if (isinstance(value, str) and value == "string") or is_words(value):
        return WORDS
    return np.dtype(jax.dtypes.canonicalize_dtype(jnp.dtype(value)))


def widest_float() -> np.dtype:
    """The dtype of sums, losses and hyper-parameters: float64 where JAX has it, else float32."""
    return dtype_of(np.float64)
