"""The functions of `keras.tree`: nested lists, tuples, dicts, deques and pytrees of JAX.

As in Keras and unlike in `jax.tree`, None is a leaf, a deque is a structure, and in several
structures at once the three kinds of dicts count alike. Dicts are traversed in the order of their
sorted keys, an `OrderedDict` in its own order; a dict that is made of another has its order.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import jax

from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.trees import Tree

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


@dataclasses.dataclass(frozen=True)
class _Node:
    """A structure, one level deep.

    Attributes:
      kind: equal for structures that go together: dict for all dicts, else the type; of a pytree
        of JAX the type and its definition.
      keys: an index, key or name for each part; of dicts that go together they are the same set.
      parts: the direct parts.
      rebuilt: the same structure of other parts.
    """

    kind: Any
    keys: Sequence[Any]
    parts: Sequence[Any]
    rebuilt: Callable[[list[Any]], Any]


def _node(structure: Any) -> _Node | None:
    """A structure one level deep; None for a leaf."""
    kind = type(structure)
    if structure is None:
        return None
    if kind in (dict, OrderedDict, defaultdict):
        return _node_of_dict(structure)
    rebuilt: Callable[[list[Any]], Any]
    if kind is deque:
        rebuilt = functools.partial(deque, maxlen=structure.maxlen)
    elif kind in (list, tuple):
        rebuilt = kind
    elif isinstance(structure, tuple) and hasattr(kind, "_make"):
        rebuilt = kind._make
    else:
        return None if jax.tree_util.all_leaves([structure]) else _node_of_pytree(structure)
    return _Node(kind, range(len(structure)), list(structure), rebuilt)


def _node_of_dict(structure: dict[Any, Any]) -> _Node:
    keys = list(structure) if isinstance(structure, OrderedDict) else _sorted(structure)

    def rebuilt(parts: list[Any]) -> dict[Any, Any]:
        new = dict(zip(keys, parts, strict=True))
        pairs = ((key, new[key]) for key in structure)
        if isinstance(structure, defaultdict):
            return defaultdict(structure.default_factory, pairs)
        return type(structure)(pairs)

    return _Node(dict, keys, [structure[key] for key in keys], rebuilt)


def _sorted(keys: Iterable[Any]) -> list[Any]:
    """In order; keys of several types type by type, and as they come where that fails too."""
    for order in (None, lambda key: (type(key).__qualname__, key)):
        with contextlib.suppress(TypeError):
            return sorted(keys, key=order)
    return list(keys)


def _node_of_pytree(structure: object) -> _Node:
    """Of a class that is registered with JAX."""

    def value_of(entry: object) -> Any:
        values = (getattr(entry, kind) for kind in ("idx", "key", "name") if hasattr(entry, kind))
        return next(values, str(entry))

    shape: Any
    pairs, shape = jax.tree_util.tree_flatten_with_path(
        structure, is_leaf=lambda value: value is not structure
    )
    keys = [value_of(path[0]) for path, _ in pairs]
    return _Node(
        (type(structure), shape),
        keys,
        [part for _, part in pairs],
        lambda new: shape.unflatten(new),
    )


def _parts_like(who: str, structure: object, node: _Node, other: object) -> list[Any]:
    """The parts of another structure, in the order of the parts of the first.

    Raises:
      ValueError: it has another kind, or other parts.
    """
    got = _node(other)
    if got is None or got.kind != node.kind or set(got.keys) != set(node.keys):
        raise _another_form(who, structure, other)
    by_key = dict(zip(got.keys, got.parts, strict=True))
    return [by_key[key] for key in node.keys]


def _another_form(who: str, structure: object, other: object) -> ValueError:
    return ValueError(
        f"{who}: expected structures of one form, got {describe(structure)} and {describe(other)}."
    )


def _map(
    who: str,
    func: Callable[..., Any],
    first: object,
    others: Sequence[Any],
    *,
    is_leaf: Callable[[Any], bool] | None = None,
    deeper: bool = False,
) -> Any:
    """`func` of the leaves of the first, and what is there in the others: any part if `deeper`."""
    node = None if is_leaf is not None and is_leaf(first) else _node(first)
    if node is None:
        for other in others if not deeper else ():
            if is_nested(other):
                raise _another_form(who, first, other)
        return func(first, *others)
    rows = zip(node.parts, *(_parts_like(who, first, node, other) for other in others), strict=True)
    walk = functools.partial(_map, who, func, is_leaf=is_leaf, deeper=deeper)
    return node.rebuilt([walk(part, rest) for part, *rest in rows])


def is_nested(structure: Tree) -> bool:
    """Whether a value is a structure, also an empty one, and not a leaf.

    Example:
      >>> is_nested([1]), is_nested({}), is_nested(None), is_nested("ab")
      (True, True, False, False)
    """
    return _node(structure) is not None


def flatten(structure: Tree) -> list[Any]:
    """The leaves.

    Example:
      >>> flatten({"b": [1, None], "a": (2,)})
      [2, 1, None]
    """
    return [leaf for _, leaf in _leaves(structure)]


def flatten_with_path(structure: Tree) -> list[tuple[tuple[Any, ...], Any]]:
    """Pairs of a path and a leaf; a path is made of indices, keys and attribute names.

    Example:
      >>> flatten_with_path({"b": [1, 2]})
      [(('b', 0), 1), (('b', 1), 2)]
    """
    return list(_leaves(structure))


def _leaves(structure: Tree, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    node = _node(structure)
    if node is None:
        yield path, structure
        return
    for key, part in zip(node.keys, node.parts, strict=True):
        yield from _leaves(part, (*path, key))


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """`func` of each leaf, or of the leaves at the same place of several structures.

    Args:
      func: the function.
      *structures: the kinds of the first are those of the result.
      none_is_leaf: whether `func` is called with None; if not, None stays.

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
    first, *others = structures

    def unless_none(*leaves: Any) -> Any:
        if all(leaf is None for leaf in leaves):
            return None
        if any(leaf is None for leaf in leaves):
            raise _another_form("map_structure", first, others[0])
        return func(*leaves)

    return _map("map_structure", func if none_is_leaf else unless_none, first, others)


