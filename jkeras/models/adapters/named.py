"""Any tree of arrays as nested dicts under the paths of its leaves, and back.

A model's `params` and `state` are nested dicts, whatever library made them: they print, save and
compare like all others.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import jax

from jkeras.core.trees import Tree, path_names

Path = tuple[str, ...]


class Named:
    """The structure of a tree, and a name for each of its leaves.

    Args:
      tree: arrays or specs in any structure.
      rename: from the words of a leaf's path to those of its name.

    Example:
      >>> named = Named(([1, 2], {"bias": 3}))
      >>> named.to_dict(([1, 2], {"bias": 3}))
      {'0': {'0': 1, '1': 2}, '1': {'bias': 3}}
      >>> named.to_tree({"1": {"bias": 3}, "0": {"1": 2, "0": 1}})
      ([1, 2], {'bias': 3})
    """

    def __init__(self, tree: Tree, rename: Callable[[Path], Path] = tuple) -> None:
        self.structure: Any
        pairs, self.structure = jax.tree_util.tree_flatten_with_path(tree)
        self.paths = [rename(path_names(path)) or ("value",) for path, _ in pairs]

    def to_dict(self, tree: Tree) -> dict[str, Any]:
        """The leaves of a tree of this structure as nested dicts."""
        nested: dict[str, Any] = {}
        for path, leaf in zip(self.paths, self.structure.flatten_up_to(tree), strict=True):
            part = nested
            for word in path[:-1]:
                part = part.setdefault(word, {})
            part[path[-1]] = leaf
        return nested

    def to_tree(self, named: dict[str, Any]) -> Tree:
        """The tree whose leaves stand in nested dicts."""
        leaves = [functools.reduce(operator.getitem, path, named) for path in self.paths]
        return jax.tree.unflatten(self.structure, leaves)
