"""Which weights stay as they are: those of layers with `trainable=False`, and of all inside them.

    Dense(3, trainable=False)        # as an argument
    layer.trainable = False          # or later, on any copy of the layer

A description does not change, with this one exception: whether a layer is trained is remembered
with its `Identity`, so that all models that have the layer agree on it, as in Keras. What the
argument said holds until the attribute is set. Setting it sets it for all layers inside.

A frozen layer runs as in training, its dropout too; only BatchNormalization then takes its moving
statistics and leaves them alone, as in Keras. Its weights get no gradient, no slots in the
optimizer, no regularization and no constraint.

Trees of weights are parted by `trained`, which puts None (for JAX, nothing) in the place of frozen
ones, and put together by `whole`.
"""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import jax

from jkeras.core.errors import describe, type_error
from jkeras.core.identity import identity_of
from jkeras.core.trees import Tree, path_names

_changes = itertools.count(1)
_latest = 0


class Trainable:
    """The attribute `trainable` of layers: the argument, until it is set."""

    def __get__(self, layer: object, owner: type) -> Any:
        if layer is None:
            return self
        attributes = vars(layer)
        identity = attributes.get("_identity")
        flag = None if identity is None else identity.trainable
        return attributes.get("trainable", True) if flag is None else flag

    def __set__(self, layer: object, value: bool) -> None:
        vars(layer)["trainable"] = value  # by the constructor; others go through `set_trainable`


def set_trainable(net: object, value: object) -> None:
    """Freezes a layer and all inside it, or thaws them, in all models that have them.

    Args:
      net: a layer; of anything else nothing is remembered.
      value: whether it is trained.

    Raises:
      TypeError: `value` is neither True nor False.
    """
    if not isinstance(value, bool):
        who, got = getattr(net, "who", type(net).__name__), describe(value)
        raise type_error(who=who, argument="trainable", expected="True or False", got=got)
    note_change()
    if isinstance(getattr(type(net), "trainable", None), Trainable):
        identity_of(net).trainable = value
    inner = (getattr(net, "layer", None), getattr(net, "backward_layer", None))
    for part in (*getattr(net, "layers", ()), *inner):
        if part is not None:
            set_trainable(part, value)


def note_change() -> None:
    """Notes that other weights may be trained from now on."""
    global _latest
    _latest = next(_changes)


def changes() -> int:
    """A number that grows whenever any layer is frozen or thawed."""
    return _latest


def frozen(net: object, params: Tree, patterns: Sequence[str] = ()) -> Tree:
    """The tree of `params` with True where the optimizer shall change nothing.

    Args:
      net: anything with the layer contract; what does not say `trainable` is trained.
      params: its params, or their specs.
      patterns: paths of further weights, "encoder/dense/kernel", in which `*` stands for anything.

    Example:
      >>> from jkeras.layers import Dense
      >>> from jkeras.models import Chain
      >>> net = Chain([Dense(2, trainable=False, use_bias=False), Dense(1, use_bias=False)])
      >>> params, _ = net.init(jax.random.key(0), jax.ShapeDtypeStruct((1, 3), "float32"))
      >>> frozen(net, params)
      {'dense': {'kernel': True}, 'dense_1': {'kernel': False}}
    """
    all_frozen = not getattr(net, "trainable", True)
    by_layer = jax.tree.map(lambda _: True, params) if all_frozen else _frozen(net, params)
    if not patterns:
        return by_layer

    def held(path: tuple[Any, ...], by_layer: bool) -> bool:
        name = "/".join(path_names(path))
        return by_layer or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)

    return jax.tree_util.tree_map_with_path(held, by_layer)


def _frozen(net: object, params: Tree) -> Tree:
    """As `frozen`; a layer with layers in it that was *set* leaves it to these, which were set with
    it, and perhaps thawed since.
    """
    parts = dict(parts_of(net, params))
    if not parts or freezes_all(net):
        held = not getattr(net, "trainable", True)
        fixed = getattr(net, "frozen_weights", ())
        if held or not fixed:
            return jax.tree.map(lambda _: held, params)
        return {name: jax.tree.map(lambda _: name in fixed, params[name]) for name in params}  # noqa: B023
    own = {"": params} if "" in parts else params
    trees = {name: _frozen(part, own[name]) for name, part in parts.items() if name in own}
    if "" in parts:
        return trees[""]
    # What a layer has beside its layers (a wrapper's own weights) goes by what it says itself.
    mine = not getattr(net, "trainable", True)
    return {name: trees.get(name, jax.tree.map(lambda _: mine, params[name])) for name in params}


def freezes_all(layer: object) -> bool:
    """Whether a layer is frozen by its argument, with all layers in it."""
    if getattr(layer, "trainable", True):
        return False
    identity = vars(layer).get("_identity") if hasattr(layer, "__dict__") else None
    return identity is None or identity.trainable is None


def frozen_copy(layer: Any) -> Any:
    """The layer as it runs inside a frozen one: frozen itself."""
    return layer.replace(trainable=False) if layer.trainable else layer


def trained(params: Tree, held: Tree) -> Tree:
    """`params` with None in the place of frozen weights, `held` as `frozen` gives it.

    Example:
      >>> trained({"kernel": 1.0, "bias": 2.0}, {"kernel": True, "bias": False})
      {'bias': 2.0, 'kernel': None}
    """
    return jax.tree.map(lambda param, keep: None if keep else param, params, held)


def whole(parted: Tree, params: Tree) -> Tree:
    """`parted` with the weights of `params` in the place of each None.

    Example:
      >>> whole({"kernel": None, "bias": 2.0}, {"kernel": 1.0, "bias": 0.0})
      {'bias': 2.0, 'kernel': 1.0}
    """

    def chosen(part: object, param: object) -> Any:
        return param if part is None else part

    return jax.tree.map(chosen, parted, params, is_leaf=lambda leaf: leaf is None)


def layer_paths(net: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """The layers of a model and those in them, each with its path: "encoder/dense"."""
    for name, part in parts_of(net, {}):
        inner_path = (*path, name) if name else path
        if name:
            yield "/".join(inner_path), part
        yield from layer_paths(part, inner_path)


def parts_of(net: object, params: Tree) -> Iterator[tuple[str, Any]]:
    """The layers in a layer, each with its name in `params`; "" for one that has them all."""
    for layer in getattr(net, "layers", None) or getattr(net, "both", None) or ():
        yield str(layer.name), layer
    inner = net.wrapped_layer() if hasattr(net, "wrapped_layer") else None
    if inner is not None:
        yield ("layer" if set(params) == {"layer"} else ""), inner
