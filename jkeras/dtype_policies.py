"""The names of `keras.dtype_policies`: dtype policies."""

from __future__ import annotations

from typing import Any

from jkeras.core.absent import answering
from jkeras.core.dtype_policy import DTypePolicy, dtype_policy
from jkeras.core.quantized_policy import (
    AWQDTypePolicy,
    DTypePolicyMap,
    GPTQDTypePolicy,
    Int4DTypePolicy,
    QuantizedDTypePolicy,
    QuantizedFloat8DTypePolicy,
    policy_of,
    read,
    written,
)

FloatDTypePolicy = DTypePolicy
"""Keras's other name of it."""

__all__ = [
    "AWQDTypePolicy",
    "DTypePolicy",
    "DTypePolicyMap",
    "FloatDTypePolicy",
    "GPTQDTypePolicy",
    "Int4DTypePolicy",
    "QuantizedDTypePolicy",
    "QuantizedFloat8DTypePolicy",
    "deserialize",
    "get",
    "serialize",
]


def get(identifier: Any) -> Any:
    """The policy for a name or a `DTypePolicy`; None for the global policy.

    Raises:
      TypeError, ValueError: `identifier` is neither, or an unknown name.

    Example:
      >>> get("mixed_float16").compute_dtype
      'float16'
    """
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, DTypePolicyMap):
        return identifier
    quantized = policy_of(identifier)
    if quantized is not None:
        return quantized
    return dtype_policy() if identifier is None else DTypePolicy(identifier)


def serialize(dtype_policy: DTypePolicy | DTypePolicyMap) -> dict[str, Any]:
    """The configuration of a policy."""
    return written(dtype_policy)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The policy for a configuration.

    Args:
      config: the return value of `serialize`, here or in Keras.
      custom_objects: ignored: there are no custom policies.

    Raises:
      TypeError, ValueError: `config` is not the configuration of a policy, or of an unknown one.
    """
    del custom_objects
    return read(config)


__getattr__ = answering(__name__)
