"""Chains as configurations, in the form of Keras's `Sequential`."""

from __future__ import annotations

from typing import Any

from jkeras.core.layer import Layer
from jkeras.core.serialization import serialize_keras_object
from jkeras.models.chain import Chain


def written_layer(layer: Layer) -> Any:
    """A layer of a model as a configuration; a chain as the `Sequential` that it is in Keras."""
    if type(layer) is not Chain:
        return serialize_keras_object(layer)
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": sequence_config(layer, str(layer.name)),
        "registered_name": None,
    }


def sequence_config(chain: Chain, name: str) -> dict[str, Any]:
    """What Keras writes for layers in a row; those of a frozen row are frozen one by one."""
    layers = chain.layers
    if not chain.trainable:
        layers = tuple(layer.replace(trainable=False) for layer in layers)
    written = [written_layer(layer) for layer in layers]
    return {"name": name, "trainable": chain.trainable, "dtype": None, "layers": written}
