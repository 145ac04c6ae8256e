"""Layers of built models that get other weights: `enable_lora`, `quantize`.

A layer's arguments change in place (`Identity.changed`), and in the same moment its params in all
models that have it. Each model's optimizer keeps what it knows of weights that stay, and what was
compiled for the model is stale.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jkeras.core import freezing, trees
from jkeras.core.errors import value_error
from jkeras.core.identity import identity_of, note_build
from jkeras.core.layer import Layer
from jkeras.core.parts import Path, at, path_to, put
from jkeras.keras_classes.holders import holders_of
from jkeras.keras_classes.layers_on_arrays import Weights
from jkeras.models.weight_tying import weight_ties_of
from jkeras.trainer.state.model_state import ModelState

if TYPE_CHECKING:
    from jkeras.core.trees import Tree


def replace_weights(
    layer: Layer, changed: dict[str, Any], new_weights_fn: Callable[[Any], Any]
) -> None:
    """See `jkeras.core.object_api.ObjectAPI.replace_weights`.

    Raises:
      ValueError: the layer has no weights yet, or a model that has it is in the middle of a fit.
    """
    location = Weights(layer).location
    if location is None or not at(location[0].need_values().params, _kept_at(*location)):
        fix = "Build it first: layer.build((None, ...)), or call it or its model."
        raise value_error("expected a layer with weights, got one that is not built.", fix=fix,
                          who=layer.who)  # fmt: skip
    models = {id(state): state for state in [location[0], *holders_of(layer)]}.values()
    built = [(state, path_to(state.net, identity_of(layer))) for state in models]
    built = [(s, p) for s, p in built if p is not None and s.values is not None]
    for state, _ in built:
        if state.fits:
            raise value_error(
                f"its weights cannot be replaced while {state.who} is in a fit.", who=layer.who
            )
    new = new_weights_fn(at(location[0].need_values().params, _kept_at(*location)))
    identity_of(layer).changed.update(changed)
    freezing.note_change()
    for state, path in built:
        _put(state, _kept_at(state, path), new)
    note_build()


def _kept_at(state: ModelState, path: Path | None) -> Any:
    """The path at which a model keeps the values of the layer at a path."""
    for group in weight_ties_of(state.net).groups:
        if path in group:
            return group[0]
    return path


def _put(state: ModelState, path: Path, new: Tree) -> None:
    with state.lock:
        values, before = state.values, state.frozen
        assert values is not None, "only models that are built"
        if not at(values.params, path):  # a model that does not call the layer
            return
        state.stored = values.replace(params=put(values.params, path, new))
        state.lent = True
        state.mark_synced()
        state.stored = state.refitted(before, state.frozen, trees.specs(values.params))
        state.version += 1
