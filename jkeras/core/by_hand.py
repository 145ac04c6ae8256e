"""Where rooms above leave what layers need of them: core imports none of these.

A layer that defines `call` is run by `jkeras.models.written`, and one that is called on arrays gets
weights from `jkeras.keras_classes.layers_on_arrays`. Both put their functions here when `jkeras` is
imported.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from jkeras.core.variables import innermost

METHODS: dict[str, Any] = {}
"""The methods of a layer class that defines `call`, by name."""

INHERITED: dict[str, Any] = {}
"""What `super()` finds in a layer of the library that a class is written over."""

WRITTEN = frozenset({"call", "build"})
"""What a layer class in Keras's way defines."""


def regularizer(identifier: Any) -> Any:
    """From a user's word to a regularizer; replaced by that of `jkeras.ops`."""
    return identifier


def value_of(owner: Any, variable: Any) -> Any:
    """The array of a weight in the model that has it, or None; replaced by the trainer's."""
    del owner, variable
    return None


def weights_of(layer: Any) -> Any:
    """What is said of a layer's weights; replaced by the trainer's."""
    raise NotImplementedError(f"{layer.who}: expected jkeras.trainer to be imported.")


def face_of(layer: Any) -> Any:
    """A model of the layers in a layer; replaced by the trainer's."""
    raise NotImplementedError(f"{layer.who}: expected jkeras.trainer to be imported.")


CALLS: list[Callable[[Any, Any, Any], Any]] = []
"""What is tried when a layer is called on arrays: (layer, args, kwargs) -> outputs, or
NotImplemented."""


def building(own: Callable[..., Any], base: Callable[..., Any]) -> Callable[..., Any]:
    """A user's `build` as a method.

    Where the object is being built it makes the weights; inside of another's functions it does
    nothing, since layers are built where they are called; elsewhere it is the base's `build`, which
    builds the object for these shapes.

    Args:
      own: the user's.
      base: that of the class that the library has.
    """

    @functools.wraps(own)
    def build(self: Any, *args: Any, **kwargs: Any) -> Any:
        frame = innermost()
        if frame is None:
            return base(self, *args, **kwargs)
        if frame.owner is vars(self).get("_origin", self) and frame.phase == "build":
            return own(self, *args, **kwargs)
        return None

    setattr(build, "makes_weights", True)  # noqa: B010  # mypy: no such attribute
    return build


def give_methods(cls: type, base: type) -> None:
    """Puts the methods into a class that defines `call`, except where a user wrote one.

    Args:
      cls: the class.
      base: the class whose methods they take the place of.
    """
    users = _between(cls, base)
    above = next(b for b in cls.__mro__ if issubclass(b, base) and b not in users)
    if above is not base and not hasattr(above, "call"):
        for name, method in INHERITED.items():
            setattr(above, name, method)
    if not hasattr(cls, "call"):
        return
    for name, method in METHODS.items():
        own = next((b for b in cls.__mro__ if name in b.__dict__), None)
        if own is None or own is base or own not in _between(cls, base):
            setattr(cls, name, method)


def _between(cls: type, base: type) -> list[type]:
    """The classes of users among the bases: those below `base` that are not this library's."""
    package = base.__module__.partition(".")[0]
    below = [b for b in cls.__mro__ if issubclass(b, base) and b is not base]
    return [b for b in below if b is cls or b.__module__.partition(".")[0] != package]
