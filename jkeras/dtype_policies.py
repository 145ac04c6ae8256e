"""Dtype policies under the names of `keras.dtype_policies`."""

from __future__ import annotations

from typing import Any

from jkeras.core.absent import answering
from jkeras.core.dtype_policy import DTypePolicy, dtype_policy
from jkeras.core.errors import describe
from jkeras.core.serialization import serialize_keras_object

__all__ = ["DTypePolicy", "deserialize", "get", "serialize"]


def get(identifier: Any) -> DTypePolicy:
    """The policy that a name or a `DTypePolicy` stands for; None for that of every layer.

    Raises:
      TypeError, ValueError: it is neither, or there is none of this name.

    Example:
      >>> get("mixed_float16").compute_dtype
      'float16'
    """
    if isinstance(identifier, dict):
        return deserialize(identifier)
    return dtype_policy() if identifier is None else DTypePolicy(identifier)


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """What a configuration holds for a policy."""
    config: dict[str, Any] = serialize_keras_object(dtype_policy)
    return {**config, "module": "keras", "registered_name": None}


def deserialize(config: Any, custom_objects: Any = None) -> DTypePolicy:
    """The policy that a configuration stands for.

    Args:
      config: what `serialize` gave, here or in Keras.
      custom_objects: of no meaning: there are no policies of one's own.

    Raises:
      TypeError, ValueError: it is none, or its policy is unknown here.
    """
    del custom_objects
    content = config.get("config") if isinstance(config, dict) else None
    if not isinstance(content, dict) or "name" not in content:
        raise TypeError(
            f"deserialize: expected a configuration as serialize gives it, got {describe(config)}."
        )
    return DTypePolicy(content["name"])


__getattr__ = answering(__name__)
