"""The models that hold the values of a layer."""

from __future__ import annotations

from jkeras.core.identity import identity_of
from jkeras.core.parts import leaves, path_to
from jkeras.keras_classes.tracking import Path
from jkeras.trainer.state import sharing
from jkeras.trainer.state.model_state import ModelState

Location = tuple[ModelState, Path]
"""The holder of a layer's values, and the path to them."""


def location_of(layer: object, last: ModelState | None = None) -> Location | None:
    """The location of a layer's values; None where no model has any. The values of `last` count
    where no other model has any.
    """
    identity = identity_of(layer)
    if identity.holder is not None and identity.holder.values is not None:
        return identity.holder, ()
    for holder in sorted(holders_of(layer), key=lambda holder: holder is last):
        path = path_to(holder.net, identity)
        if path is not None and holder.values is not None:
            return holder, path
    return None


def holders_of(layer: object) -> list[ModelState]:
    """The models of a layer, or of the first layer in it; the one that was written last first."""
    for identity, _ in leaves(layer):
        holders = sharing.subscribers_of(identity)
        if holders is not None:
            return holders
    return []
