"""The weights of a layer with a `call` of its own: found by tracing it, with values for them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp

from jkeras.core.keys import Key, child
from jkeras.core.layer import ACTIVITY_LOSS, Layer, Params, State
from jkeras.core.trees import Tree
from jkeras.core.variables import Variable
from jkeras.models.calls import with_activity
from jkeras.models.weight_tying import WeightTies

Path = tuple[str, ...]
LOSSES = "losses"
"""The entry of a state that holds what `add_loss` was given."""


class CalledLayer(NamedTuple):
    """A layer and the specs of the inputs that it is called on."""

    layer: Layer
    specs: tuple[Any, ...]


class WeightPlan:
    """The variables of a layer and the layers that it calls, found by tracing it.

    Args:
      who: how messages name the layer.

    Attributes:
      base: the library's layer that the class subclasses, where it has weights of it.
      variables: its own, by name.
      parts: for each path the plan of a layer of this kind, or a layer and the specs of its
        inputs.
      adds_losses: whether `call` adds losses.
      weight_ties: which layers inside are the same one.
    """

    def __init__(self, who: str) -> None:
        self.who = who
        self.base: CalledLayer | None = None
        self.variables: dict[Variable, str] = {}
        self.parts: dict[Path, WeightPlan | CalledLayer] = {}
        self.adds_losses = False
        self.weight_ties = WeightTies()

    def made(self, key: Key) -> tuple[Params, State]:
        """The first values."""
        params: Params = {}
        state: State = {}
        if self.base is not None:
            params, state = self.base.layer.init(key, *self.base.specs)
        for variable, name in self.variables.items():
            value = variable.initial(child(key, name))
            (params if variable.trainable else state)[name] = value
        for path, part in self.parts.items():
            own_key = functools.reduce(child, path, key)
            put(params, path, (own := _part_made(part, own_key))[0])
            put(state, path, own[1])
        if self.adds_losses:
            state[LOSSES] = no_losses()
        self.weight_ties.check_shapes(self.who, params)
        return self.weight_ties.deduplicate(params), self.weight_ties.deduplicate(state)


def _part_made(part: WeightPlan | CalledLayer, key: Key) -> tuple[Params, State]:
    if isinstance(part, WeightPlan):
        return part.made(key)
    params, state = part.layer.init(key, *part.specs)
    return params, with_activity(part.layer, state, jnp.zeros(()))


def no_losses() -> State:
    """The entry for losses, none of which was added yet."""
    return {ACTIVITY_LOSS: jnp.zeros((), jnp.float32)}


def at(tree: Mapping[str, Any], path: Path) -> Any:
    """The part of nested dicts at a path; empty where there is none."""
    for name in path:
        tree = tree.get(name, {})
    return tree


def put(tree: dict[str, Any], path: Path, part: Tree) -> None:
    """Puts a part in nested dicts, which are copied on the way; nothing where it is empty."""
    if not part:
        return
    if len(path) > 1:
        inner = tree[path[0]] = dict(tree.get(path[0], {}))
        put(inner, path[1:], part)
    else:
        tree[path[0]] = part


__all__ = ["LOSSES", "CalledLayer", "WeightPlan", "at", "no_losses", "put"]
