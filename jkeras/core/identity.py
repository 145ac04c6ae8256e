"""Which layer is which: two equal descriptions are two layers, and a renamed copy is the same one.

A model names its layers, and a named layer is a copy. The copy keeps the `Identity` of the layer it
was made from, so that weights can be shared by "the same layer" (as in Keras, where a layer object
is shared by the models it is in) although descriptions hold no weights and compare by value.
"""

from __future__ import annotations

import itertools
import weakref
from typing import Any

from jkeras.core import remat

NOT_COPIED = ("_identity", "_calls")
"""What a layer knows of its place in models: no part of the description."""

_serials = itertools.count()
_builds = itertools.count(1)
_last_build = 0


def next_serial() -> int:
    """A number larger than all before it."""
    return next(_serials)


def note_build() -> None:
    """Notes that a layer or model got weights, or statistics by `adapt`."""
    global _last_build
    _last_build = next(_builds)


def last_build() -> int:
    """A number that grows whenever a layer or model gets weights."""
    return _last_build


class Identity:
    """The identity that a layer shares with its renamed copies.

    Attributes:
      serial: grows from layer to layer, in the order in which they were made.
      nodes: the calls of the layer on symbols so far.
      remat: the scope of rematerialization that the layer was made in, or None.
      trainable: what `layer.trainable` was set to last; None for what its description says.
      calls: the number of calls on arrays whose key the layer's `seed` fixed.
      views: the views on its weights that are in use, by their names in the layer.
      built: whether it was built, or called on arrays, though it may have no weights.
      losses: of a layer without weights, those of its outputs in the last call on arrays.
      changed: the arguments that a method replaced in place, as `enable_lora` does.
    """

    __slots__ = (
        "__weakref__", "built", "calls", "changed", "holder", "losses", "nodes", "remat", "serial",
        "trainable", "views",
    )  # fmt: skip

    def __init__(self) -> None:
        self.serial = next_serial()
        self.nodes: list[Any] = []
        self.remat = remat.current()
        self.trainable: bool | None = None
        self.changed: dict[str, Any] = {}
        self.holder: Any = None
        self.calls = 0
        self.built = False
        self.losses: list[Any] = []
        self.views: weakref.WeakValueDictionary[Any, Any] = weakref.WeakValueDictionary()

    def __deepcopy__(self, memo: object) -> Identity:
        return _another(self.remat)

    def __reduce__(self) -> tuple[Any, ...]:
        """Another identity: one for all copies of the layer in the same pickle."""
        return _another, (self.remat,)


class ChangedInPlace:
    """The attribute of an argument that a method may replace, for all copies of the layer: the
    value of the constructor, until `Identity.changed` has another.

    Args:
      name: the argument.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, layer: object, owner: type) -> Any:
        if layer is None:
            return self
        attributes = vars(layer)
        identity = attributes.get("_identity")
        changed = {} if identity is None else identity.changed
        return changed[self.name] if self.name in changed else attributes.get(self.name)

    def __set__(self, layer: object, value: object) -> None:
        vars(layer)[self.name] = value  # by the constructor


def _another(scope: Any) -> Identity:
    identity = Identity()
    identity.remat = scope
    return identity


def identity_of(layer: object) -> Identity:
    """The identity of a layer, made at the first call."""
    known = vars(layer).get("_identity")
    return known if known is not None else same(layer, Identity())


def same(layer: object, identity: Identity) -> Identity:
    """Gives a layer this identity; returns it."""
    object.__setattr__(layer, "_identity", identity)
    return identity


def first_node(layer: Any) -> Any:
    """The first call of a layer on symbols; in a model, the first one there.

    Raises:
      AttributeError: it was not called.
    """
    own = vars(layer).get("_calls")
    calls = (own() if callable(own) else own) or identity_of(layer).nodes
    if not calls:
        raise AttributeError(
            f"{layer.who}: it has no `input` and no `output`, because it was not called on symbols "
            "yet. Take it out of a model with known inputs, model.get_layer(name), or call it: "
            "layer(jkeras.Input(shape))."
        )
    return calls[0]
