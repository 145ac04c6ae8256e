"""Converters of arguments that several functions share: sizes, words, data formats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jkeras.core.errors import describe, nearest


def sizes(who: str, argument: str, value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """`rank` positive integers; one stands for all.

    Raises:
      ValueError: another number of sizes, or a size below 1.

    Example:
      >>> sizes("conv", "strides", 2, 3)
      (2, 2, 2)
    """
    values = repeated(value, rank)
    if len(values) != rank or any(not hasattr(n, "__index__") or n < 1 for n in values):
        raise ValueError(
            f"ops.{who}: `{argument}`: expected a positive integer or {rank} of them, "
            f"got {describe(value)}."
        )
    return tuple(int(n) for n in values)


def repeated(value: Any, rank: int) -> tuple[Any, ...]:
    """The entries of a tuple or list; any other value `rank` times."""
    return tuple(value) if isinstance(value, tuple | list) else (value,) * rank


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
    """The layout, "channels_last" (also for None) or "channels_first".

    Raises:
      ValueError: another word.
    """
    if data_format is None:
        return "channels_last"
    return one_word(who, "data_format", data_format, "channels_last", "channels_first")
