"""Streaming data: batches that come one at a time, from a generator, a loader or any iterable.

A stream yields `x`, `(x, y)` or `(x, y, sample_weight)`. An iterable that can be started again is
started at every epoch; a generator goes on where it stopped. Batches smaller than the first are
padded to its size, so one compiled program serves all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from jkeras.core.batch import Batch, as_batch
from jkeras.core.errors import describe
from jkeras.data.checks import as_arrays, common_length


class Stream:
    """Batches from an iterable, checked and padded.

    Args:
      source: an iterable of batches.
      who: the method that reads it, for messages.
      finite: whether NaN and infinity are refused, with the batch's number in the message.

    Attributes:
      pads: whether smaller batches are filled up; a model that would see the filler switches it
        off.
      adjust_fn: applied to every batch before it is padded.

    Raises:
      TypeError: `source` is not iterable.
    """

    def __init__(self, source: Any, who: str = "stream", *, finite: bool = True) -> None:
        if not hasattr(source, "__iter__") and not hasattr(source, "__getitem__"):
            raise TypeError(
                f"`x`: expected arrays or an iterable of batches (x, y), got {describe(source)}."
            )
        self._source = source
        self._who = who
        self._finite = finite
        self._once = self._checked_all(source) if isinstance(source, Iterator) else None
        self._peeked: list[Batch] = []
        self._size = 0
        self._seen = 0
        self.pads = True
        self.adjust_fn: Callable[[Batch], Batch] = lambda batch: batch

    @property
    def steps(self) -> int | None:
        """Batches in one pass, when the source knows its length; None for a generator."""
        return len(self._source) if hasattr(self._source, "__len__") else None

    def first(self) -> Batch | None:
        """The next batch, which stays in the stream; None when a generator has no more."""
        if self._once is None:
            return next(self._checked_all(self._start()), None)
        if not self._peeked:
            self._peeked += [batch for batch in [next(self._once, None)] if batch is not None]
        return self._peeked[0] if self._peeked else None

    def epoch(self) -> Iterator[Batch]:
        """The batches of one epoch; of a generator, all that are left."""
        batches = self._checked_all(self._start()) if self._once is None else self._rest()
        for batch in batches:
            yield self._padded(self.adjust_fn(batch))

    def _rest(self) -> Iterator[Batch]:
        while self._peeked:
            yield self._peeked.pop()
        assert self._once is not None
        yield from self._once

    def _start(self) -> Iterator[Any]:
        self._seen = 0
        if hasattr(self._source, "__iter__"):
            return iter(self._source)
        return (self._source[i] for i in range(len(self._source)))

    def _checked_all(self, source: Iterator[Any]) -> Iterator[Batch]:
        for value in source:
            yield self._checked(value)
            self._seen += 1

    def _checked(self, value: Any) -> Batch:
        try:
            batch = as_batch(tuple(value) if isinstance(value, list) else value)
            x = as_arrays("x", batch.x, finite=self._finite)
            y = None if batch.y is None else as_arrays("y", batch.y, finite=self._finite)
            weight = None if batch.weight is None else np.asarray(batch.weight, np.float32)
            common_length({"x": x, "y": y, "sample_weight": weight})
        except (TypeError, ValueError) as error:
            raise type(error)(f"{self._who}: batch {self._seen} of the data: {error}") from None
        return Batch(x, y, weight)

    def _padded(self, batch: Batch) -> Batch:
        self._size = max(self._size, len(jax.tree.leaves(batch.x)[0]))
        return padded(batch, self._size) if self.pads else batch


def padded(batch: Batch, size: int) -> Batch:
    """The batch with zeros appended up to `size` rows, and `rows` saying which are real.

    Example:
      >>> padded(Batch(np.ones((2, 3))), 4).rows.tolist()
      [True, True, False, False]
    """
    real = len(jax.tree.leaves(batch.x)[0])

    def pad(leaf: Any) -> np.ndarray:
        leaf = np.asarray(leaf)
        widths = [(0, size - real)] + [(0, 0)] * (leaf.ndim - 1)
        return np.pad(leaf, widths) if real < size else leaf

    filled = jax.tree.map(pad, batch._replace(rows=None))
    return filled._replace(rows=np.arange(size) < real)
