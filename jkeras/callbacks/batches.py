"""What `save_freq` may be."""

from __future__ import annotations

from typing import Any

from jkeras.core.errors import describe


def checked_frequency(who: str, name: str, value: object) -> Any:
    """`value`, if it is "epoch" or a number of batches.

    Raises:
      TypeError: it is neither.
      ValueError: it is another word, or less than 1.
    """
    what = f"{who}: `{name}`: expected 'epoch' or a number of batches of at least 1"
    if value == "epoch":
        return value
    if isinstance(value, str) or (hasattr(value, "__index__") and int(value) < 1):
        raise ValueError(f"{what}, got {value!r}.")
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{what}, got {describe(value)}.")
    return int(value)
