"""Layers made from layers. `Model` and `Sequential` are reached here too, where a Keras user
looks for them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from jkeras.core.freezing import frozen
from jkeras.models.adapters import as_layer
from jkeras.models.chain import Chain
from jkeras.models.cloning import clone_model, model_from_json
from jkeras.models.graph import Graph

if TYPE_CHECKING:
    from jkeras.trainer import Model, Sequential

    load_model: Any
    save_model: Any
    write_back: Any

__all__ = [
    "Chain",
    "Graph",
    "Model",
    "Sequential",
    "as_layer",
    "clone_model",
    "frozen",
    "load_model",
    "model_from_json",
    "save_model",
    "write_back",
]


def __getattr__(name: str) -> Any:
    # The trainer is built on the models, so these names are imported at their first use.
    if name in ("Model", "Sequential"):
        from jkeras import trainer

        return getattr(trainer, name)
    if name in ("load_model", "save_model"):
        return getattr(importlib.import_module("jkeras.trainer.model_files"), name)
    if name == "write_back":
        return importlib.import_module("jkeras.models.adapters.keras").write_back
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
