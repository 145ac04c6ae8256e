"""The weights of a model as a flat list, in Keras's order: layer by layer, trained ones first.

Inside a layer the order is the one in which its `init` fills the dicts. JAX sorts the names in a
dict, so that order is read off while `init` is traced, and kept as places.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax

from jkeras.core import trees
from jkeras.core.host_random import key_of_seed
from jkeras.core.keys import Key
from jkeras.core.layer import ACTIVITY_LOSS, CARRIED
from jkeras.core.trees import Tree
from jkeras.training.net import Net
from jkeras.training.state import TrainState

PARTS = ("params", "state")
_NO_WEIGHTS = {ACTIVITY_LOSS, CARRIED}
"""Entries of a state that Keras does not count among a model's weights."""


class Place(NamedTuple):
    """Where a weight lies.

    Attributes:
      part: "params" or "state".
      leaf: its number among the leaves of that tree.
      names: its path in the tree.
    """

    part: str
    leaf: int
    names: tuple[str, ...]


def places(net: Net, *specs: Any) -> list[Place]:
    """Where each weight of `net` lies, in Keras's order.

    Args:
      net: anything with the layer contract.
      *specs: the inputs' `jax.ShapeDtypeStruct`s.
    """
    found: list[Place] = []

    def probe(key: Key, *inputs: Any) -> None:
        for part, tree in zip(PARTS, net.init(key, *inputs), strict=True):
            found.extend(_made(part, tree))

    jax.eval_shape(probe, key_of_seed(0), *specs)
    first = list(dict.fromkeys(place.names[0] for place in found if place.names))
    return sorted(found, key=lambda place: _position(net, place.names, first))


def _made(part: str, tree: Tree) -> list[Place]:
    """The weights of `params` or `state` in the order in which `init` made them."""
    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(tree)]
    places = [Place(part, i, trees.path_names(path)) for i, path in enumerate(paths)]
    filled = sorted(places, key=lambda place: _filled(tree, paths[place.leaf]))
    return [place for place in filled if not _NO_WEIGHTS.intersection(place.names)]


def _filled(tree: Tree, path: tuple[Any, ...]) -> tuple[int, ...]:
    """Where a leaf stands, level by level, in the order in which nested dicts were filled."""
    ranks = []
    for entry in path:
        if not isinstance(tree, dict):
            break
        ranks.append(list(tree).index(entry.key))
        tree = tree[entry.key]
    return tuple(ranks)


def _position(net: object, names: tuple[str, ...], others: Sequence[str] = ()) -> tuple[int, ...]:
    """The positions of the layers that a weight's path leads through, from outside in.

    Without `layers`, the weights of a model go by the first name of their path, as in `others`.
    """
    if not names:
        return ()
    layers = list(getattr(net, "layers", ()))
    known = [layer.name for layer in layers] or list(others)
    at = known.index(names[0]) if names[0] in known else -1  # its own weights come first
    inner = _position(layers[at], names[1:]) if 0 <= at < len(layers) else ()
    return (at, *inner)


# -- values by their places


def leaves_of(values: TrainState) -> dict[str, list[Any]]:
    """The leaves of params and of state, by the part of a `Place`."""
    return {part: jax.tree.leaves(getattr(values, part)) for part in PARTS}


def with_leaves(values: TrainState, leaves: dict[str, list[Any]]) -> TrainState:
    """The values with other leaves in params and state."""
    return values.replace(
        **{
            part: jax.tree.unflatten(jax.tree.structure(getattr(values, part)), new)
            for part, new in leaves.items()
        }
    )


def without(params: Tree, names: frozenset[str]) -> Any:
    """The tree with None in the place of the weights of these names."""
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: None if "/".join(trees.path_names(path)) in names else leaf, params
    )
