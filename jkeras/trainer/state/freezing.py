"""Which weights of a model stay as they are: layers and single weights frozen by name.

Layers are frozen with what they are (`core.freezing`), single weights by the paths that a model
remembers (`ModelState.held`). Neither tells the model: before it trains it asks whether the set of
frozen weights is still the one that its optimizer's state was made for (`sync_frozen`).

Laws:
  - A change takes effect at the next epoch, without `compile`. Values stay, and so does what the
    optimizer knows of weights that are trained before and after.
  - For each set of frozen weights training is compiled once, however often sets are exchanged.
"""

from __future__ import annotations

import contextlib
import fnmatch
from collections.abc import Iterator
from typing import Any

import jax

from jkeras.core import freezing, trees
from jkeras.core.errors import WrongTypeError, describe, nearest
from jkeras.core.identity import identity_of
from jkeras.core.layer import Layer
from jkeras.trainer.state.model_state import ModelState

Flags = dict[str, list[str]]


def is_trainable(state: ModelState) -> bool:
    """Whether the model as a whole is trained."""
    return bool(getattr(state.net, "trainable", True)) and "*" not in state.held


def set_trainable(state: ModelState, value: object) -> None:
    """Freezes or thaws a whole model.

    Raises:
      TypeError: `value` is neither True nor False.
    """
    if not isinstance(value, bool):
        raise WrongTypeError(
            f"{state.who}: `trainable`: expected True or False, got {describe(value)}."
        )
    freezing.set_trainable(state.net, value)
    state.held = () if value or isinstance(state.net, Layer) else ("*",)


def freeze(state: ModelState, patterns: tuple[Any, ...], value: bool) -> None:
    """Freezes (`value` False) or thaws layers, or where there is no such layer, weights; patterns
    and errors are as for `model.freeze`. A path matches whole or from a `/` on.
    """
    who = "unfreeze" if value else "freeze"
    if not patterns:
        raise WrongTypeError(
            f"{state.who}: {who}: expected names of layers, got none. "
            f"For all of them write model.trainable = {value}."
        )
    layers = list(freezing.layer_paths(state.net))
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise WrongTypeError(
                f"{state.who}: {who}: expected names of layers such as 'dense*', got "
                f"{describe(pattern)}."
            )
        found = [layer for path, layer in layers if _matches(path, pattern)]
        for layer in found:
            freezing.set_trainable(layer, value)
        if not found:
            _freeze_weights(state, who, pattern, value, [path for path, _ in layers])


def _freeze_weights(
    state: ModelState, who: str, pattern: str, value: bool, layers: list[str]
) -> None:
    state.build_if_known()
    params = {} if state.values is None else state.values.params
    names = list(trees.named_leaves(params))
    found = [name for name in names if _matches(name, pattern)]
    if not found:
        known = f"Layers: {', '.join(layers)}." if layers else f"Weights: {', '.join(names)}."
        later = "" if names else " Weights have no names before build((None, ...))."
        raise ValueError(
            f"{state.who}: {who}: no layer and no weight is named {pattern!r}."
            f"{nearest(pattern, [*layers, *names])} {known}{later}"
        )
    for name in found:
        freeze_weight(state, name, value)


def freeze_weight(state: ModelState, name: str, value: bool) -> None:
    """Freezes (`value` False) or thaws the weight at this path; that of a frozen layer stays."""
    names = list(trees.named_leaves(state.need_values().params))
    frozen = [n for n in names if any(fnmatch.fnmatchcase(n, held) for held in state.held)]
    others = [held for held in frozen if held != name]
    state.held = tuple(others if value else [*others, name])


def _matches(path: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(path, f"*/{pattern}")


def carry_over(old: object, new: object) -> None:
    """Makes a description that takes the place of another as frozen as that was."""
    if isinstance(old, Layer) and isinstance(new, Layer):
        identity_of(new).trainable = identity_of(old).trainable


def trained_places(state: ModelState) -> list[bool]:
    """For each weight in Keras's order, whether it is trained."""
    values = state.stored
    assert values is not None, "called only on a model that is built"
    kept = [False] * len(jax.tree.leaves(values.params))
    if is_trainable(state):
        tree = freezing.frozen(state.net, values.params, state.held)
        kept = [not held for held in jax.tree.leaves(tree)]
    return [place.part == "params" and kept[place.leaf] for place in state.order()]


# -- for checkpoints


def flags(state: ModelState) -> Flags:
    """The frozen layers and weights, for a checkpoint: paths of layers, patterns of weights, and
    the weights for which the optimizer's state is made, which follows a change when the model
    trains again.
    """
    layers = [path for path, layer in _all_layers(state) if not getattr(layer, "trainable", True)]
    return {"layers": layers, "held": list(state.held), "made_for": sorted(state.frozen)}


@contextlib.contextmanager
def with_frozen_flags(state: ModelState, wanted: Flags | None) -> Iterator[None]:
    """Freezes the layers and weights of `wanted`; inside the context, the optimizer's state is made
    for the weights for which it was made then. After an exception all flags are restored.

    Args:
      state: the model's, built.
      wanted: from `flags`; None to leave things as they are.
    """
    state.sync_frozen()
    if wanted is None:
        yield
        return
    before, values = flags(state), state.stored
    made_for = frozenset(wanted["made_for"])
    try:
        _set_flags(state, wanted)
        state.sync_frozen()
        is_behind = made_for != state.frozen
        if is_behind:
            state.values = state.refitted(state.frozen, made_for)
        yield
    except BaseException:
        _set_flags(state, before)
        state.sync_frozen()
        state.values = values
        raise
    if is_behind:  # it will hear of the change before it trains again
        state.mark_behind(made_for)


def _set_flags(state: ModelState, wanted: Flags) -> None:
    """Freezes what `flags` gave, and nothing else."""
    for path, layer in _all_layers(state):  # a layer before those in it, which it sets too
        trained = path not in wanted["layers"]
        if isinstance(layer, Layer) and layer.trainable != trained:
            freezing.set_trainable(layer, trained)
    state.held = tuple(wanted["held"])


def _all_layers(state: ModelState) -> list[tuple[str, Any]]:
    """The layers with their paths, and before them the net, under ""."""
    return [("", state.net), *freezing.layer_paths(state.net)]
