"""Batches of named columns, as the inputs, targets and weights of a model.

Data sets of other libraries yield dicts of columns, such as `{"image": …, "label": …}`. Which of
them a model takes follows from the names of its inputs and outputs; a column that is no input and
is named like a target is the target. A user may say so: a `Choice` is the name of a column, a list
of names, which stand side by side in one array, or a dict of these, for inputs by name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jkeras.core.errors import WrongTypeError, describe, nearest

TARGETS = ("label", "labels", "target", "targets", "y")
"""Names of columns that are targets, unless an input has the name."""
WEIGHTS = ("sample_weight", "sample_weights")
"""Names of columns that are weights of the examples."""

Column = Any
"""The values of a column, or one of them: an array of any library, a list, a number."""
Choice = Any
"""The name of a column, a list of names, or a dict of choices by the names of inputs."""


class Chosen(NamedTuple):
    """The columns of a batch that a model takes; None for a part that is not there."""

    x: Choice
    y: Choice = None
    weight: Choice = None

    def names(self) -> list[str]:
        """The names of all these columns."""
        return list(dict.fromkeys(name for choice in self for name in names_in(choice)))

    def of(self, columns: Mapping[str, Any]) -> tuple[Any, ...]:
        """`(x,)`, `(x, y)` or `(x, y, sample_weight)` of a batch.

        Raises:
          ValueError: examples of a column have several shapes, or columns do not fit side by side.
        """
        x, y, weight = (None if part is None else taken(columns, part) for part in self)
        if weight is not None:
            return x, y, weight
        return (x,) if y is None else (x, y)


@dataclasses.dataclass(frozen=True)
class ModelNames:
    """What a model calls its inputs and outputs.

    Attributes:
      inputs, outputs: the names, where it has some.
      takes_dict: whether the model takes a dict of any columns.
      wants_targets: whether targets are looked for.
      targets: further names of columns that are targets.
      shapes: of one example of each input, where all are known; None for an axis of any size.
    """

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    takes_dict: bool = False
    wants_targets: bool = True
    targets: tuple[str, ...] = ()
    shapes: tuple[tuple[int | None, ...], ...] = ()

    def choose(self, columns: Iterable[object]) -> Chosen:
        """The columns that the model takes, of those with these names.

        Raises:
          ValueError: an input has no column, or it is not clear which columns it has.

        Example:
          >>> ModelNames().choose(["image", "label"])
          Chosen(x='image', y='label', weight=None)
          >>> ModelNames(("ids", "mask"), ("kind",)).choose(["ids", "mask", "kind", "text"])
          Chosen(x={'ids': 'ids', 'mask': 'mask'}, y='kind', weight=None)
        """
        names = [str(name) for name in columns]
        others = [name for name in names if name not in self.inputs]
        weight = next((name for name in WEIGHTS if name in others), None)
        others = [name for name in others if name != weight]
        takes_all = bool(self.inputs) and set(self.inputs) <= set(names)
        y = self._target(others, takes_rest=not takes_all)
        if not self.wants_targets:
            weight = None
        if takes_all:
            x: Choice = {name: name for name in self.inputs}
            return Chosen(self.inputs[0] if len(x) == 1 else x, y, weight)
        rest = [name for name in others if name not in names_in(y) and name not in TARGETS]
        if self.takes_dict and len(rest) > 1:
            return Chosen({name: name for name in rest}, y, weight)
        if len(self.inputs) > 1 or not rest:
            raise self._missing(names)
        return Chosen(rest[0] if len(rest) == 1 else rest, y, weight)

    def _target(self, names: Sequence[str], *, takes_rest: bool) -> Choice:
        """The target among the columns that are no input of this name.

        Args:
          names: of these columns.
          takes_rest: whether an input, too, is one of them.
        """
        if not self.wants_targets:
            return None
        if self.outputs and set(self.outputs) <= set(names):
            if len(self.outputs) == 1:
                return self.outputs[0]
            return {name: name for name in self.outputs}
        known = [name for name in (*self.targets, *TARGETS) if name in names]
        if known:
            return known[0]
        return names[0] if len(names) == 1 and not takes_rest else None

    def _missing(self, names: Sequence[str]) -> ValueError:
        """The error for columns among which an input is not."""
        listed = ", ".join(names) or "none"
        if len(self.inputs) < 2:
            return ValueError(
                f"expected a column for the model's input, got the columns {listed}. Name the "
                "input like its column, Input(shape, name='…'), or yield pairs (x, y)."
            )
        missing = next(name for name in self.inputs if name not in names)
        return ValueError(
            f"expected the columns {', '.join(self.inputs)}, which the model's inputs have as "
            f"names, got {listed}: {missing!r} is missing.{nearest(missing, names)}"
        )


def checked_choice(who: str, argument: str, choice: object, columns: Sequence[str]) -> Choice:
    """A user's choice of columns, all of which are there.

    Args:
      who, argument: the function and its argument, for messages.
      choice: what the user gave.
      columns: the names of the columns that are there.

    Raises:
      TypeError: it is no choice.
      ValueError: a name is that of no column.
    """
    if isinstance(choice, Mapping):
        return {
            str(name): checked_choice(who, argument, part, columns) for name, part in choice.items()
        }
    names = [choice] if isinstance(choice, str) else choice
    if not isinstance(names, list | tuple) or not names or not all(map(_is_name, names)):
        raise WrongTypeError(
            f"{who}: `{argument}`: expected the name of a column, a list of names, or a dict of "
            f"these by the names of inputs, got {describe(choice)}."
        )
    for name in names:
        if name not in columns:
            raise ValueError(
                f"{who}: `{argument}`: expected columns of the data ({', '.join(columns)}), got "
                f"{name!r}.{nearest(name, columns)}"
            )
    return choice if isinstance(choice, str) else list(names)


def names_in(choice: Choice) -> list[str]:
    """The names of the columns of a choice."""
    if choice is None:
        return []
    if isinstance(choice, str):
        return [choice]
    parts = choice.values() if isinstance(choice, Mapping) else choice
    return [name for part in parts for name in names_in(part)]


def taken(columns: Mapping[str, Any], choice: Choice) -> Any:
    """The array of a choice, or a dict of them; errors as for `Chosen.of`.

    Example:
      >>> taken({"a": np.ones(2), "b": np.zeros(2)}, ["a", "b"]).tolist()
      [[1.0, 0.0], [1.0, 0.0]]
    """
    if isinstance(choice, Mapping):
        return {name: taken(columns, part) for name, part in choice.items()}
    if isinstance(choice, str):
        return _column(choice, columns[choice])
    parts = [_plain(_column(name, columns[name])) for name in choice]
    for name, part in zip(choice, parts, strict=True):
        if part.dtype.kind not in "biuf":
            first = f", the first {part[0]!r}" if len(part) else ""
            raise WrongTypeError(
                f"column {name!r}: expected numbers, because {', '.join(choice)} stand side by "
                f"side as one input, got {describe(part)}{first}. Leave the column out, or encode "
                "it first."
            )
        if part.ndim != 1:
            raise ValueError(
                f"column {name!r}: expected one number for each example, because "
                f"{', '.join(choice)} stand side by side as one input, got {describe(part)}. Name "
                "the model's inputs like their columns, or keep only one of these."
            )
    return np.stack(parts, axis=-1)


def stacked(name: str, examples: Sequence[Any]) -> np.ndarray:
    """The values of a column, example by example, as one array.

    Raises:
      ValueError: their shapes differ.
    """
    arrays = [_plain(example) for example in examples]
    shapes = list(dict.fromkeys(array.shape for array in arrays))
    if len(shapes) > 1:
        raise ValueError(
            f"column {name!r}: expected examples of one shape, got {shapes[0]} and {shapes[1]}. "
            "Bring them to one before they are batched: jkeras.utils.pad_sequences for sequences, "
            "jkeras.ops.image.resize for images."
        )
    return np.stack(arrays)


def _column(name: str, value: Column) -> Any:
    """A column as an array; one that a library did not stack is stacked."""
    is_objects = isinstance(value, np.ndarray) and value.dtype == object
    if isinstance(value, list | tuple) or is_objects:
        if len(value) and isinstance(value[0], list | tuple | np.ndarray):
            return stacked(name, value)
        return np.asarray(value) if isinstance(value, list | tuple) else value
    return value


def _plain(value: Column) -> np.ndarray:
    """An array of any library, a number or a list as an array of NumPy."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    return np.asarray(value.numpy() if hasattr(value, "numpy") else value)


def _is_name(value: object) -> bool:
    return isinstance(value, str)
