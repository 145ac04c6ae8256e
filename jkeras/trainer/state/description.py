"""The description of a trainer's net."""

from __future__ import annotations

from typing import Any

from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.layer import Layer
from jkeras.models.adapters import trained_as
from jkeras.training.net import Net


def as_description(kind: str, net: Any) -> Net:
    """A trainer's `net` argument as something with the layer contract.

    Raises:
      TypeError: it is none.
    """
    if isinstance(net, type) and issubclass(net, Layer):
        raise WrongTypeError(
            f"{kind}: `net`: expected an object, got the class {net.__name__}. "
            f"Make one: {net.__name__}(...)."
        )
    try:
        net = trained_as(net)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{kind}: `net`: {error}") from None
    if not (hasattr(net, "init") and hasattr(net, "apply")):
        raise WrongTypeError(
            f"{kind}: `net`: expected an object with `init` and `apply`, got "
            f"{describe(net)}. Layers in a list go in jkeras.Sequential([...])."
        )
    return net
