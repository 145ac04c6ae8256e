"""The functions of `keras.tree`: nested structures of lists, tuples, dicts and JAX's pytrees.

As in Keras and unlike in `jax.tree`, None is a leaf. Dicts are traversed in the order of their
sorted keys.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import jax

from jkeras.core.errors import describe
from jkeras.core.trees import Tree, path_names

__all__ = [
    "MAP_TO_NONE",
    "assert_same_paths",
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_shape_structure",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
    "traverse",
]


class MAP_TO_NONE:
    """What the function of `traverse` returns to put None in the place of a structure."""


def _is_none(value: object) -> bool:
    return value is None


def is_nested(structure: Tree) -> bool:
    """Whether a value is a structure, also an empty one, and not a leaf.

    Example:
      >>> is_nested([1]), is_nested({}), is_nested(None), is_nested("ab")
      (True, True, False, False)
    """
    return bool(_treedef(structure) != _treedef(0))


def _treedef(structure: Tree) -> Any:
    return jax.tree.structure(structure, is_leaf=_is_none)


def flatten(structure: Tree) -> list[Any]:
    """The leaves.

    Example:
      >>> flatten({"b": [1, None], "a": (2,)})
      [2, 1, None]
    """
    return jax.tree.leaves(structure, is_leaf=_is_none)


def flatten_with_path(structure: Tree) -> list[tuple[tuple[Any, ...], Any]]:
    """Pairs of a path and a leaf; a path is made of indices, keys and attribute names.

    Example:
      >>> flatten_with_path({"b": [1, 2]})
      [(('b', 0), 1), (('b', 1), 2)]
    """

    def value_of(entry: Any) -> Any:
        values = (getattr(entry, kind) for kind in ("idx", "key", "name") if hasattr(entry, kind))
        return next(values, path_names((entry,))[0])

    pairs = jax.tree_util.tree_leaves_with_path(structure, is_leaf=_is_none)
    return [(tuple(map(value_of, path)), leaf) for path, leaf in pairs]


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """`func` of each leaf, or of the leaves at the same place of several structures.

    Raises:
      TypeError: `func` cannot be called.
      ValueError: no structure, or structures that differ.

    Example:
      >>> map_structure(lambda x, y: x + y, {"a": 1, "b": [2]}, {"a": 10, "b": [20]})
      {'a': 11, 'b': [22]}
    """
    _check_function("map_structure", func)
    if not structures:
        raise ValueError("map_structure: expected at least one structure, got none.")
    return jax.tree.map(func, *structures, is_leaf=_is_none if none_is_leaf else None)


def map_structure_up_to(shallow_structure: Tree, func: Callable[..., Any], *structures: Any) -> Any:
    """`func` of the parts of the structures at the leaves of `shallow_structure`.

    Example:
      >>> map_structure_up_to([0, 0], len, [[1, 2], (3,)])
      [2, 1]
    """
    _check_function("map_structure_up_to", func)
    shallow = _treedef(shallow_structure)
    parts = [shallow.flatten_up_to(structure) for structure in structures]
    return jax.tree.unflatten(shallow, [func(*part) for part in zip(*parts, strict=True)])


def map_shape_structure(func: Callable[[Any], Any], structure: Tree) -> Any:
    """Like `map_structure`, with tuples and lists of sizes (integers or None) as leaves.

    Example:
      >>> map_shape_structure(len, {"a": (None, 3), "b": [(1,), (2, 3)]})
      {'a': 2, 'b': [1, 2]}
    """
    _check_function("map_shape_structure", func)
    return jax.tree.map(func, structure, is_leaf=_is_shape)


def _is_shape(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, tuple | list) and all(n is None or isinstance(n, int) for n in value)


def pack_sequence_as(structure: Tree, flat_sequence: Iterable[Any]) -> Any:
    """The structure with other leaves.

    Raises:
      ValueError: the number of leaves differs from that of the structure.

    Example:
      >>> pack_sequence_as({"a": 0, "b": (0, 0)}, [1, 2, 3])
      {'a': 1, 'b': (2, 3)}
    """
    leaves, shape = list(flat_sequence), _treedef(structure)
    if len(leaves) != shape.num_leaves:
        raise ValueError(
            f"pack_sequence_as: expected {shape.num_leaves} leaves for {describe(structure)}, got "
            f"{len(leaves)}."
        )
    return jax.tree.unflatten(shape, leaves)


def assert_same_structure(a: Tree, b: Tree, check_types: bool | None = None) -> None:
    """Raises unless both have the same structure; lists, tuples and dicts are kept apart.

    Args:
      a: a structure.
      b: another.
      check_types: part of the signature of Keras; it changes nothing.

    Raises:
      ValueError: the structures differ.
    """
    del check_types
    one, other = _treedef(a), _treedef(b)
    if one != other:
        raise ValueError(f"expected two structures of one form, got {one} and {other}.")


def assert_same_paths(a: Tree, b: Tree) -> None:
    """Raises unless both have leaves at the same paths; lists and tuples count alike.

    Raises:
      ValueError: they differ.
    """
    one, other = ({path for path, _ in flatten_with_path(each)} for each in (a, b))
    if one != other:
        only = ["/".join(map(str, path)) for path in sorted(one ^ other, key=str)]
        raise ValueError(f"expected leaves at the same paths, got {', '.join(only)} in one only.")


def lists_to_tuples(structure: Tree) -> Any:
    """The structure with tuples for its lists.

    Example:
      >>> lists_to_tuples([1, {"a": [2]}])
      (1, {'a': (2,)})
    """
    return traverse(lambda x: tuple(x) if isinstance(x, list) else None, structure, top_down=False)


def traverse(func: Callable[[Any], Any], structure: Tree, top_down: bool = True) -> Any:
    """Replaces structures and leaves by the return values of `func`.

    Args:
      func: called with every structure and every leaf; None keeps the argument, and continues
        with the parts of a structure; `MAP_TO_NONE` replaces the argument by None.
      structure: the structure to traverse.
      top_down: whether `func` is called with outer structures first; the parts of a replaced
        structure are then not traversed.

    Example:
      >>> traverse(lambda x: x * 2 if isinstance(x, int) else None, [1, (2, "a")])
      [2, (4, 'a')]
    """
    _check_function("traverse", func)
    walk = functools.partial(traverse, func, top_down=top_down)
    if not top_down:
        structure = _with_children(structure, walk)
    replacement = func(structure)
    if replacement is None:
        return _with_children(structure, walk) if top_down else structure
    is_none = replacement is MAP_TO_NONE or isinstance(replacement, MAP_TO_NONE)
    return None if is_none else replacement


def _with_children(structure: Tree, walk: Callable[[Any], Any]) -> Any:
    """A structure with each of its direct parts traversed; a leaf unchanged."""
    if not is_nested(structure):
        return structure
    parts, shape = jax.tree.flatten(structure, is_leaf=lambda value: value is not structure)
    return jax.tree.unflatten(shape, [walk(part) for part in parts])


def _check_function(who: str, func: object) -> None:
    if not callable(func):
        raise TypeError(f"{who}: expected `func` a function, got {describe(func)}.")
