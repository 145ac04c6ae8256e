"""`serialize` and `deserialize`: layers and their configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jkeras.core.errors import describe
from jkeras.core.serialization import deserialize_in, resolved, serialize_keras_object


def serialize(layer: Any) -> dict[str, Any]:
    """The configuration of a layer or a model: a dict that can be written as JSON.

    Example:
      >>> from jkeras.layers import Flatten
      >>> serialize(Flatten())["module"], serialize(Flatten())["config"]["data_format"]
      ('keras.layers', 'channels_last')

    Source: `keras.layers.serialize`.
    """
    written: dict[str, Any] = serialize_keras_object(layer)
    return written


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The layer or the model for a configuration.

    Args:
      config: the return value of `serialize`, here or in Keras.
      custom_objects: the user's own classes and functions by name.

    Raises:
      TypeError: `config` is not the configuration of a layer.
      ValueError: a name in the configuration is unknown, or an argument is missing.

    Example:
      >>> deserialize({"class_name": "Dense", "config": {"units": 3}})
      Dense(units=3)

    Source: `keras.layers.deserialize`.
    """
    return deserialize_in(_layer, config, custom_objects)


def _layer(config: Mapping[str, Any]) -> Any:
    made = resolved(config, "layers")
    if not (hasattr(made, "apply") or hasattr(made, "net")):
        raise TypeError(
            "expected the configuration of a layer, a dict with 'class_name' and 'config', got "
            f"{describe(config)}."
        )
    return made