def map_structure_up_to(shallow_structure: Tree, func: Callable[..., Any], *structures: Any) -> Any:
    """`func` of the parts of the structures at the leaves of `shallow_structure`.

    Raises:
      TypeError: `func` cannot be called.
      ValueError: no structure, or one without the parts of `shallow_structure`.

    Example:
      >>> map_structure_up_to([0, 0], len, [[1, 2], (3,)])
      [2, 1]
    """
    who = "map_structure_up_to"
    _check_function(who, func)
    if not structures:
        raise ValueError(f"{who}: expected at least one structure, got none.")

    def without_first(_: object, *parts: Any) -> Any:
        return func(*parts)

    return _map(who, without_first, shallow_structure, structures, deeper=True)


def map_shape_structure(func: Callable[[Any], Any], structure: Tree) -> Any:
    """Like `map_structure`, with tuples and lists of sizes (integers or None) as leaves.

    Example:
      >>> map_shape_structure(len, {"a": (None, 3), "b": [(1,), (2, 3)]})
      {'a': 2, 'b': [1, 2]}
    """
    _check_function("map_shape_structure", func)
    return _map("map_shape_structure", func, structure, (), is_leaf=_is_shape)


def _is_shape(value: object) -> bool:
    return isinstance(value, tuple | list) and all(n is None or isinstance(n, int) for n in value)


def pack_sequence_as(structure: Tree, flat_sequence: Iterable[Any]) -> Any:
    """The structure with other leaves.

    Raises:
      ValueError: the number of leaves differs from that of the structure.

    Example:
      >>> pack_sequence_as({"a": 0, "b": (0, 0)}, [1, 2, 3])
      {'a': 1, 'b': (2, 3)}
    """
    leaves, count = list(flat_sequence), len(flatten(structure))
    if len(leaves) != count:
        raise ValueError(
            f"pack_sequence_as: expected {count} leaves for {describe(structure)}, got "
            f"{len(leaves)}."
        )
    rest = iter(leaves)
    return _map("pack_sequence_as", lambda _: next(rest), structure, ())


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
    _map("assert_same_structure", lambda *_: None, a, (b,))


def assert_same_paths(a: Tree, b: Tree) -> None:
    """Raises unless both have leaves at the same paths; lists and tuples count alike.

    Raises:
      ValueError: they differ.
    """
    one, other = ({path for path, _ in flatten_with_path(each)} for each in (a, b))
    if one != other:
        only = ["/".join(map(str, path)) or "()" for path in sorted(one ^ other, key=str)]
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
    node = _node(structure)
    return structure if node is None else node.rebuilt([walk(part) for part in node.parts])


def _check_function(who: str, func: object) -> None:
    if not callable(func):
        raise WrongTypeError(f"{who}: expected `func` a function, got {describe(func)}.")
