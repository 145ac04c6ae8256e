"""Weights, checkpoints and configurations in files, and Keras's saving functions.

`load_model`, `load_weights`, `save_model` and `save_weights` are here too, as in `keras.saving`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from jkeras.core.custom_objects import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from jkeras.core.serialization import deserialize_keras_object, serialize_keras_object
from jkeras.saving.file_editor import KerasFileEditor
from jkeras.saving.weights import load, save

if TYPE_CHECKING:
    load_model: Any
    load_weights: Any
    save_model: Any
    save_weights: Any

__all__ = [
    "CustomObjectScope",
    "KerasFileEditor",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]


def __getattr__(name: str) -> Any:
    # Models import this package, so these names are imported on first access.
    if name in ("load_model", "save_model"):
        return getattr(importlib.import_module("jkeras.trainer.model_files"), name)
    if name in ("load_weights", "save_weights"):
        return getattr(importlib.import_module("jkeras.trainer.model_files"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
