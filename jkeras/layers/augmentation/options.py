"""Fields and converters of the arguments of image augmentation: factors, ranges, layouts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jkeras.core.data_format import LAYOUTS, image_data_format
from jkeras.core.description import option
from jkeras.core.errors import WrongTypeError, describe
from jkeras.layers.options import finite, number, one_of

Pair = tuple[float, float]

Factor = Any
"""What a layer is given, a number or two, and what it holds: mostly a pair."""

FILL_MODES = ("reflect", "wrap", "constant", "nearest")


def _pair(value: object, expected: str) -> tuple[Any, Any] | None:
    """The two numbers of a pair; None for a single number."""
    value = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(value, tuple | list):
        finite(value, expected)
        return None
    if len(value) != 2:
        raise ValueError(f"expected {expected}, got {value!r}.")
    for each in value:
        if not np.isfinite(number(each, expected)):
            raise ValueError(f"expected {expected}, got {value!r}.")
    return value[0], value[1]


def factor(lowest: float, highest: float, *, beyond: bool = False) -> Callable[[Any], Pair]:
    """A converter to (lower, upper): one number f means -f to f, cut to what is allowed. A pair may
    have the larger number first, as in Keras.

    Args:
      lowest, highest: what a number may be.
      beyond: whether the numbers of a pair may be outside, as in Keras, if the pair overlaps with
        what is allowed: for changes that are defined there.
    """
    expected = f"a number from {lowest} to {highest}, or a pair of them"

    def convert(value: Any) -> Pair:
        pair = _pair(value, expected)
        if pair is None:
            if not lowest <= value <= highest:
                raise ValueError(f"expected {expected}, got {value!r}.")
            return max(-abs(value), lowest), abs(value)
        low, high = min(pair), max(pair)
        is_apart = pair[0] > highest or pair[1] < lowest
        if is_apart or (not beyond and (low < lowest or high > highest)):
            raise ValueError(f"expected {expected}, got {value!r}.")
        return low, high

    return convert


def span(
    lowest: float, highest: float, *, above: bool = False, from_zero: bool = False
) -> Callable[[Any], Any]:
    """A converter that checks every number and keeps a single one; `ends` gives (lower, upper).

    Args:
      lowest, highest: what each number may be.
      above: whether `lowest` itself is not allowed.
      from_zero: whether a single number f means 0 to f, and not -f to f; the pair is kept then.
    """
    opening = "above" if above else "from"
    expected = f"a number {opening} {lowest} to {highest}, or a pair of them"

    def convert(value: Any) -> Any:
        pair = _pair(value, expected)
        given = (value,) if pair is None else pair
        if pair is not None and pair[0] == -pair[1] and lowest == 0:
            given = (pair[1],)  # as Keras writes a single number into a configuration
        if any(x > highest or x < lowest or (above and x == lowest) for x in given):
            raise ValueError(f"expected {expected}, got {value!r}.")
        if from_zero:
            return (0, value) if pair is None else (min(given), max(given))
        return given[0] if len(given) == 1 else pair

    return convert


def ends(value: float | Pair) -> Pair:
    """The lower and the upper end that a converted `span` means."""
    if isinstance(value, tuple):
        return min(value), max(value)
    return -abs(value), abs(value)


def two_numbers(value: object) -> tuple[Any, Any]:
    """`value` as a pair of numbers, the smaller first; others raise."""
    expected = "a pair of two numbers (low, high)"
    pair = _pair(value, expected) if isinstance(value, tuple | list | np.ndarray) else None
    if pair is None:
        raise WrongTypeError(f"expected {expected}, got {describe(value)}.")
    if not pair[0] < pair[1]:
        raise ValueError(f"expected {expected} with low < high, got {value!r}.")
    return pair


def value_range() -> Any:
    """A field for the range of the values of pixels, (0, 255) by default."""
    return option(default=(0, 255), convert=two_numbers)


def layout(*, kw_only: bool = False) -> Any:
    """A field for the layout: one of `LAYOUTS`, for None the one that is set for new layers."""
    known = one_of(*LAYOUTS)

    def convert(value: object) -> Any:
        return known(image_data_format() if value is None else value)

    return option(default=None, convert=convert, kw_only=kw_only)


def interpolation() -> Any:
    """A field for "nearest" or "bilinear"."""
    return option(default="bilinear", convert=one_of("nearest", "bilinear"))


def fill_mode(*further: str) -> Any:
    """A field for what lies outside of an image."""
    return option(default="reflect", convert=one_of(*FILL_MODES, *further))


def seed() -> Any:
    """A field for the seed, folded into the key."""
    return option(default=None, convert=_seed)


def _seed(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise WrongTypeError(f"expected an integer or None, got {describe(value)}.")
    return int(value)
