"""Values in files, and descriptions as configurations."""

from jkeras.core.custom_objects import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from jkeras.core.serialization import deserialize_keras_object, serialize_keras_object
from jkeras.saving.weights import load, save

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load",
    "register_keras_serializable",
    "save",
    "serialize_keras_object",
]
