"""Fields and converters of the arguments that many layers share."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from jkeras.core.description import option
from jkeras.core.errors import describe, nearest
from jkeras.ops import activations, constraints, initializers, regularizers

Convert = Callable[[Any], Any]


def activation(default: str | None = None) -> Any:
    """A field holding an activation function: a name, a function, or None for the identity."""
    return option(default, convert=activations.get, to_config=activations.serialize)


def initializer(default: str | None = None) -> Any:
    """A field holding an initializer: a name, an object, or a function."""
    return option(default, convert=initializers.get)


def regularizer() -> Any:
    """A field holding a regularizer or None."""
    return option(None, convert=regularizers.get)


def constraint() -> Any:
    """A field holding a constraint or None."""
    return option(None, convert=constraints.get)


def data_format() -> Any:
    """A field for the layout: "channels_last" (also None) or "channels_first"."""
    known = one_of("channels_last", "channels_first")
    return option(None, convert=lambda value: known("channels_last" if value is None else value))


def positive_int(value: Any) -> int:
    """`value` as an int of at least 1.

    Raises:
      TypeError: it is not an integer.
      ValueError: it is less than 1.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"expected a positive integer, got {describe(value)}.")
    if operator.index(value) < 1:
        raise ValueError(f"expected a positive integer, got {value!r}.")
    return operator.index(value)


def rate(value: Any) -> float:
    """`value` as a fraction in [0, 1].

    Raises:
      TypeError: it is not a number.
      ValueError: it lies outside [0, 1].
    """
    if not _is_number(value):
        raise TypeError(f"expected a fraction from 0 to 1, got {describe(value)}.")
    if not 0 <= value <= 1:
        raise ValueError(f"expected a fraction from 0 to 1, got {value!r}.")
    return float(value)


def non_negative(value: Any) -> float:
    """`value` as a number of at least 0.

    Raises:
      TypeError: it is not a number.
      ValueError: it is negative or NaN.
    """
    if not _is_number(value):
        raise TypeError(f"expected a number of at least 0, got {describe(value)}.")
    if not value >= 0:
        raise ValueError(f"expected a number of at least 0, got {value!r}.")
    return float(value)


def number(value: Any) -> float:
    """`value` as a float.

    Raises:
      TypeError: it is not a number.
    """
    if not _is_number(value):
        raise TypeError(f"expected a number, got {describe(value)}.")
    return float(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def sizes(rank: int) -> Callable[[Any], tuple[int, ...]]:
    """A converter to `rank` positive integers: one integer stands for all of them."""

    def convert(value: Any) -> tuple[int, ...]:
        if not isinstance(value, tuple | list):
            return (positive_int(value),) * rank
        if len(value) != rank:
            raise ValueError(f"expected an integer or {rank} of them, got {value!r}.")
        return tuple(positive_int(item) for item in value)

    return convert


def optional(convert: Convert) -> Convert:
    """A converter like `convert` that returns None for None."""
    return lambda value: None if value is None else convert(value)


def axes(value: Any) -> int | tuple[int, ...]:
    """`value` as one axis number or a tuple of different ones.

    Raises:
      TypeError: `value` is neither an integer nor a tuple of integers.
      ValueError: the tuple is empty or repeats an axis.
    """
    items = value if isinstance(value, tuple | list) else (value,)
    if not all(hasattr(item, "__index__") and not isinstance(item, bool) for item in items):
        raise TypeError(f"expected an axis number or a tuple of them, got {describe(value)}.")
    if not items or len(set(items)) < len(items):
        raise ValueError(f"expected one axis number or several different ones, got {value!r}.")
    found = tuple(operator.index(item) for item in items)
    return found if isinstance(value, tuple | list) else found[0]


def one_of(*words: str) -> Convert:
    """A converter that accepts only these words, in any letter case."""

    def convert(value: Any) -> str:
        folded = value.lower() if isinstance(value, str) else value
        if folded not in words:
            listed = ", ".join(repr(word) for word in words)
            hint = nearest(value, words) if isinstance(value, str) else ""
            raise ValueError(f"expected one of {listed}, got {value!r}.{hint}")
        return str(folded)

    return convert
