"""Streaming data: batches that come one at a time, from a generator, a loader or any iterable.

A stream yields `x`, `(x, y)` or `(x, y, sample_weight)`, each of them an array or, for several
inputs or outputs, a tuple, list or dict of arrays. An iterable that can be started again is
started at every epoch, or, where an epoch is a part of a pass (`goes_on`), when a pass is complete;
a generator goes on where it stopped. Batches smaller than the first are padded to its size, so one
compiled program serves all of them.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from jkeras.core.batch import Batch, as_batch
from jkeras.core.errors import describe
from jkeras.core.trees import Tree
from jkeras.data.arrays import class_weights
from jkeras.data.checks import as_arrays, as_targets, as_weights, common_length

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Stream:
    """Batches from an iterable, checked and padded.

    Args:
      source: an iterable of batches.
      who: the method that reads it, for messages.
      class_weight: weight of each class id, for batches without weights of their own.
      finite: whether NaN and infinity are refused, with the batch's number in the message.

    Attributes:
      goes_on: whether an epoch goes on in the pass that the one before began, until that pass is
        complete; else every epoch is a pass of its own. A generator goes on either way.
      begun: how often the source was begun before, where it says so (`epochs_begun`); else None.
      pads: whether smaller batches are filled up; a model that would see the filler switches it
        off.
      adjust_fn: applied to every batch before it is padded.
      check_fn: called with every batch, adjusted, and its number; what it raises gets the number
        into its message.

    Raises:
      TypeError: `source` is not iterable.
    """

    def __init__(
        self,
        source: Any,
        who: str = "stream",
        *,
        class_weight: Mapping[int, float] | None = None,
        finite: bool = True,
    ) -> None:
        if not hasattr(source, "__iter__") and not hasattr(source, "__getitem__"):
            raise TypeError(
                f"`x`: expected arrays or an iterable of batches (x, y), got {describe(source)}."
            )
        self._source = source
        self._who = who
        self._finite = finite
        self._class_weight = class_weight
        begun = getattr(source, "epochs_begun", None)
        self.begun: int | None = begun if type(begun) is int else None
        self._batches: Iterator[Batch] | None = None
        self._peeked: list[Batch] = []
        self._size = 0
        self._passed = 0  # batches of the pass under way that were read, with `goes_on`
        self.goes_on = False
        self.pads = True
        self.adjust_fn: Callable[[Batch], Batch] = lambda batch: batch
        self.check_fn: Callable[[Batch, int], None] = lambda batch, number: None
        self._promised = self.steps
        self._told_of_end = False

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

    def begin_epoch(self) -> Batch | None:
        """The first batch of the epoch that comes, which stays in the stream: the one after those
        that were read, or, when the pass is complete, the first of a new pass. None when there is
        no more.
        """
        if self.first() is None and self._passed:
            self.close()
        return self.first()

    def epoch(self) -> Iterator[Batch]:
        """The batches of one epoch; of a generator, all that are left.

        The epoch is over for the stream when this is called, whether or not any of them is read.
        With `goes_on` they are all that are left of the pass, and those that are not read stay for
        the next epoch; `end_epoch` has to follow.
        """
        if self.goes_on and not self._is_read_once:
            return (self._padded(self.adjust_fn(b)) for b in self._rest_of_pass())
        batches = self._checked_all() if self._batches is None else self._batches
        peeked = self._peeked
        self.close()
        return (self._padded(self.adjust_fn(b)) for b in itertools.chain(peeked, batches))

    def end_epoch(self) -> None:
        """Lets go of the source when the pass is complete; of a source without a length the next
        epoch finds out.
        """
        steps = self.steps
        if steps is not None and self._passed >= steps:
            self.close()

    def close(self) -> None:
        """Lets go of the iterator of the source, if there is one; the next batch is the first of a
        new pass, or the next one of a generator.
        """
        self._batches, self._peeked, self._passed = None, [], 0

    @property
    def _is_read_once(self) -> bool:
        """Whether the source is an iterator, such as a generator."""
        return hasattr(self._source, "__next__")

    def _rest_of_pass(self) -> Iterator[Batch]:
        while self.first() is not None:
            yield self._take()

    def _take(self) -> Batch:
        """The batch that `first` looked at; it leaves the stream."""
        self._passed += 1
        return self._peeked.pop()

    def restart(self, begun: int | None) -> bool:
        """Lets the source begin as after `begun` times, where it can; returns whether it does."""
        if begun is None or self.begun is None:
            return False
        self._source.epochs_begun = begun
        self.close()
        return True

    def pass_epoch(self, limit: int | None = None) -> None:
        """Reads the batches of one epoch, or the first `limit`, and leaves them."""
        self.begin_epoch()
        for number, _ in enumerate(self.epoch(), 1):
            if number == limit:
                break
        self.end_epoch()

    def pass_batches(self, count: int) -> None:
        """Reads `count` batches and leaves them: the epoch goes on behind them.

        Raises:
          ValueError: there are not so many.
        """
        for number in range(count):
            if (self.first() if number else self.begin_epoch()) is None:
                raise ValueError(
                    f"{self._who}: expected the {count} batches that were read before the run was "
                    f"interrupted, and the data ended after {number}. Pass the same data."
                )
            self._padded(self.adjust_fn(self._take()))

    def _values(self) -> Iterator[Any]:
        """What the source yields; one with a length but without `__iter__` is indexed."""
        if hasattr(self._source, "__iter__") or self.steps is None:
            return iter(self._source)
        return (self._source[i] for i in range(self.steps))

    def _checked_all(self) -> Iterator[Batch]:
        for number, value in enumerate(self._noting_errors()):
            yield self._checked(value, number)

    def _noting_errors(self) -> Iterator[Any]:
        """The values; an exception of the source gets a note with the number of the batch."""
        number = 0
        try:
            for number, value in enumerate(self._values(), 1):  # noqa: B007  # read in the note
                yield value
        except Exception as error:  # whatever a user's code raises; it goes on as it is
            error.add_note(
                f"{self._who}: raised by the data where batch {number} was asked for."
                f"{self._shrunk(self.steps)}"
            )
            raise

    def _shrunk(self, steps: int | None) -> str:
        """A sentence about a source that has become shorter; empty for another."""
        if steps is None or self._promised is None or steps >= self._promised:
            return ""
        return f" It had {self._promised} batches when it was passed, and has {steps} now."

    def tell_of_end(self, done: int, limit: int | None) -> None:
        """Warns, once, where the batches of an epoch were fewer than they should be.

        Args:
          done: batches that there were.
          limit: batches that were asked for; None for all that the source said it has.
        """
        expected = self._promised if limit is None else limit
        if self._told_of_end or (done if expected is None else done >= expected):
            return
        self._told_of_end = True
        what = f"the data ended after {done} of {expected} batches"
        told = f"{self._who}: {what if done else 'the data had no batch left'}."
        if self._passed > done:
            told += (
                " The next epoch begins at the start of the data again. Choose `steps_per_epoch` "
                f"so that it divides the {self._passed} batches."
            )
        elif self._promised is None:
            told += (
                " A generator is read once: pass an iterable that starts again, or ask for fewer "
            )
            told += "steps."
        warnings.warn(told + self._shrunk(self.steps), stacklevel=2)

    def _checked(self, value: Tree, number: int) -> Batch:
        try:
            batch = as_batch(tuple(value) if isinstance(value, list) else value)
            x = as_arrays("x", batch.x, finite=self._finite)
            y = as_targets(batch.y, finite=self._finite)
            weight = as_weights(batch.weight, finite=self._finite)
            if self._class_weight is not None:
                weight = class_weights(y, self._class_weight, weight)
            common_length({"x": x, "y": y, "sample_weight": weight})
            batch = Batch(x, y, weight)
            self.check_fn(self.adjust_fn(batch), number)
        except (TypeError, ValueError) as error:
            told = str(error).removeprefix(f"{self._who}: ")
            raise type(error)(f"{self._who}: batch {number} of the data: {told}") from None
        return batch

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

    def pad(leaf: ArrayLike) -> np.ndarray:
        leaf = np.asarray(leaf)
        widths = [(0, size - real)] + [(0, 0)] * (leaf.ndim - 1)
        return np.pad(leaf, widths) if real < size else leaf

    filled = jax.tree.map(pad, batch._replace(rows=None))
    return filled._replace(rows=np.arange(size) < real)
