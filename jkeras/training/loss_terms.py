"""The terms of the total loss: which loss is for which output, or for which outputs together.

`compile(loss=)` takes one loss for every output, a loss for each, and, in the structure of the
outputs, lists of several losses for one place, whose values add up. A function of the user's own at
the place of several outputs gets them all, in their structure.

Source for the rules and the names: measured on Keras 3.15.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import jax

from jkeras.core.errors import describe
from jkeras.core.trees import Tree
from jkeras.losses import Loss
from jkeras.losses.together import takes_several
from jkeras.training.outline import Outline, spread

if TYPE_CHECKING:
    from collections.abc import Sized

NESTED = list | tuple | dict


class LossTerm(NamedTuple):
    """One loss of the total.

    Attributes:
      place: the number of its output, or the structure of the numbers of its outputs.
      loss: the loss.
      weight: its factor in the total; None for one.
      log_name: its name in the logs, which the other losses of the place share; None where the logs
        have the total alone.
    """

    place: Any
    loss: Loss
    weight: float | None = None
    log_name: str | None = None

    @property
    def number(self) -> int | None:
        """The number of its output; None for a loss of several outputs."""
        return self.place if isinstance(self.place, int) else None


class _Entry(NamedTuple):
    place: Any
    path: tuple[Any, ...]
    loss: Loss
    weight: Any


class _Misfit(ValueError):
    """Losses that are nested otherwise than the outputs."""


def resolve_loss_terms(loss: Tree, loss_weights: Tree, structure: Outline) -> tuple[LossTerm, ...]:
    """The terms, in the order in which Keras logs them.

    Args:
      loss, loss_weights: the arguments of `compile`, with losses as objects.
      structure: of the outputs.

    Raises:
      ValueError: an argument does not fit the outputs; the message names the argument.
    """
    entries, factors = _entries(loss, loss_weights, structure)
    names = _log_names(entries, structure)
    terms = [
        LossTerm(entry.place, entry.loss, _factor(entry, factors), name)
        for entry, name in zip(entries, names, strict=True)
    ]
    for term in terms:
        if term.number is None and not takes_several(term.loss):
            raise ValueError(
                f"`loss`: expected a function for outputs that it takes together, got "
                f"{describe(term.loss)}, which takes one output."
            )
    return tuple(terms)


def _entries(
    loss: Tree, loss_weights: Tree, structure: Outline
) -> tuple[list[_Entry], dict[int, float] | None]:
    """The losses at their places, and the factors by output, where the losses have none of their
    own.
    """
    numbers = range(structure.count)
    if not isinstance(loss, NESTED):
        given = [] if loss is None else [_Entry(i, structure.paths[i], loss, None) for i in numbers]
        return given, _factors(loss_weights, structure)
    flat: Any = jax.tree.flatten(loss, is_leaf=lambda item: not isinstance(item, NESTED))
    if isinstance(loss_weights, list | tuple) and len(loss_weights) == len(flat[0]):
        loss_weights = flat[1].unflatten(loss_weights)
    alike = isinstance(loss_weights, NESTED) and _is_alike(loss, loss_weights)
    weights = loss_weights if alike else None
    named = isinstance(loss, dict) and not _is_part(loss, structure.tree)
    if named or structure.count == 1:
        entries = not isinstance(structure.tree, int)
        weights = spread("loss_weights", weights, structure, entries=entries) if alike else {}
        placed = spread("loss", loss, structure, entries=entries)
        found = [
            entry
            for i, item in placed.items()
            for entry in _walk(item, weights.get(i), i, structure.paths[i], structure)
        ]
    else:
        try:
            found = list(_walk(loss, weights, structure.tree, (), structure))
        except _Misfit as error:
            spread("loss", loss, structure)  # whose message says more, where it raises one
            raise ValueError(str(error)) from None
    if structure.count == 1 and len(found) > 1:
        raise ValueError(
            f"`loss`: expected one loss, because the model has one output, got {describe(loss)}. "
            "Add them in a function: lambda y_true, y_pred: first(y_true, y_pred) + ..."
        )
    return found, None if alike else _factors(loss_weights, structure)


def _walk(
    given: Tree, weights: Tree, place: Tree, path: tuple[Any, ...], structure: Outline
) -> Iterator[_Entry]:
    """The losses given at a place, and at those inside of it."""
    if given is None:
        return
    if not isinstance(given, NESTED):
        yield _Entry(place, path, given, weights)
        return
    leaves = jax.tree.leaves(place)
    if isinstance(given, dict):
        if not (isinstance(place, dict) and set(given) <= set(place)):
            raise _misfit(given, structure)
        inner: Any = [(key, given[key]) for key in given]
    elif len(given) == len(leaves) and not any(isinstance(item, NESTED) for item in given):
        for number, item, weight in zip(leaves, given, _listed(weights, given), strict=True):
            yield from _walk(item, weight, number, structure.paths[number], structure)
        return
    elif not isinstance(place, type(given)):  # several losses at one place
        for item, weight in zip(given, _listed(weights, given), strict=True):
            yield from _walk(item, weight, place, path, structure)
        return
    elif len(given) != len(place):
        raise _misfit(given, structure)
    else:
        inner = enumerate(given)
    for key, item in inner:
        weight = None if weights is None else weights[key]
        yield from _walk(item, weight, place[key], (*path, key), structure)


def _listed(weights: Tree, given: Sized) -> Any:
    return [None] * len(given) if weights is None else weights


def _is_alike(loss: Tree, weights: Tree) -> bool:
    """Whether the weights are nested as the losses are."""
    if not isinstance(loss, NESTED):
        return not isinstance(weights, NESTED)
    if isinstance(loss, dict):
        known = isinstance(weights, dict) and set(weights) == set(loss)
        return known and all(_is_alike(loss[key], weights[key]) for key in loss)
    alike = isinstance(weights, list | tuple) and len(weights) == len(loss)
    return alike and all(_is_alike(*pair) for pair in zip(loss, weights, strict=True))


def _is_part(given: dict[Any, Any], tree: Tree) -> bool:
    return isinstance(tree, dict) and bool(set(given) & set(tree))


def _factors(loss_weights: Tree, structure: Outline) -> dict[int, float] | None:
    """The factor of each output's losses."""
    if loss_weights is None:
        return None
    if isinstance(loss_weights, NESTED):
        return spread("loss_weights", loss_weights, structure)
    if structure.count > 1:
        raise ValueError(
            f"`loss_weights`: expected a list or dict of {structure.count} numbers, one for each "
            f"output, got {describe(loss_weights)}."
        )
    return {0: loss_weights}


