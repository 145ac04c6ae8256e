"""`serialize` and `deserialize`: layers and their configurations."""

from __future__ import annotations

from typing import Any

from jkeras.core.registry import deserializer, reader
from jkeras.core.serialization import serialize_keras_object


def serialize(layer: object) -> dict[str, Any]:
    """The configuration of a layer or a model: a dict that can be written as JSON.

    Example:
      >>> from jkeras.layers import Flatten
      >>> serialize(Flatten())["module"], serialize(Flatten())["config"]["data_format"]
      ('keras.layers', 'channels_last')
      >>> deserialize({"class_name": "Dense", "config": {"units": 3}})
      Dense(units=3)

    Source: `keras.layers.serialize`.
    """
    written: dict[str, Any] = serialize_keras_object(layer)
    return written


deserialize = deserializer(
    reader("layer", "layers", lambda value: hasattr(value, "apply") or hasattr(value, "net")),
    "layer",
    "layers",
)
