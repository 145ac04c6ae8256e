"""The check of the argument `save_freq`."""

from __future__ import annotations

from typing import Any

from jkeras.core.errors import describe


def checked_save_freq(who: str, name: str, value: object) -> Any:
    """`value`, if it is "epoch" or a number of batches.

    Raises:
      TypeError: `value` is neither a string nor an integer.
      ValueError: `value` is a string other than "epoch", or less than 1.
    """
    what = f"{who}: `{name}`: expected 'epoch' or a number of batches of at least 1"
    if value == "epoch":
        return value
    if isinstance(value, str) or (hasattr(value, "__index__") and int(value) < 1):
        raise ValueError(f"{what}, got {value!r}.")
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{what}, got {describe(value)}.")
    return int(value)
