"""The results of `layer.adapt`, put into the values of a model that is built already.

A layer may be adapted again at any time, its model cannot hear it. So the model asks: it remembers
how often each of its layers had been adapted when it last looked, and takes over what is newer.
Values that came another way since then, from a file or by `set_weights`, stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from jkeras.core.tracing import outside_of_traces
from jkeras.core.trees import Tree
from jkeras.layers.adapting import Adaptable

Path = tuple[str, ...]


def refreshed(layers: Iterable[tuple[Path, Adaptable]], state: Tree, seen: dict[Path, int]) -> Any:
    """A model's state with what its layers found since the last look; None where nothing is new.

    Args:
      layers: those of the model that have `adapt`.
      state: the model's, with values.
      seen: for each layer how often it had been adapted at the last look; brought up to date.

    Raises:
      ValueError: a layer was adapted to data of another shape than the model was built for.
    """
    changed = False
    for path, layer in layers:
        version = layer.fit_box.version
        if seen.get(path, 0) == version:
            continue
        with outside_of_traces():
            new, old = layer.fitted_state(), _part(state, path)
        if old or not new:  # otherwise `call` of a subclassed model does not use the layer
            _check_shapes(layer, old, new)
            state, changed = _with_part(state, path, new), True
        seen[path] = version
    return state if changed else None


def check_ready(who: str, layers: Iterable[tuple[Path, Adaptable]], state: Tree) -> None:
    """Raises when a layer still waits for `adapt`.

    Args:
      who: the method that was called.
      layers: those of the model that have `adapt`.
      state: the model's, with values.

    Raises:
      ValueError: as described.
    """
    for path, layer in layers:
        try:
            layer.check_ready(_part(state, path))
        except ValueError as error:
            raise ValueError(f"{who}: {error}") from None


def adaptable(net: object, path: Path = ()) -> Iterator[tuple[Path, Adaptable]]:
    """The layers of a net that have `adapt`, each with the names that lead to its state."""
    if isinstance(net, Adaptable):
        yield path, net
    named = {layer.name: layer for layer in getattr(net, "layers", ())}
    for name, layer in named.items():
        yield from adaptable(layer, (*path, str(name)))


def _part(state: Tree, path: Path) -> Any:
    for name in path:
        state = state.get(name, {})
    return state


def _with_part(state: Tree, path: Path, new: dict[str, Any]) -> Any:
    """A copy of nested dicts with some entries of the dict at `path` replaced."""
    if not new:
        return state
    if not path:
        return {**state, **new}
    return {**state, path[0]: _with_part(state.get(path[0], {}), path[1:], new)}


def _check_shapes(layer: Adaptable, old: dict[str, Any], new: dict[str, Any]) -> None:
    for name, value in new.items():
        built = np.shape(old[name])
        if built != value.shape:
            raise ValueError(
                f"{layer.who}: adapted to data of shape {value.shape} along its axes, in a model "
                f"that was built for {built}. Adapt it to data like the model's inputs, or make a "
                "new model."
            )
