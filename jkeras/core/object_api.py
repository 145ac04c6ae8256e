"""The seam to Keras's object-oriented side: what a layer does as an object that has weights.

The core describes layers and runs them as pure functions. In Keras a layer is an object beside: it
is called on arrays, it shows weights, and a user's class defines `build` and `call`. All of that is
done behind one `ObjectAPI`, which `jkeras.keras_classes` registers when `jkeras` is imported. The
core imports nothing of it: the methods of `LayerObject` ask `object_api()`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from jkeras.core.contract import LayerContract
from jkeras.core.typing import Identifier
from jkeras.core.variables import Variable, named_initializers


class LayerWeights(Protocol):
    """The weights of a layer in the model that has them; of a layer that is not built, none.

    Attributes:
      location: the model and the place in it; None before weights exist.
    """

    location: Any

    def views(self, trained: bool | None = None, *, kept: bool = False) -> list[Any]:
        """Views on the trained ones, the others, or, by default, all of them; with `kept` the ones
        that users see, one for each weight in whatever model.
        """

    def tree(self, part: str) -> Any:
        """The `params` or the `state` of the layer, with the views that users see in the place of
        arrays; an empty dict before there are any.
        """

    def get(self) -> list[Any]:
        """Copies as NumPy arrays."""

    def set(self, weights: Sequence[Any]) -> None:
        """Replaces all of them.

        Raises:
          ValueError: another number of arrays, or a shape that differs.
        """

    def build(self, shapes: tuple[Any, ...], by_name: dict[str, Any]) -> None:
        """Makes them for inputs of these shapes, unless they exist."""

    def losses(self) -> list[Any]:
        """The losses of the last call on arrays, and the regularization losses of the weights."""

    def call(
        self, trained: list[Any], others: list[Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, list[Any], list[Any]]:
        """The outputs, new values of the others, and losses of a call with these values; pure."""

    def reset_carried(self) -> None:
        """Sets what a stateful layer carries to zero."""


class ObjectAPI(Protocol):
    """Keras's object-oriented side of layers."""

    def complete_class(self, cls: type) -> None:
        """Makes a class that defines `call` or `build` a layer: it gets the contract `init` and
        `apply`, and what `build` and `call` use, except what the user wrote.
        """

    def regularizer(self, identifier: Identifier) -> Any:
        """The regularizer that a user's word stands for."""

    def initializer(self, identifier: Identifier) -> Any:
        """The initializer that a user's word stands for."""

    def call(self, layer: LayerContract, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The outputs of a layer that is called on arrays, inside another one's `call` or not."""

    def build(self, layer: LayerContract, shapes: tuple[Any, ...], by_name: dict[str, Any]) -> None:
        """Makes the weights of a layer for inputs of these shapes, unless they exist, or the layer
        is being called, which makes them.
        """

    def has_weights(self, layer: LayerContract) -> bool:
        """Whether a layer is called in a running `call`, or has weights in a model."""

    def is_built(self, layer: LayerContract) -> bool:
        """Whether a layer has its weights, or needs none."""

    def weights(self, layer: LayerContract) -> LayerWeights:
        """The weights of a layer."""

    def replace_weights(
        self, layer: LayerContract, changed: dict[str, Any], new_weights_fn: Callable[[Any], Any]
    ) -> None:
        """Changes arguments of a layer in place and its params with them, in all models that have
        the layer: `new_weights_fn(params)` gives the new ones.
        """

    def weight_inside(self, layer: object, names: tuple[str, ...]) -> Any:
        """The array of a weight of a layer in the `call` that runs around it, or None."""

    def variable_view(self, owner: object, variable: Variable | None) -> Any:
        """The view on a variable in the model that has the layer which owns it, or None."""

    def model(self, layer: LayerContract) -> Any:
        """The model that a layer made of layers came from, or one made of them."""


_registered: ObjectAPI | None = None


def register(api: ObjectAPI) -> None:
    """Names the one that layers ask, in place of any other."""
    named_initializers[:] = [api.initializer]
    global _registered
    _registered = api


def object_api() -> ObjectAPI:
    """The one that layers ask.

    Raises:
      RuntimeError: there is none yet.
    """
    if _registered is None:
        raise RuntimeError(
            "Layer: expected jkeras.keras_classes to be imported. Write import jkeras."
        )
    return _registered
