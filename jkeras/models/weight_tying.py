"""Weight tying: a layer that stands at several places of one model has one set of weights.

    encoder = Sequential([embedding, LSTM(8)])
    Model(x, Dot(axes=-1)([encoder(x), embedding(y)]))

A chain or a graph gives one name to a layer that is called twice. But a layer made of layers has
values of its own, and two of these may hold the same layer. The model's values keep the weights of
such a layer at its first place; while the model runs, its other places hold copies.

Laws:
  - The values of a model have each weight once, so each weight is counted, trained and regularized
    once.
  - The state that a layer writes at one place is read at its other places, in the order in which
    they run. Each place has its own activity losses, which add up.
  - A model without tied layers runs as it would without this module.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from jkeras.core.errors import value_error
from jkeras.core.layer import ACTIVITY_LOSS
from jkeras.core.parts import Path, at, places, put
from jkeras.core.trees import Tree, named_leaves

Values = dict[str, Any]
"""Params or state: nested dicts of arrays."""


@dataclasses.dataclass(frozen=True)
class WeightTies:
    """The tied layers of a model: those that stand at several places.

    Attributes:
      groups: for each tied layer its places, in order.
    """

    groups: tuple[tuple[Path, ...], ...] = ()

    def broadcast(self, tree: Values) -> Values:
        """The values with the weights of each tied layer copied to all of its places."""
        for group in self.groups:
            source = next((place for place in group if _weights(at(tree, place))), None)
            tree = tree if source is None else _copy_to_group(tree, source, group)
        return tree

    def propagate(self, tree: Values, path: Path) -> Values:
        """The values after the layer at `path` has run, with its new state at all of its places."""
        for group in self.groups:
            source = next((place for place in group if place[: len(path)] == path), None)
            tree = tree if source is None else _copy_to_group(tree, source, group)
        return tree

    def deduplicate(self, tree: Values) -> Values:
        """The values with the weights of each tied layer at its first place alone."""
        for group in self.groups:
            filled = [place for place in group if _weights(at(tree, place))]
            for place in filled[1:]:
                tree = put(tree, place, _losses(at(tree, place)))
        return tree

    def check_shapes(self, who: str, params: Values) -> None:
        """Raises unless the weights of each tied layer have the same shapes at all of its places.

        Raises:
          ValueError: the shapes differ, because the layer's inputs have different sizes.
        """
        for first, *others in self.groups:
            for other in others:
                _check_same_shapes(who, first, at(params, first), other, at(params, other))


def weight_ties_of(net: object) -> WeightTies:
    """Which layers inside a layer are the same one, and so share weights.

    Example:
      >>> from jkeras.layers import Dense, TimeDistributed
      >>> from jkeras.models import Chain
      >>> dense = Dense(3)
      >>> weight_ties_of(Chain([TimeDistributed(dense), Chain([dense], name="rest")])).groups
      ((('time_distributed',), ('rest', 'dense')),)
    """
    groups: dict[Any, list[Path]] = {}
    for identity, place in places(net):
        groups.setdefault(identity, []).append(place)
    return WeightTies(tuple(tuple(group) for group in groups.values() if len(group) > 1))


def _copy_to_group(tree: Values, source: Path, group: tuple[Path, ...]) -> Values:
    part = at(tree, source)
    if not _weights(part):
        return tree
    for place in group:
        if place != source:
            tree = put(tree, place, _merged(_weights(part), _losses(at(tree, place))))
    return tree


def _weights(tree: Tree) -> Tree:
    """A tree without activity losses, which belong to a place and not to a layer."""
    if not isinstance(tree, dict):
        return tree
    kept = {name: _weights(part) for name, part in tree.items() if name != ACTIVITY_LOSS}
    return {name: part for name, part in kept.items() if not isinstance(part, dict) or part}


def _losses(tree: Tree) -> dict[str, Any]:
    """The activity losses in a tree, and nothing else."""
    if not isinstance(tree, dict):
        return {}
    kept = {n: part if n == ACTIVITY_LOSS else _losses(part) for n, part in tree.items()}
    return {name: part for name, part in kept.items() if not isinstance(part, dict) or part}


def _merged(a: Tree, b: Tree) -> Tree:
    if not (isinstance(a, dict) and isinstance(b, dict)):
        return a
    return {**b, **{name: _merged(part, b.get(name)) for name, part in a.items()}}


def _check_same_shapes(who: str, first: Path, a: Tree, other: Path, b: Tree) -> None:
    others, expected = named_leaves(b), named_leaves(a)
    for name in expected if others and expected else ():
        shapes = [
            tuple(leaves[name].shape) if name in leaves else None for leaves in (expected, others)
        ]
        if shapes[0] != shapes[1]:
            where = ["/".join(map(str, path)) for path in (first, other)]
            raise value_error(
                f"its layers {where[0]!r} and {where[1]!r} are the same layer, and take inputs "
                f"of different sizes: {name} would have the shape {shapes[0]} and the shape "
                f"{shapes[1]}. Make a layer of its own for one of them.",
                who=who,
            )
