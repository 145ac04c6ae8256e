"""Layers made from layers. `Model` and `Sequential` are reached here too, where a Keras user
looks for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jkeras.core.freezing import frozen
from jkeras.models.adapters import as_layer
from jkeras.models.chain import Chain
from jkeras.models.cloning import clone_model, model_from_json
from jkeras.models.graph import Graph
from jkeras.models.written import install as _install

if TYPE_CHECKING:
    from jkeras.trainer import Model, Sequential

_install()

__all__ = [
    "Chain",
    "Graph",
    "Model",
    "Sequential",
    "as_layer",
    "clone_model",
    "frozen",
    "model_from_json",
]


def __getattr__(name: str) -> Any:
    # The trainer stands on top of the models, so these names are fetched when they are asked for.
    if name in ("Model", "Sequential"):
        from jkeras import trainer

        return getattr(trainer, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
