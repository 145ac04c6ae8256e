"""The model that stands for layers inside another model.

A model that is called on symbols becomes a layer there, a `Chain` or a `Graph`. In Keras it stays a
model: `outer.get_layer("encoder").summary()`. So a word of a model, said to such a layer, goes to
the model it came from, or, where that is gone, to one made of the same layers. Either shares its
weights with the outer one.
"""

from __future__ import annotations

from typing import Any

from jkeras.core.identity import identity_of
from jkeras.keras_classes.layers_on_arrays import holders_of
from jkeras.models.graph import Graph
from jkeras.trainer.model import Model
from jkeras.trainer.sequential import Sequential
from jkeras.trainer.trainer import Trainer

_MODEL = "_model"


def model_of(layer: Any) -> Trainer:
    """The model that a layer made of layers came from, or one made of them."""
    for holder in holders_of(layer):
        model = holder.owner()
        if model is not None and identity_of(holder.net) is identity_of(layer):
            return model
    own = vars(layer)
    if _MODEL not in own:
        own[_MODEL] = _made(layer)
    return own[_MODEL]


def _made(layer: Any) -> Trainer:
    if isinstance(layer, Graph):
        return Model(layer.inputs, layer.outputs, name=layer.name)
    made = Sequential(list(layer.layers), name=layer.name)
    calls = identity_of(layer).nodes
    if calls and not made.built:
        made.build(*calls[0].args)
    return made


__all__ = ["model_of"]
