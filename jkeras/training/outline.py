"""The structure of a model's outputs, and the rule by which arguments are matched to outputs.

A user writes losses, targets and sample weights as a list in the order of the outputs, as a dict
under their names, or in the outputs' own nested structure. `spread` reads all three. Laws: no
array's values are read; a list with one entry for each output is taken as it is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import jax

from jkeras.core.errors import UnknownNameError, describe, nearest
from jkeras.core.trees import Tree


@dataclasses.dataclass(frozen=True)
class Outline:
    """The structure of a model's outputs.

    Attributes:
      tree: the structure, with each output's number in its place.
      names: what users call each output, by number; None for one without a name.
      paths: keys and indices that lead to each output.
    """

    tree: Any
    names: tuple[str | None, ...]
    paths: tuple[tuple[Any, ...], ...]

    @property
    def count(self) -> int:
        """How many outputs there are."""
        return len(self.names)

    @property
    def prefixes(self) -> tuple[str | None, ...]:
        """The prefix of each output's metric names; None where there is one output."""
        return self.names if self.count > 1 else (None,)

    @property
    def words(self) -> list[str]:
        """The names there are."""
        return [name for name in self.names if name is not None]


def outline(outputs: Tree, names: Iterable[str] = ()) -> Outline:
    """The outline of outputs.

    Args:
      outputs: arrays or specs, in the structure that the model returns.
      names: the names that the model has for them, in JAX's order; without any, the keys of a dict
        are names.

    Example:
      >>> outline({"b": 0.0, "a": 1.0}).names, outline([0.0, 1.0], ["left", "right"]).names
      (('a', 'b'), ('left', 'right'))
    """
    paths = tuple(
        tuple(_word(entry) for entry in path)
        for path, _ in jax.tree_util.tree_leaves_with_path(outputs)
    )
    given = tuple(names)
    named: tuple[str | None, ...] = given if len(given) == len(paths) else (None,) * len(paths)
    if isinstance(outputs, dict) and all(len(path) == 1 for path in paths):
        named = tuple(str(path[0]) for path in paths)
    tree = jax.tree.unflatten(jax.tree.structure(outputs), range(len(paths)))
    return Outline(tree, named, paths)


def _word(entry: object) -> Any:
    for attribute in ("key", "idx", "name"):
        if hasattr(entry, attribute):
            return getattr(entry, attribute)
    return str(entry)


def spread(who: str, given: object, structure: Outline, *, entries: bool = False) -> dict[int, Any]:
    """An argument for the outputs as a dict from an output's number to its entry.

    Args:
      who: the name of the argument, for messages.
      given: a list or tuple in the order of the outputs, a dict under their names, or either in
        the outputs' own nested structure.
      structure: of the outputs.
      entries: whether a list may be what is given for one output.

    Raises:
      ValueError: a name that no output has, or another number of entries than outputs.

    Example:
      >>> spread("loss", {"a": "mse"}, outline({"b": 0.0, "a": 1.0}))
      {0: 'mse'}
    """
    if isinstance(given, list | tuple) and len(given) == structure.count:
        return dict(enumerate(given))
    placed: dict[int, Any] = {}
    if _fits(given, structure.tree, entries):
        _place(given, structure.tree, placed)
        return placed
    if isinstance(given, dict):
        if isinstance(structure.tree, dict) and set(given) <= set(structure.tree):
            named = dict(enumerate(structure.names))
            tree = jax.tree.map(lambda i: i if named[i] is None else named[i], structure.tree)
            raise UnknownNameError(
                f"`{who}`: expected entries in the structure of the outputs, {tree}, got "
                f"{describe(given)}."
            )
        one_without_name = structure.count == len(given) == 1 and not structure.words
        for name in given:
            if name not in structure.words and not one_without_name:
                raise _unknown(who, name, structure)
        if one_without_name:
            return dict(enumerate(given.values()))
        return {i: given[name] for i, name in enumerate(structure.names) if name in given}
    got = f"a list of {len(given)}" if isinstance(given, list | tuple) else describe(given)
    if structure.count == 1:
        only = "one entry, because the model has one output"
        raise ValueError(f"`{who}`: expected {only}, got {got}.")
    listed = f" ({', '.join(structure.words)})" if structure.words else ""
    raise ValueError(
        f"`{who}`: expected one entry for each of the {structure.count} outputs{listed}, got {got}."
        f"{_fix(who, structure)}"
    )


def _fits(given: Tree, tree: Tree, entries: bool) -> bool:
    """Whether something has the structure of the outputs; a dict may have fewer keys."""
    if isinstance(tree, int):
        return entries or not isinstance(given, list | tuple | dict)
    if given is None:
        return True
    if isinstance(tree, dict):
        known = isinstance(given, dict) and set(given) <= set(tree)
        return known and all(_fits(given[key], tree[key], entries) for key in given)
    alike = isinstance(given, list | tuple) and len(given) == len(tree)
    return alike and all(_fits(*pair, entries) for pair in zip(given, tree, strict=True))


def _place(given: Tree, tree: Tree, placed: dict[int, Any]) -> None:
    if isinstance(tree, int):
        placed[tree] = given
    elif isinstance(given, dict):
        for key, item in given.items():
            _place(item, tree[key], placed)
    elif given is not None:
        for item, part in zip(given, tree, strict=True):
            _place(item, part, placed)


def _unknown(who: str, name: object, structure: Outline) -> ValueError:
    if not structure.words:
        return ValueError(
            f"`{who}`: expected a list of {structure.count}, one for each output, because the "
            f"outputs have no names, got the name {name!r}."
        )
    return UnknownNameError(
        f"`{who}`: no output is named {name!r}.{nearest(str(name), structure.words)} "
        f"Outputs: {', '.join(structure.words)}."
    )


def _fix(who: str, structure: Outline) -> str:
    """One line that shows what to write, where that is short."""
    entry = _ENTRIES.get(who)
    if entry is None or structure.count > 3:
        return ""
    if not structure.words:
        return f" For example [{', '.join([entry] * structure.count)}]."
    return " For example {" + ", ".join(f'"{name}": {entry}' for name in structure.words) + "}."


_ENTRIES = {
    "loss": '"mse"',
    "loss_weights": "1.0",
    "metrics": '["mae"]',
    "weighted_metrics": '["mae"]',
}
