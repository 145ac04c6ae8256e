"""A layer called on symbols, in Keras's ways of calling: lists, names, `training=`, `mask=`.

`apply` takes its inputs side by side, so `Concatenate()([a, b])`, `MultiHeadAttention(…)(query=q,
value=v)` and `LSTM(…)(x, initial_state=[h, c])` are brought into that order here.
"""

from __future__ import annotations

import inspect
from typing import Any

from jkeras.core.contract import LayerContract
from jkeras.core.errors import describe, type_error, unexpected_arguments
from jkeras.core.identity import identity_of
from jkeras.core.symbols import Node
from jkeras.core.tracing import traced_outputs

_FIRST = ("inputs", "x", "sequences", "sequence")
_ATTENTION = ("query", "value", "key")
_NO_OPTIONS = ("self", "params", "state", "key", "rows")


def call_on_symbols(layer: LayerContract, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The symbols of a layer's outputs, for inputs by position or by name, and options by name.

    Raises:
      TypeError: an argument that the layer does not take.
      ValueError: inputs that it does not take.
    """
    values, options = arrangement(layer, args, kwargs)
    kwargs = {name: value for name, value in kwargs.items() if value is not None}
    return call(layer, values, options, (args, kwargs))


def call(
    layer: LayerContract, args: tuple[Any, ...], options: dict[str, Any], given: tuple[Any, Any]
) -> Any:
    """The symbols of the outputs of a layer called on symbols.

    Args:
      layer: the layer.
      args, options: the arguments of its `apply` after params and state, by position and by name.
      given: (args, kwargs) as the user wrote them.
    """
    node = Node(layer, args, options)
    node.given = given
    outputs = node.give(traced_outputs(layer, args, options))
    identity_of(layer).nodes.append(node)
    return outputs


def arrangement(
    layer: LayerContract, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The inputs of a call side by side, as `apply` has them, and the options by name.

    Raises:
      TypeError: an argument that the layer does not take.
    """
    kwargs = {name: value for name, value in kwargs.items() if value is not None}
    if hasattr(layer, "side_by_side"):
        values, options = layer.side_by_side(args, kwargs)
        return tuple(values), options
    values = [*args, *_by_name(kwargs)]
    if not values:
        raise type_error(who=layer.who, expected="an input", got="none", fix="Write layer(x).")
    if values[0] is None:
        fix = "A function that shall give it may lack its `return`."
        raise type_error(who=layer.who, expected="an input", got="None", fix=fix)
    if len(values) == 2 and "mask" not in kwargs and _has_mask_next(layer):
        kwargs["mask"] = values.pop()
    return _side_by_side(layer, values), _options(layer, kwargs)


def _has_mask_next(layer: LayerContract) -> bool:
    """Whether `apply` takes one input and a `mask`, which Keras's users may give by position."""
    parameters = inspect.signature(layer.apply).parameters
    kinds = [p.kind for p in parameters.values()]
    by_position = kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return (
        "mask" in parameters and by_position == 3 and inspect.Parameter.VAR_POSITIONAL not in kinds
    )


def _by_name(kwargs: dict[str, Any]) -> list[Any]:
    """Takes the inputs out of `kwargs`, in the order in which `apply` has them."""
    names = [name for name in (*_FIRST, *_ATTENTION, "count_weights") if name in kwargs]
    return [kwargs.pop(name) for name in names] + _flat(kwargs.pop("initial_state", ()))


def _flat(value: object) -> list[Any]:
    if isinstance(value, list | tuple):
        return [part for item in value for part in _flat(item)]
    return [value]


def _side_by_side(layer: LayerContract, values: list[Any]) -> tuple[Any, ...]:
    """The inputs as `apply` takes them: members of a list one by one, unless it takes a list."""
    if hasattr(layer, "arranged"):
        return tuple(layer.arranged(values))
    flat = _flat(values)
    try:
        inspect.signature(layer.apply).bind({}, {}, *flat)
    except TypeError:
        return tuple(values)
    return tuple(flat)


def _options(layer: LayerContract, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by name, checked against those of `apply`."""
    parameters = inspect.signature(layer.apply).parameters
    known = [
        name
        for name, p in parameters.items()
        if name not in _NO_OPTIONS and p.kind is p.KEYWORD_ONLY
    ]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    error = None if takes_any else unexpected_arguments(f"{layer.who}: call", kwargs, known)
    if error is not None:
        raise error
    flag = kwargs.get("training", False)
    if not isinstance(flag, bool):
        expected, got = "True or False", describe(flag)
        raise type_error(who=layer.who, argument="training", expected=expected, got=got)
    return kwargs
