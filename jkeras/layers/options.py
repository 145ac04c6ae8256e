"""Fields and converters of the arguments that many layers share.

A converter raises a TypeError for a value of the wrong kind, and a ValueError for one of the right
kind that is not allowed; the description puts the layer and the argument in front of the message.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from jkeras.core.data_format import LAYOUTS, image_data_format
from jkeras.core.description import option
from jkeras.core.errors import WrongTypeError, describe, nearest
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
    """A field for the layout: one of `LAYOUTS`, for None the one that is set for new layers."""
    known = one_of(*LAYOUTS)
    return option(
        None, convert=lambda value: known(image_data_format() if value is None else value)
    )


def padding(*further: str) -> Any:
    """A field for the padding of windows: "valid", "same", or one of `further`."""
    return option("valid", convert=one_of("valid", "same", *further))


def fraction(default: float = 0.0) -> Any:
    """A field for a fraction from 0 to 1."""
    return option(default, convert=rate)


def integer(value: object, least: int, expected: str) -> int:
    """`value` as an int of at least `least`; `expected` says so in the message."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise WrongTypeError(f"expected {expected}, got {describe(value)}.")
    if operator.index(value) < least:
        raise ValueError(f"expected {expected}, got {value!r}.")
    return operator.index(value)


def positive_int(value: object) -> int:
    """`value` as an int of at least 1."""
    return integer(value, 1, "a positive integer")


def count(value: object) -> int:
    """`value` as an int of at least 0."""
    return integer(value, 0, "an integer of at least 0")


def rate(value: object) -> float:
    """`value` as a fraction in [0, 1]."""
    return _bounded(value, "a fraction from 0 to 1", 1)


def finite(value: object, expected: str = "a finite number") -> float:
    """`value` as a float that is neither NaN nor infinite."""
    checked = number(value, expected)
    if not np.isfinite(checked):
        raise ValueError(f"expected {expected}, got {value!r}.")
    return checked


def positive(value: object) -> float:
    """`value` as a finite number above 0."""
    expected = "a finite number above 0"
    checked = finite(value, expected)
    if not checked > 0:
        raise ValueError(f"expected {expected}, got {value!r}.")
    return checked


def finite_non_negative(value: object) -> float:
    """`value` as a finite number of at least 0."""
    finite(value, "a finite number of at least 0")
    return non_negative(value)


def non_negative(value: object) -> float:
    """`value` as a number of at least 0; NaN raises."""
    return _bounded(value, "a number of at least 0", np.inf)


def _bounded(value: object, expected: str, most: float) -> float:
    bounded = number(value, expected)
    if not 0 <= bounded <= most:
        raise ValueError(f"expected {expected}, got {value!r}.")
    return bounded


def number(value: object, expected: str = "a number") -> float:
    """`value` as a float."""
    if not isinstance(value, int | float | np.number) or isinstance(value, bool):
        raise WrongTypeError(f"expected {expected}, got {describe(value)}.")
    return float(value)


def sizes(rank: int, each: Callable[[Any], int] = positive_int) -> Callable[[Any], tuple[int, ...]]:
    """A converter to `rank` integers, by `each`: one integer stands for all of them."""

    def convert(value: object) -> tuple[int, ...]:
        if not isinstance(value, tuple | list):
            return (each(value),) * rank
        if len(value) != rank:
            raise ValueError(f"expected an integer or {rank} of them, got {value!r}.")
        return tuple(each(item) for item in value)

    return convert


def open_sizes(value: object) -> tuple[int | None, ...] | None:
    """A tuple of sizes, None for an axis of any size; or None."""
    if value is None:
        return None
    if not isinstance(value, list | tuple):
        raise WrongTypeError(f"expected a tuple of sizes, got {describe(value)}.")
    expected = "positive sizes, or None for any"
    return tuple(None if size is None else integer(size, 1, expected) for size in value)


def optional(convert: Convert) -> Convert:
    """A converter like `convert` that returns None for None."""
    return lambda value: None if value is None else convert(value)


def axes(value: object) -> int | tuple[int, ...]:
    """`value` as one axis number, or as a tuple of one or more different ones."""
    several = axis_tuple(value)
    return several if isinstance(value, tuple | list) else several[0]


def axis_tuple(value: object) -> tuple[int, ...]:
    """`value`, one axis number or several different ones, as a tuple."""
    items = value if isinstance(value, tuple | list) else (value,)
    if not all(hasattr(item, "__index__") and not isinstance(item, bool) for item in items):
        raise WrongTypeError(f"expected an axis number or a tuple of them, got {describe(value)}.")
    if not items or len(set(items)) < len(items):
        raise ValueError(f"expected one axis number or several different ones, got {value!r}.")
    return tuple(operator.index(item) for item in items)


def one_of(*words: str) -> Convert:
    """A converter that accepts only these words, in any letter case."""

    def convert(value: object) -> str:
        folded = value.lower() if isinstance(value, str) else value
        if folded not in words:
            listed = ", ".join(repr(word) for word in words)
            hint = nearest(value, words) if isinstance(value, str) else ""
            raise ValueError(f"expected one of {listed}, got {value!r}.{hint}")
        return str(folded)

    return convert
