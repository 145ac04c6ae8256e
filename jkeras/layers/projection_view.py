"""The projections of an attention layer as Keras shows them: objects with a kernel and a bias."""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras.core.layer import Layer
from jkeras.core.object_api import object_api


class ProjectionView:
    """The weights of one projection, which belong to the attention layer.

    Args:
      layer: the attention layer.
      name: the name of the projection in its params.
    """

    def __init__(self, layer: Layer, name: str) -> None:
        self._layer, self.name = layer, name

    def __repr__(self) -> str:
        return f"<{self.name} of {self._layer.who}>"

    @property
    def weights(self) -> list[Any]:
        """The kernel and, with `use_bias`, the bias; none before the layer is built."""
        views = object_api().weights(self._layer).views(kept=True)
        return [view for view in views if view.path.split("/")[-2:-1] == [self.name]]

    @property
    def kernel(self) -> Any:
        """The kernel."""
        return self._named("kernel")

    @property
    def bias(self) -> Any:
        """The bias; None without `use_bias`."""
        return self._named("bias") if getattr(self._layer, "use_bias", True) else None

    def get_weights(self) -> list[np.ndarray]:
        """Copies of the weights."""
        return [np.array(weight) for weight in self.weights]

    def set_weights(self, weights: list[Any]) -> None:
        """Replaces the weights by arrays in the order of `get_weights`."""
        for weight, value in zip(self.weights, weights, strict=True):
            weight.assign(value)

    def _named(self, name: str) -> Any:
        weight = self._layer.shown_weight(self.name, name)
        if weight is not None:
            return weight
        raise AttributeError(f"{self!r} has no {name} before the layer is built. Call it once.")


def projection(name: str) -> Any:
    """A property with the projection of this name."""
    return property(
        lambda layer: ProjectionView(layer, name),
        doc=f"The projection `{name}`, as an object with its `kernel` and `bias`.",
    )
