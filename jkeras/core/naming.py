"""Names in Keras's style: `dense`, `dense_1`, `conv2d`, `re_lu`, given per model and not per
process.
"""

from __future__ import annotations

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
    """What a layer is called in summaries, and what its name is made of: its class, mostly."""
    own = "shown_as" in vars(type(layer))
    return str(layer.shown_as) if own else type(layer).__name__


def unique(wanted: str, taken: Iterable[str]) -> str:
    """`wanted`, or `wanted_1`, `wanted_2`, … : the first that is not taken.

    Example:
      >>> unique("dense", {"dense", "dense_1"})
      'dense_2'
    """
    taken = set(taken)
    name, count = wanted, 0
    while name in taken:
        count += 1
        name = f"{wanted}_{count}"
    return name


def assign(given: Sequence[str | None], kinds: Sequence[str]) -> list[str]:
    """A name for each position: the given one, else the kind's snake case with a counter.

    A name that looks like one chosen here (`dense_1` for a Dense) is chosen again where it would
    occur twice, so that layers taken from two models go together in a third.

    Raises:
      ValueError: two positions were given the same name, or a name contains a slash.

    Example:
      >>> assign([None, "head", None], ["Dense", "Dense", "Dense"])
      ['dense', 'head', 'dense_1']
      >>> assign(["dense", "dense"], ["Dense", "Dense"])
      ['dense', 'dense_1']
    """
    given = [
        None
        if name in given[:i] and re.fullmatch(rf"{snake_case(kind)}(_\d+)?", name or "")
        else name
        for i, (name, kind) in enumerate(zip(given, kinds, strict=True))
    ]
    chosen = [name for name in given if name]
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
    for own, kind in zip(given, kinds, strict=True):
        names.append(own or unique(snake_case(kind), {*chosen, *names}))
    return names
