"""Names in Keras's style: `dense`, `dense_1`, `conv2d`, `re_lu`, chosen per model and not per
process.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Any


def snake_case(name: str) -> str:
    """The snake case of a class name, as Keras spells it.

    Example:
      >>> [snake_case(name) for name in ("Dense", "Conv2D", "ReLU", "MaxPooling2D", "SimpleRNN")]
      ['dense', 'conv2d', 're_lu', 'max_pooling2d', 'simple_rnn']
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def kind_of(layer: Any) -> str:
    """The kind of a layer in summaries and in its chosen name: mostly the name of its class."""
    own = "shown_as" in vars(type(layer))
    return str(layer.shown_as) if own else type(layer).__name__


def unique(name: str, taken: Iterable[str]) -> str:
    """`name`, or `name_1`, `name_2`, … : the first that is not taken.

    Example:
      >>> unique("dense", {"dense", "dense_1"})
      'dense_2'
    """
    taken = set(taken)
    candidates = (f"{name}_{count}" if count else name for count in itertools.count())
    return next(candidate for candidate in candidates if candidate not in taken)


def assign(requested: Sequence[str | None], kinds: Sequence[str]) -> list[str]:
    """A name for each position: its own, else the kind's snake case with a counter.

    A name that looks like one chosen here (`dense_1` for a Dense) is chosen again where it would
    occur twice, so that layers taken from two models go together in a third.

    Raises:
      ValueError: two positions have the same name, or a name contains a slash.

    Example:
      >>> assign([None, "head", None], ["Dense", "Dense", "Dense"])
      ['dense', 'head', 'dense_1']
      >>> assign(["dense", "dense"], ["Dense", "Dense"])
      ['dense', 'dense_1']
    """
    requested = [
        None
        if name in requested[:i] and re.fullmatch(rf"{snake_case(kind)}(_\d+)?", name or "")
        else name
        for i, (name, kind) in enumerate(zip(requested, kinds, strict=True))
    ]
    chosen = [name for name in requested if name]
    for name in chosen:
        if chosen.count(name) > 1:
            raise ValueError(
                f"two layers are named {name!r}: names must be unique within a model. "
                "Rename one, or leave `name` out to have it chosen."
            )
        if "/" in name:
            raise ValueError(
                f"layer name {name!r}: expected a name without '/', which separates paths."
            )
    names: list[str] = []
    for request, kind in zip(requested, kinds, strict=True):
        names.append(request or unique(snake_case(kind), {*chosen, *names}))
    return names
