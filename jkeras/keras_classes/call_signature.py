"""The arguments of `build` and `call` of a subclassed layer or model, and calls in their order."""

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
    """The arguments of a class's `call`.

    Args:
      kind: the class.
    """

    def __init__(self, kind: type) -> None:
        call = getattr(kind, "call", None)
        if call is None:
            raise NotImplementedError(
                f"{kind.__name__}: expected a method `call(self, inputs)` that returns the "
                "outputs, and the class defines none."
            )
        parameters = list(inspect.signature(call).parameters.values())[1:]
        self.names = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        self.takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
        self.spreads = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        by_position = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.positional = [p.name for p in parameters if p.kind in by_position]
        self.inputs = [name for name in self.positional if name not in _OPTIONS]
        self.defaults = {p.name: p.default for p in parameters if p.default is not p.empty}

    def takes(self, name: str) -> bool:
        """Whether there is an argument of this name."""
        return name in self.names

    @property
    def takes_masks(self) -> bool:
        """Whether there is an argument for the mask of all inputs, or of one: `x_mask` for `x`."""
        return self.takes("mask") or any(self.takes(f"{name}_mask") for name in self.inputs)

    def arranged(
        self, values: tuple[Any, ...], options: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and keyword arguments of `call`: inputs after `training` or `mask` by name."""
        first = next((i for i, n in enumerate(self.positional) if n in _OPTIONS), len(values))
        named = dict(zip(self.inputs[first:], values[first:], strict=False))
        return values[: len(values) - len(named)], options | named


signature: Callable[[Any], CallSignature] = functools.cache(CallSignature)
"""The signature of a class's `call`."""


def side_by_side(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """A call's inputs by position, in the order of `call`, and the other options.

    Raises:
      TypeError: an argument that `call` does not take.
    """
    call = signature(type(origin_of(layer)))
    options = dict(kwargs)
    if not call.takes_any:
        error = unexpected_arguments(f"{layer.who}: call", options, [*call.names, *_OPTIONS])
        if error is not None:
            raise error
    values = []
    for i, value in enumerate(args):
        name = call.positional[i] if i < len(call.positional) else ""
        if name in _OPTIONS:
            options[name] = value
        else:
            values.append(value)
    last = max((i for i, name in enumerate(call.inputs) if name in options), default=-1)
    for name in call.inputs[len(values) : last + 1]:
        values.append(options.pop(name, call.defaults.get(name)))
    return tuple(values), options


def build_arguments(
    who: str, build: Callable[..., Any], shapes: tuple[Any, ...], call: CallSignature
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of `build` by position and by name.

    As in Keras, a `build` with one argument gets the first input's shape only, where `call` has
    several arguments for inputs; of several arguments, `bar_shape` is the shape of `bar` in `call`.

    Raises:
      ValueError: one of several arguments is not named after an input of `call`.
    """
    parameters = list(inspect.signature(build).parameters.values())[1:]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return shapes, {}
    names = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
    if len(parameters) == 1 and names:
        return (shapes[0] if len(shapes) == 1 or len(call.inputs) > 1 else list(shapes),), {}
    by_name = {f"{name}_shape": shape for name, shape in zip(call.inputs, shapes, strict=False)}
    for name in names:
        if not name.endswith("_shape") or name.removesuffix("_shape") not in call.inputs:
            raise ValueError(
                f"{who}: build: expected arguments named after the inputs of `call`, "
                f"{[f'{given}_shape' for given in call.inputs]}, got {name!r}. Rename it, or take "
                "one argument, the shape of the first input."
            )
    if len(names) < len(parameters):
        return (), by_name
    return (), {name: by_name[name] for name in names if name in by_name}
