"""Freezing, as a trainer hears of it.

Layers are frozen with what they are (`core.freezing`), single weights by the paths that a trainer
remembers. Neither tells the trainer: it asks, before it trains, whether the set of frozen weights
is still the one that its programs and its optimizer's state were made for.

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

from jkeras import optimizers
from jkeras.core import freezing, trees
from jkeras.core.errors import describe, nearest
from jkeras.core.identity import identity_of
from jkeras.core.layer import Layer


def is_trainable(holder: Any) -> bool:
    """Whether the model as a whole is trained."""
    return bool(getattr(holder.net, "trainable", True)) and "*" not in holder._held


def set_trainable(holder: Any, value: Any) -> None:
    """Freezes or thaws a whole model.

    Raises:
      TypeError: `value` is neither True nor False.
    """
    if not isinstance(value, bool):
        raise TypeError(
            f"{holder._who}: `trainable`: expected True or False, got {describe(value)}."
        )
    freezing.set_trainable(holder.net, value)
    holder._held = () if value or isinstance(holder.net, Layer) else ("*",)


def freeze(holder: Any, patterns: tuple[Any, ...], value: bool) -> None:
    """Freezes (`value` False) or thaws layers, or where there is no such layer, weights.

    Args:
      holder: the model.
      patterns: names or paths of layers ("encoder/dense"), or paths of weights, in which `*` stands
        for anything; a path matches whole or from a `/` on.
      value: whether they are trained.

    Raises:
      TypeError: a pattern is no string, or there is none.
      ValueError: nothing matches; the message names the nearest.
    """
    who = "unfreeze" if value else "freeze"
    if not patterns:
        raise TypeError(
            f"{holder._who}: {who}: expected names of layers, got none. "
            f"For all of them write model.trainable = {value}."
        )
    layers = list(freezing.layer_paths(holder.net))
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise TypeError(
                f"{holder._who}: {who}: expected names of layers such as 'dense*', got "
                f"{describe(pattern)}."
            )
        found = [layer for path, layer in layers if _matches(path, pattern)]
        for layer in found:
            freezing.set_trainable(layer, value)
        if not found:
            _freeze_weights(holder, who, pattern, value, [path for path, _ in layers])


def _freeze_weights(holder: Any, who: str, pattern: str, value: bool, layers: list[str]) -> None:
    holder._build_if_known()
    params = {} if holder._values is None else holder._values.params
    names = list(trees.named_leaves(params))
    found = [name for name in names if _matches(name, pattern)]
    if not found:
        known = f"Layers: {', '.join(layers)}." if layers else f"Weights: {', '.join(names)}."
        later = "" if names else " Weights have no names before build((None, ...))."
        raise ValueError(
            f"{holder._who}: {who}: no layer and no weight is named {pattern!r}."
            f"{nearest(pattern, [*layers, *names])} {known}{later}"
        )
    for name in found:
        freeze_weight(holder, name, value)


def freeze_weight(holder: Any, name: str, value: bool) -> None:
    """Freezes (`value` False) or thaws the weight at this path; that of a frozen layer stays."""
    names = list(trees.named_leaves(holder._values.params))
    others = [held for held in _held_names(holder, names) if held != name]
    holder._held = tuple(others if value else [*others, name])


def _held_names(holder: Any, names: list[str]) -> list[str]:
    """The weights that were frozen by their paths, each by its own."""
    return [n for n in names if any(fnmatch.fnmatchcase(n, held) for held in holder._held)]


def _matches(path: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(path, f"*/{pattern}")


def carried_over(old: Any, new: Any) -> None:
    """Makes a description that takes the place of another as frozen as that was."""
    if isinstance(old, Layer) and isinstance(new, Layer):
        identity_of(new).trainable = identity_of(old).trainable


def frozen_names(holder: Any) -> frozenset[str]:
    """The paths of the weights that are not trained now."""
    tree = freezing.frozen(holder.net, holder._own.params, holder._held)
    return frozenset(name for name, held in trees.named_leaves(tree).items() if held)


def noted(holder: Any) -> None:
    """Notes that the optimizer's state is made for what is trained now."""
    holder._frozen_at = _moment(holder)
    holder._frozen = frozen_names(holder)


