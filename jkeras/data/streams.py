"""Streaming data: batches that come one at a time, from a generator, a loader or any iterable.

A stream yields `x`, `(x, y)` or `(x, y, sample_weight)`, each of them an array or, for several
inputs or outputs, a tuple, list or dict of arrays. An iterable that can be started again is
started at every epoch; a generator goes on where it stopped. Batches smaller than the first are
padded to its size, so one compiled program serves all of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from jkeras.core.batch import Batch, as_batch
from jkeras.core.errors import describe
from jkeras.data.checks import as_arrays, as_targets, as_weights, common_length


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
        self._batches: Iterator[Batch] | None = None
        self._peeked: list[Batch] = []
        self._size = 0
        self.pads = True
        self.adjust_fn: Callable[[Batch], Batch] = lambda batch: batch

    @property
    def steps(self) -> int | None:
        """Batches in one pass, when the source knows its length; None for a generator."""
        try:
            return len(self._source)
        except TypeError:  # no length, or an endless one: other libraries raise this too
            return None

    def first(self) -> Batch | None:
        """The next batch, which stays in the stream; None when there is no more.

        What is started here the next epoch goes on with, so a source is started once an epoch.
        """
        if self._batches is None:
            self._batches = self._checked_all()
        if not self._peeked:
            self._peeked = list(itertools.islice(self._batches, 1))
        return self._peeked[0] if self._peeked else None

    def epoch(self) -> Iterator[Batch]:
        """The batches of one epoch; of a generator, all that are left."""
        batches = self._checked_all() if self._batches is None else self._batches
        peeked, self._batches, self._peeked = self._peeked, None, []
        for batch in itertools.chain(peeked, batches):
            yield self._padded(self.adjust_fn(batch))

    def _values(self) -> Iterator[Any]:
        """What the source yields; one with a length but without `__iter__` is indexed."""
        if hasattr(self._source, "__iter__") or self.steps is None:
            return iter(self._source)
        return (self._source[i] for i in range(self.steps))

    def _checked_all(self) -> Iterator[Batch]:
        for number, value in enumerate(self._values()):
            yield self._checked(value, number)

    def _checked(self, value: Any, number: int) -> Batch:
        try:
            batch = as_batch(tuple(value) if isinstance(value, list) else value)
            x = as_arrays("x", batch.x, finite=self._finite)
            y = as_targets(batch.y, finite=self._finite)
            weight = as_weights(batch.weight, finite=self._finite)
            common_length({"x": x, "y": y, "sample_weight": weight})
        except (TypeError, ValueError) as error:
            raise type(error)(f"{self._who}: batch {number} of the data: {error}") from None
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
