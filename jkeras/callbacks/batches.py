"""Doing something after so many batches: what `save_freq` means."""

from __future__ import annotations

from typing import Any

from jkeras.core.errors import describe


def checked_frequency(who: str, name: str, value: Any) -> Any:
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


class Every:
    """Says after which batches something is due, counting on from epoch to epoch.

    Batches may be left out, as when several are run in one dispatch.

    Args:
      count: how many batches have to pass.

    Example:
      >>> every = Every(3)
      >>> [batch for batch in [0, 1, 2, 3, 0, 1, 2] if every.due(batch)]
      [2, 1]
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._passed = 0
        self._last = -1

    def due(self, batch: int) -> bool:
        """Whether enough batches have passed with this one, counted from 0 in its epoch."""
        self._passed += batch + 1 if batch <= self._last else batch - self._last
        self._last = batch
        if self._passed < self._count:
            return False
        self._passed = 0
        return True
