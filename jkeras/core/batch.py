"""A batch: what one step of training or evaluation looks at."""

from __future__ import annotations

from typing import Any, NamedTuple


class Batch(NamedTuple):
    """Examples side by side along the first axis of every array.

    Attributes:
      x: an array, a dict of arrays, or a tuple of arrays (the inputs of a model with several).
      y: the targets, or None; a tuple, list or dict of them for a model with several outputs.
      weight: `[batch]` or `[batch, ...]` sample weights, or None for ones; a tuple, list or dict
        of these for a model with several outputs.
      rows: `[batch]` bool, False where a row is filler at the end of the data; None when all are
        real.
    """

    x: Any
    y: Any = None
    weight: Any = None
    rows: Any = None

    @property
    def inputs(self) -> tuple[Any, ...]:
        """The positional inputs of the model: `x` itself, or its members when it is a tuple."""
        return self.x if isinstance(self.x, tuple) else (self.x,)


def as_batch(value: object) -> Batch:
    """A `Batch` from itself, `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`.

    Raises:
      ValueError: a tuple of another length.

    Example:
      >>> as_batch((1, 2))
      Batch(x=1, y=2, weight=None, rows=None)
    """
    if isinstance(value, Batch):
        return value
    if not isinstance(value, tuple):
        value = (value,)
    if not 1 <= len(value) <= 3:
        raise ValueError(
            "expected x, (x,), (x, y) or (x, y, sample_weight), "
            f"got a tuple of {len(value)}. Several inputs go inside x: ((a, b), y)."
        )
    x, *rest = value
    return Batch(tuple(x) if isinstance(x, list) else x, *rest)
