"""What `build` and `call` of a class in Keras's way take, and calls brought in that order."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from jkeras.core.errors import unexpected_arguments
from jkeras.core.layer import Layer
from jkeras.keras_classes.tracking import origin_of

_OPTIONS = ("training", "mask")


class CallSignature:
    """What a class's `call` takes.

    Args:
      kind: the class.
    """

    def __init__(self, kind: type) -> None:
        own = getattr(kind, "call", None)
        if own is None:
            raise NotImplementedError(
                f"{kind.__name__}: expected a method `call(self, inputs)` that returns the "
                "outputs, and the class defines none."
            )
        parameters = list(inspect.signature(own).parameters.values())[1:]
        self.names = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        self.takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
        self.spreads = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        positional = [
            p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
        self.positional = [p.name for p in positional]
        self.inputs = [name for name in self.positional if name not in _OPTIONS]
        self.defaults = {p.name: p.default for p in parameters if p.default is not p.empty}

    def takes(self, name: str) -> bool:
        """Whether there is an argument of this name."""
        return name in self.names

    def arranged(
        self, values: tuple[Any, ...], options: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Inputs side by side as `call` takes them: those that it has behind `training` or `mask`
        by name.
        """
        first = next((i for i, n in enumerate(self.positional) if n in _OPTIONS), len(values))
        behind = dict(zip(self.inputs[first:], values[first:], strict=False))
        return values[: len(values) - len(behind)], options | behind


signature: Callable[[Any], CallSignature] = functools.cache(CallSignature)
"""The signature of a class's `call`."""


def side_by_side(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """A call's inputs by position, in the order in which `call` has them, and the other options.

    Raises:
      TypeError: an argument that `call` does not take.
    """
    known = signature(type(origin_of(layer)))
    options = dict(kwargs)
    if not known.takes_any:
        allowed = [*known.names, *_OPTIONS]
        error = unexpected_arguments(f"{layer.who}: call", options, allowed)
        if error is not None:
            raise error
    at = [i for i, name in enumerate(known.positional[: len(args)]) if name in _OPTIONS]
    options |= {known.positional[i]: args[i] for i in at}
    values = [value for i, value in enumerate(args) if i not in at]
    last = max((i for i, name in enumerate(known.inputs) if name in options), default=-1)
    for name in known.inputs[len(values) : last + 1]:
        values.append(options.pop(name, known.defaults.get(name)))
    return tuple(values), options


def build_arguments(
    build: Callable[..., Any], shapes: tuple[Any, ...], called: CallSignature
) -> tuple[Any, ...]:
    """The shapes of the inputs as a `build` takes them: one, a list of them, or side by side.

    As in Keras, a `build` with one argument gets the first input's shape only, where `call` has
    several arguments for them.
    """
    count = len(inspect.signature(build).parameters) - 1
    takes_any = any(
        p.kind is p.VAR_POSITIONAL for p in inspect.signature(build).parameters.values()
    )
    if count == 1 and not takes_any:
        is_one = len(shapes) == 1 or len(called.inputs) > 1
        return (shapes[0] if is_one else list(shapes),)
    return shapes if takes_any else shapes[:count]


__all__ = ["CallSignature", "build_arguments", "side_by_side", "signature"]
