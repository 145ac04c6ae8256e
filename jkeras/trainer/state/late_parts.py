"""Layers in a model's attributes that are built later than the model, and then join it.

    model.build((None, 4))
    model.norm.adapt(x)            # nothing that `call` calls, but the model's layer all the same
    model.save_weights(path)       # with the statistics

In Keras a layer owns its weights, so the model has them from the moment when the layer is built.
Here the model takes them in when it is used the next time: the structure of its values grows, the
optimizer keeps what it knows of the other weights, and what was compiled is stale.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from jkeras.core import trees
from jkeras.core.identity import last_build
from jkeras.core.seeds import is_tracing
from jkeras.core.trees import Tree
from jkeras.core.variables import innermost
from jkeras.trainer.state import sharing
from jkeras.training.state import TrainState


class Joined(sharing.Subscriber, Protocol):
    """What is needed of a model: see `ModelState`."""

    frozen: frozenset[str]
    builds_seen: int
    fits: int
    version: int

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Held while the values change."""

    def mark_synced(self) -> None:
        """Notes that the optimizer's state is made for what is trained now."""

    def refitted(self, before: frozenset[str], now: frozenset[str], old: Tree = None) -> TrainState:
        """The values, with the optimizer's state made for other weights than before."""


def take(model: Joined) -> bool:
    """Takes in the layers that were built since the model was; whether there are any.

    Not within a fit, whose programs are made for the values that it began with, nor inside a step
    or a program, where arrays stand for values.
    """
    late_values_fn = getattr(model.net, "late_values", None)
    if late_values_fn is None or model.stored is None:
        model.builds_seen = last_build()
        return False
    if model.fits or innermost() is not None or is_tracing():
        return False
    with model.lock:
        model.builds_seen = last_build()
        params, state = late_values_fn()
        if not (params or state):
            return False
        values, before = model.stored, model.frozen
        model.stored = values.replace(
            params={**values.params, **params}, state={**values.state, **state}
        )
        sharing.on_built(model)
        model.mark_synced()
        model.stored = model.refitted(before, model.frozen, trees.specs(values.params))
        model.version += 1
        model.builds_seen = last_build()
    return True