def take(holder: Any) -> None:
    """Before training: if other weights are frozen than before, the optimizer's state and the
    programs are made to go with it.
    """
    values = holder._values
    if values is None or holder._frozen_at == _moment(holder):
        return
    before, old = holder._frozen, holder._made
    noted(holder)
    if holder._frozen == before:
        return
    holder._values = _refitted(holder, before, holder._frozen)
    if old is not None:
        holder._made_before[before] = old
        known = holder._made_before.pop(holder._frozen, None)
        holder._made = known or old.for_other_weights(holder._objective())


def _refitted(holder: Any, before: frozenset[str], now: frozenset[str]) -> Any:
    """The values, with the optimizer's state made for other frozen weights than before."""
    values = holder._own
    parts = [_without(trees.specs(values.params), before), _without(values.params, now)]
    opt_state = optimizers.refitted(holder._transformation(), values.opt_state, *parts)
    return values.replace(opt_state=opt_state)


def _without(params: Any, names: frozenset[str]) -> Any:
    """The tree with None in the place of the weights of these names."""
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: None if "/".join(trees.path_names(path)) in names else leaf, params
    )


def flags(holder: Any) -> dict[str, list[str]]:
    """What is frozen, for a checkpoint: paths of layers, patterns of weights, and the weights for
    which the optimizer's state is made, which hears of a change only before it trains again.
    """
    layers = [path for path, layer in _all_layers(holder) if not getattr(layer, "trainable", True)]
    return {"layers": layers, "held": list(holder._held), "made_for": sorted(holder._frozen)}


@contextlib.contextmanager
def as_in(holder: Any, wanted: dict[str, list[str]] | None) -> Iterator[None]:
    """Freezes what `flags` told; while it is entered, the optimizer's state is made for what it was
    made for then. After an exception everything is as it was before.

    Args:
      holder: the model, built.
      wanted: from `flags`; None to leave things as they are.
    """
    take(holder)
    if wanted is None:
        yield
        return
    before, values = flags(holder), holder._own
    made_for = frozenset(wanted["made_for"])
    try:
        _set_flags(holder, wanted)
        take(holder)
        is_behind = made_for != holder._frozen
        if is_behind:
            holder._values = _refitted(holder, holder._frozen, made_for)
        yield
    except BaseException:
        _set_flags(holder, before)
        take(holder)
        holder._values = values
        raise
    if is_behind:  # it will hear of the change before it trains again
        holder._frozen, holder._frozen_at, holder._made = made_for, (), None


def _set_flags(holder: Any, wanted: dict[str, list[str]]) -> None:
    """Freezes what `flags` told, and nothing else."""
    for path, layer in _all_layers(holder):  # a layer before those in it, which it sets too
        trained = path not in wanted["layers"]
        if isinstance(layer, Layer) and layer.trainable != trained:
            freezing.set_trainable(layer, trained)
    holder._held = tuple(wanted["held"])


def _all_layers(holder: Any) -> list[tuple[str, Any]]:
    """The layers with their paths, and before them the net, under ""."""
    return [("", holder.net), *freezing.layer_paths(holder.net)]


def _moment(holder: Any) -> tuple[Any, ...]:
    return freezing.changes(), id(holder._net), holder._held


def trained_places(holder: Any) -> list[bool]:
    """For each weight in Keras's order, whether it is trained."""
    kept = [False] * len(jax.tree.leaves(holder._own.params))
    if is_trainable(holder):
        tree = freezing.frozen(holder.net, holder._own.params, holder._held)
        kept = [not held for held in jax.tree.leaves(tree)]
    return [place.part == "params" and kept[place.leaf] for place in holder._order()]
