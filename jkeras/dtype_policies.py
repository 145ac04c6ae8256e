"""The names of `keras.dtype_policies`: dtype policies."""

from __future__ import annotations

from typing import Any

from jkeras.core.absent import answering
from jkeras.core.dtype_policy import DTypePolicy, dtype_policy
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.serialization import serialize_keras_object

FloatDTypePolicy = DTypePolicy
"""Keras's other name of it."""

__all__ = ["DTypePolicy", "FloatDTypePolicy", "deserialize", "get", "serialize"]


def get(identifier: Any) -> DTypePolicy:
    """The policy for a name or a `DTypePolicy`; None for the global policy.

    Raises:
      TypeError, ValueError: `identifier` is neither, or an unknown name.

    Example:
      >>> get("mixed_float16").compute_dtype
      'float16'
    """
    if isinstance(identifier, dict):
        return deserialize(identifier)
    return dtype_policy() if identifier is None else DTypePolicy(identifier)


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """The configuration of a policy."""
    config: dict[str, Any] = serialize_keras_object(dtype_policy)
    return {**config, "module": "keras", "registered_name": None}


def deserialize(config: Any, custom_objects: Any = None) -> DTypePolicy:
    """The policy for a configuration.

    Args:
      config: the return value of `serialize`, here or in Keras.
      custom_objects: ignored: there are no custom policies.

    Raises:
      TypeError, ValueError: `config` is not the configuration of a policy, or of an unknown one.
    """
    del custom_objects
    content = config.get("config") if isinstance(config, dict) else None
    if not isinstance(content, dict) or "name" not in content:
        raise WrongTypeError(
            f"deserialize: expected a configuration as serialize gives it, got {describe(config)}."
        )
    return DTypePolicy(content["name"])


__getattr__ = answering(__name__)