def _factor(entry: _Entry, factors: dict[int, float] | None) -> float | None:
    if factors is None or not isinstance(entry.place, int):
        weight: float | None = entry.weight
        return weight
    return factors.get(entry.place)


def _log_names(entries: list[_Entry], structure: Outline) -> list[str | None]:
    """The log name of each loss; those of one place share one."""
    if len(entries) < 2:
        return [None] * len(entries)
    names: dict[tuple[Any, ...], str] = {}
    keys = [(_log_word(entry, structure), *jax.tree.leaves(entry.place)) for entry in entries]
    for key in keys:
        if key not in names:
            again = sum(word == key[0] for word, *_ in names)
            names[key] = f"{key[0]}_loss_{again}" if again else f"{key[0]}_loss"
    return [names[key] for key in keys]


def _log_word(entry: _Entry, structure: Outline) -> str:
    """The keys that lead to a place, with the name of the output at the end."""
    words = [str(word) for word in entry.path]
    if isinstance(entry.place, int):
        if not words or isinstance(entry.path[-1], int):
            words[-1:] = [structure.names[entry.place] or entry.loss.log_name]
    elif not words:
        numbers = jax.tree.leaves(entry.place)
        words = ["_".join(structure.names[i] or entry.loss.log_name for i in numbers)]
    return "/".join(words)


def _misfit(given: object, structure: Outline) -> _Misfit:
    named = dict(enumerate(structure.names))
    tree = jax.tree.map(lambda i: i if named[i] is None else named[i], structure.tree)
    return _Misfit(
        f"`loss`: expected entries in the structure of the outputs, {tree}, got {describe(given)}."
    )
