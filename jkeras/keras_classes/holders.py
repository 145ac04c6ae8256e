"""The models that hold the values of a layer."""

from __future__ import annotations

from jkeras.core.identity import identity_of
from jkeras.core.layer import Params, State
from jkeras.core.parts import at, leaves, path_to
from jkeras.keras_classes.tracking import Path
from jkeras.models.weight_tying import weight_ties_of
from jkeras.trainer.state import sharing
from jkeras.trainer.state.model_state import ModelState

Location = tuple[ModelState, Path]
"""The holder of a layer's values, and the path to them."""


def location_of(layer: object, last: ModelState | None = None) -> Location | None:
    """The location of a layer's values; None where no model with values has the layer. The values
    of `last` count where no other model has any. A model that does not call the layer may have none
    at the location.
    """
    identity = identity_of(layer)
    if identity.holder is not None and identity.holder.values is not None:
        return identity.holder, ()
    empty: Location | None = None
    for holder in sorted(holders_of(layer), key=lambda holder: holder is last):
        path = path_to(holder.net, identity)
        if path is not None and holder.values is not None:
            if any(values_at((holder, path))):
                return holder, path
            empty = empty or (holder, path)
    return empty


def values_at(location: Location) -> tuple[Params, State]:
    """(params, state) at a location, empty for a layer that its model does not call."""
    (holder, path), values = location, location[0].values
    if values is None:
        return {}, {}
    weight_ties = weight_ties_of(holder.net)
    params, state = (at(weight_ties.broadcast(x), path) for x in (values.params, values.state))
    return params, state


def holders_of(layer: object) -> list[ModelState]:
    """The models of a layer, or of the first layer in it; the one that was written last first."""
    for identity, _ in leaves(layer):
        holders = sharing.subscribers_of(identity)
        if holders is not None:
            return holders
    return []
