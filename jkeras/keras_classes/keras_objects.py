"""The one `ObjectAPI`: Keras's object-oriented side of layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from jkeras.core.contract import LayerContract
from jkeras.core.layer import Layer
from jkeras.core.typing import Identifier
from jkeras.core.variables import Variable, innermost
from jkeras.keras_classes import subclassed_layer
from jkeras.ops import initializers, regularizers

if TYPE_CHECKING:
    from jkeras.keras_classes.layers_on_arrays import Weights

# The methods import these modules late: they import the trainer, which defines a subclassed layer;
# such a class needs the registered `ObjectAPI`.


class KerasObjects:
    """See `jkeras.core.object_api.ObjectAPI`."""

    def complete_class(self, cls: type) -> None:
        subclassed_layer.complete_class(cls)

    def regularizer(self, identifier: Identifier) -> Any:
        return regularizers.get(identifier)

    def initializer(self, identifier: Identifier) -> Any:
        return initializers.get(identifier)

    def call(self, layer: LayerContract, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        from jkeras.keras_classes.layers_on_arrays import call_on_arrays

        outputs = subclassed_layer.call_inside(layer, args, kwargs)
        if outputs is not NotImplemented:
            return outputs
        return call_on_arrays(cast(Layer, layer), args, kwargs)

    def build(self, layer: LayerContract, shapes: tuple[Any, ...], by_name: dict[str, Any]) -> None:
        if innermost() is None:
            self.weights(layer).build(shapes, by_name)

    def has_weights(self, layer: LayerContract) -> bool:
        from jkeras.keras_classes.layers_on_arrays import has_weights

        return subclassed_layer.is_inside_call() or has_weights(cast(Layer, layer))

    def is_built(self, layer: LayerContract) -> bool:
        from jkeras.keras_classes.layers_on_arrays import is_built

        return is_built(cast(Layer, layer))

    def weights(self, layer: LayerContract) -> Weights:
        from jkeras.keras_classes.layers_on_arrays import Weights

        return Weights(layer)

    def replace_weights(
        self, layer: LayerContract, changed: dict[str, Any], new_weights_fn: Callable[[Any], Any]
    ) -> None:
        from jkeras.keras_classes.weight_replacement import replace_weights

        replace_weights(cast(Layer, layer), changed, new_weights_fn)

    def weight_inside(self, layer: object, names: tuple[str, ...]) -> Any:
        return subclassed_layer.weight_inside(layer, names)

    def variable_view(self, owner: object, variable: Variable | None) -> Any:
        from jkeras.keras_classes.layers_on_arrays import variable_view

        return variable_view(owner, variable)

    def model(self, layer: LayerContract) -> Any:
        from jkeras.keras_classes.layer_as_model import model_of

        return model_of(layer)
