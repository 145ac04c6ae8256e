"""Converters of arguments that several functions share: sizes, words, data formats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jkeras.core.data_format import LAYOUTS, image_data_format
from jkeras.core.errors import WrongTypeError, describe, nearest


def sizes(who: str, argument: str, value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """`rank` positive integers; one stands for all.

    Raises:
      TypeError: another number of sizes, or no integers.
      ValueError: a size below 1.

    Example:
      >>> sizes("conv", "strides", 2, 3)
      (2, 2, 2)
    """
    values = repeated(value, rank)
    are_integers = all(hasattr(n, "__index__") for n in values)
    if len(values) != rank or not are_integers or min(values) < 1:
        raise (ValueError if len(values) == rank and are_integers else WrongTypeError)(
            f"ops.{who}: `{argument}`: expected a positive integer or {rank} of them, "
            f"got {describe(value)}."
        )
    return tuple(int(n) for n in values)


def repeated(value: object, rank: int) -> tuple[Any, ...]:
    """The entries of a tuple, list or NumPy array; any other value `rank` times."""
    value = value.tolist() if isinstance(value, np.ndarray) else value
    return tuple(value) if isinstance(value, tuple | list) else (value,) * rank


def without_variables(value: object) -> Any:
    """A structure with arrays for the variables in it, which JAX's loops and gradients refuse."""

    def plain(leaf: Any) -> Any:
        to_array = getattr(leaf, "__jax_array__", None)  # None of arrays themselves
        return leaf if to_array is None else to_array()

    return jax.tree.map(plain, value)


SIZES = frozenset(
    "repeats shape newshape num num_classes N M n start stop step pad_width size".split()
)
"""The names of arguments that decide shapes."""


def known_sizes(who: str, argument: str, value: object) -> Any:
    """`value` with arrays in it as numbers: a shape is known before a program runs.

    Raises:
      TypeError: an array is computed in the program, or a size is None.

    Example:
      >>> known_sizes("tile", "repeats", [np.array(2), 1]), known_sizes("eye", "M", None)
      ([2, 1], None)
    """
    if isinstance(value, list | tuple):
        if any(size is None for size in value):
            raise WrongTypeError(
                f"ops.{who}: `{argument}`: expected known sizes, got {tuple(value)}. In a shape "
                "for `reshape` write -1; elsewhere call it inside a layer's `call`."
            )
        return type(value)(known_sizes(who, argument, size) for size in value)
    value = getattr(value, "value", value)  # of a variable
    if isinstance(value, jax.core.Tracer):
        raise WrongTypeError(
            f"ops.{who}: `{argument}`: expected numbers that are known before the program runs, "
            f"got {describe(value)}, which is computed in it. Take sizes from x.shape or "
            "ops.shape(x), and calculate with them as numbers of Python."
        )
    if isinstance(value, jax.Array | np.ndarray):
        value = np.asarray(value)
        return value if value.ndim and argument == "repeats" else value.tolist()
    return value


def are_small_integers(values: object) -> bool:
    """Whether all leaves are words, integers, or short arrays of integers with known values."""
    return all(
        isinstance(leaf, int | np.integer | str)
        or (
            isinstance(leaf, jax.Array | np.ndarray)
            and not isinstance(leaf, jax.core.Tracer)
            and leaf.size <= 16
            and leaf.dtype.kind in "iu"
        )
        for leaf in (getattr(leaf, "value", leaf) for leaf in jax.tree.leaves(values))
    )


def one_word(who: str, argument: str, value: str, *known: str) -> str:
    """`value` in lower case, if it is one of the known words.

    Raises:
      ValueError: an unknown word; the message suggests the nearest.
    """
    word = value.lower() if isinstance(value, str) else value
    if word not in known:
        choices = ", ".join(repr(name) for name in known)
        hint = nearest(word, known) if isinstance(word, str) else ""
        raise ValueError(f"ops.{who}: expected `{argument}` {choices}, got {value!r}.{hint}")
    return str(word)


def checked_format(who: str, data_format: str | None) -> str:
    """The layout, "channels_last" or "channels_first"; `image_data_format()` for None.

    Raises:
      ValueError: another word.
    """
    if data_format is None:
        return image_data_format()
    return one_word(who, "data_format", data_format, *LAYOUTS)


def image_axes(who: str, images: jax.Array, data_format: str | None) -> tuple[int, int]:
    """The axes of height and width."""
    if images.ndim not in (3, 4):
        raise ValueError(
            f"ops.image.{who}: expected `images` [height, width, channels] or a batch of them, got "
            f"{describe(images)}."
        )
    last = checked_format(f"image.{who}", data_format) == "channels_last"
    first = images.ndim - (3 if last else 2)
    return first, first + 1
