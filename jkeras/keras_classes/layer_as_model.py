"""The model that stands for layers inside another model.

A model that is called on symbols becomes a layer there, a `Chain` or a `Graph`. In Keras it stays a
model: `outer.get_layer("encoder").summary()`. So a model's attribute that such a layer lacks is
looked up in the model that it came from, or, where that is gone, in a model made of the same
layers. Either shares its weights with the outer one.
"""

from __future__ import annotations

from typing import Any

from jkeras.core.identity import identity_of
from jkeras.keras_classes.holders import holders_of
from jkeras.models.graph import Graph
from jkeras.trainer.model import Model
from jkeras.trainer.sequential import Sequential
from jkeras.trainer.trainer import Trainer

_MODEL = "_model"


def model_of(layer: Any) -> Trainer:
    """The model that a layer made of layers came from, or a model made of these layers."""
    for holder in holders_of(layer):
        model = holder.owner()
        if model is not None and identity_of(holder.net) is identity_of(layer):
            return model
    if _MODEL not in vars(layer):
        vars(layer)[_MODEL] = _new_model(layer)
    return vars(layer)[_MODEL]


def _new_model(layer: Any) -> Trainer:
    if isinstance(layer, Graph):
        return Model(layer.inputs, layer.outputs, name=layer.name)
    model = Sequential(list(layer.layers), name=layer.name)
    calls = identity_of(layer).nodes
    if calls and not model.built:
        model.build(*calls[0].args)
    return model
