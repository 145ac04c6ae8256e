"""Streaming data: batches that come one at a time, from a generator, a loader or any iterable.

A stream yields `x`, `(x, y)` or `(x, y, sample_weight)`, each of them an array or, for several
inputs or outputs, a tuple, list or dict of arrays. An iterable that can be restarted is restarted
at every epoch, or, if an epoch is a part of a pass (`continues_pass`), at the end of a pass; a
generator continues where it stopped. Batches smaller than the first are padded to the first one's
size, so one compiled program serves all batches.
"""

from __future__ import annotations

import itertools
import operator
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from jkeras.core.batch import Batch, as_batch
from jkeras.core.columns import by_names
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.trees import Tree
from jkeras.data.arrays import ClassWeight, class_weights
from jkeras.data.checks import as_arrays, as_targets, as_weights, check_values, common_length
from jkeras.data.positions import Position, Positions, set_state

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Stream:
    """Batches from an iterable, checked and padded.

    Args:
      source: an iterable of batches.
      who: the method that reads the batches, for messages.
      class_weight: weight of each class id, for batches without sample weights.
      finite: whether NaN and infinity raise an error with the batch's number.
      input_names: of a model with several inputs, which take the columns of tables.
      encode_fn: from the inputs of a batch as they come to arrays of numbers; None where they are.

    Attributes:
      continues_pass: whether an epoch continues the pass of the epoch before, until that pass is
        complete; else every epoch is a new pass. A generator always continues.
      begun: the number of earlier passes over the source, if it has `epochs_begun`; else None.
      may_end_early: whether an epoch of fewer batches than were asked for needs no warning.
      pads: whether smaller batches are padded; False for a model that would see the filler rows.
      multiple: of which number padded batches have a multiple of rows.
      order_fn: from the number of a pass and the count of its batches to their numbers in order,
        for a source with `batches_of(numbers)` and `num_batches`; None for that of the source.
      specs: those of a batch of the source, after `adjust_fn`; None before one was looked at.
      value_fn: applied to every value of the source, with its number, before all else.
      facts: what the numbers of the batches rest on, for checkpoints.
      is_endless: whether a pass over the source never ends.
      adjust_fn: applied to every batch before padding.
      check_fn: called with every adjusted batch and its number; the number is added to the message
        of an error.

    Raises:
      TypeError: `source` is not iterable.
    """

    def __init__(
        self,
        source: Any,
        who: str = "stream",
        *,
        class_weight: ClassWeight | None = None,
        finite: bool = True,
        input_names: Sequence[str] = (),
        encode_fn: Callable[[Any], Any] | None = None,
    ) -> None:
        if not hasattr(source, "__iter__") and not hasattr(source, "__getitem__"):
            raise WrongTypeError(
                f"`x`: expected arrays or an iterable of batches (x, y), got {describe(source)}."
            )
        self._source = source
        self._who = who
        self._finite = finite
        self._class_weight = class_weight
        self._input_names = input_names
        self._encode_fn = encode_fn
        begun = getattr(source, "epochs_begun", None)
        self.begun: int | None = begun if type(begun) is int else None
        self._batches: Iterator[Batch] | None = None
        self._peeked: list[Batch] = []
        self._size = 0
        self._passed = 0  # batches of the pass under way that were read, with `continues_pass`
        self.continues_pass = False
        self.may_end_early = False
        self.pads, self.multiple = True, 1
        self.order_fn: Callable[[int, int], list[int]] | None = None
        self.specs: Batch | None = None
        self.value_fn: Callable[[Any, int], Any] | None = None
        self.facts: dict[str, Any] = {}
        self.is_endless = False
        self._passes = 0
        self._positions = Positions()
        self._epoch_start = 0  # batches that were read before the epoch
        self._is_under_way = False  # whether an epoch is
        self._adjust_fn: Callable[[Batch], Batch] = lambda batch: batch
        # The kinds of batches that the checks and `adjust_fn` leave as they are.
        self._plain: set[Any] = set()
        self._all_rows = np.ones(0, bool)
        self.check_fn: Callable[[Batch, int], None] = lambda batch, number: None
        self._initial_steps = self.steps
        self._has_warned = False

    @property
    def adjust_fn(self) -> Callable[[Batch], Batch]:
        """Applied to every batch before padding."""
        return self._adjust_fn

    @adjust_fn.setter
    def adjust_fn(self, function: Callable[[Batch], Batch]) -> None:
        self._adjust_fn = function
        self._plain.clear()

    @property
    def source(self) -> Any:
        """The iterable."""
        return self._source

    @property
    def steps(self) -> int | None:
        """The number of batches in one pass; None if the source has no length."""
        try:
            by_number = hasattr(self._source, "batches_of")
            return self._source.num_batches if by_number else len(self._source)
        except TypeError:  # no length, or an endless one: other libraries raise this too
            return None

    def first(self) -> Batch | None:
        """The next batch, without removing it from the stream; None at the end.

        The next epoch continues with the iterator that is started here, so a source is started once
        an epoch.
        """
        if self._batches is None:
            self._batches = self._checked_all()
        if not self._peeked:
            self._peeked = list(itertools.islice(self._batches, 1))
        return self._peeked[0] if self._peeked else None

    def sample(self) -> Batch | None:
        """A batch like those to come: where their order is not known yet, the source's first."""
        if self.order_fn is None or not self.steps:
            return self.first()
        return self._checked(self._source[0], 0)

    def begin_epoch(self) -> Batch | None:
        """The first batch of the next epoch, without removing it from the stream.

        That is the next batch of the pass or, after the last one, the first batch of a new pass;
        None at the end of a generator.
        """
        if self.first() is None and self._passed:
            self.close()
        return self.first()

    def epoch(self, first: int = 0) -> Iterator[Batch]:
        """The batches of one epoch; for a generator all remaining ones. `first` of the epoch were
        read before it was interrupted.

        The call ends the epoch for the stream, whether or not its batches are read. With
        `continues_pass` these are the remaining batches of the pass, of which the next epoch gets
        the unread ones; `end_epoch` has to follow.
        """
        self._epoch_start = self._positions.total - len(self._peeked) - first
        self._is_under_way = True
        if self.continues_pass and not hasattr(self._source, "__next__"):  # not a generator
            return map(self._prepared, self._rest_of_pass())
        batches = self._checked_all() if self._batches is None else self._batches
        peeked = self._peeked
        self.close()
        return map(self._prepared, itertools.chain(peeked, batches))

    def end_epoch(self) -> None:
        """Closes the iterator if the pass is complete; without a length the next epoch does so."""
        self._is_under_way = False
        steps = self.steps
        if steps is not None and self._passed >= steps:
            self.close()

    def close(self) -> None:
        """Closes the iterator of the source; the next batch is the first of a new pass, or the next
        batch of a generator.
        """
        self._batches, self._peeked, self._passed = None, [], 0

    def head(self, count: int) -> Stream:
        """A stream of the first `count` batches, which is read again and again; the batches are
        copied, since a source may fill the same arrays again.

        Raises:
          ValueError: the source has no batch.
        """

        def copied(leaf: ArrayLike) -> ArrayLike:
            return leaf if isinstance(leaf, jax.Array) else np.array(leaf)

        numbered = enumerate(itertools.islice(self._values_with_notes(), count))
        batches = [jax.tree.map(copied, self._checked(value, number)) for number, value in numbered]
        if not batches:
            raise ValueError(f"{self._who}: `x`: expected at least one batch, got none.")
        return Stream(batches, self._who, finite=self._finite)

    def _rest_of_pass(self) -> Iterator[Batch]:
        while self.first() is not None:
            yield self._take()

    def _take(self) -> Batch:
        """Removes the batch of `first` from the stream and returns it."""
        self._passed += 1
        return self._peeked.pop()

    def restart(self, begun: int | None) -> bool:
        """Sets `epochs_begun` of the source to `begun`; returns whether the source has it."""
        if begun is None or self.begun is None:
            return False
        self._source.epochs_begun = begun
        self.close()
        return True

    def position(self, batch: int) -> Position | None:
        """The position behind the first `batch` batches of the epoch, or, for 0 between two epochs,
        before the next one; None where the source's iterators have no state.
        """
        places = self._positions
        if not places.are_known:
            return None
        place: Position | None = {"begun": self._begun_now(), "passes": self._passes}
        if batch or self._is_under_way:
            place = places.behind(self._epoch_start + batch)
        elif self._batches is not None or hasattr(self._source, "__next__"):
            place = places.behind(places.total - len(self._peeked))
        return None if place is None else {"passed": 0, "state": None, **place, "rows": self._size}

    def restore(self, position: Position | None) -> bool:
        """Continues at a position; returns whether the source can do that.

        Raises:
          ValueError: the source does not continue there.
        """
        if position is None or not (self._positions.are_known or self.order_fn):
            return False
        if position["begun"] is not None and not self.restart(position["begun"]):
            return False
        self.close()
        self._passes, self._passed = position["passes"], position["passed"]
        self._size, self._all_rows = position["rows"], np.ones(position["rows"], bool)
        if position["state"] is not None:
            values = self._values_with_notes(self._started(position), self._passed)
            self._batches = self._checked_all(values, self._passed)
        return True

    def _begun_now(self) -> int | None:
        return None if self.begun is None else self._source.epochs_begun

    @property
    def passes_are_equal(self) -> bool:
        """Whether a pass depends on none before it: then nothing has to be read again for it."""
        return self._positions.are_known and not hasattr(self._source, "__next__")

    def skip_epoch(self, limit: int | None = None) -> None:
        """Skips the batches of one epoch, or the first `limit` batches."""
        self.begin_epoch()
        for number, _ in enumerate(self.epoch(), 1):
            if number == limit:
                break
        self.end_epoch()

    def skip_batches(self, count: int) -> None:
        """Skips `count` batches of the epoch.

        Raises:
          ValueError: the epoch has fewer batches.
        """
        for number in range(count):
            if (self.first() if number else self.begin_epoch()) is None:
                raise ValueError(
                    f"{self._who}: expected the {count} batches that were read before the run was "
                    f"interrupted, and the data ended after {number}. Pass the same data."
                )
            self._prepared(self._take())

    def _checked_all(self, values: Iterator[Any] | None = None, first: int = 0) -> Iterator[Batch]:
        values = self._values_with_notes() if values is None else values
        for number, value in enumerate(values, first):
            yield self._checked(value, number)

    def _started(self, position: Position | None = None) -> Iterator[Any]:
        """An iterator of the source, for a new pass or at a position.

        A source with a length but without `__iter__` is indexed.
        """
        values, steps, place = self._source, self.steps, (self._begun_now(), self._passes)
        if self.order_fn is not None:
            values = values.batches_of(self.order_fn(self._passes, steps or 0))
            self._passes += 1
        if not hasattr(values, "__iter__") and steps is not None:
            values = (self._source[i] for i in range(steps))
        iterator = iter(values)
        if position is not None:
            set_state(self._who, iterator, position["state"])
        self._positions.begin_pass(iterator, *place, 0 if position is None else position["passed"])
        return iterator

    def _values_with_notes(
        self, iterator: Iterator[Any] | None = None, number: int = 0
    ) -> Iterator[Any]:
        """The values of a pass over the source, of which the first has this number; its exceptions
        get a note with the number of the batch.
        """
        try:
            iterator = self._started() if iterator is None else iterator
            for number, value in enumerate(iterator, number + 1):  # noqa: B007, B020  # in the note
                self._positions.read()
                yield value
        except Exception as error:  # any exception of a user's code; it is raised unchanged
            error.add_note(
                f"{self._who}: raised by the data where batch {number} was asked for."
                f"{self._shrunk()}"
            )
            raise

    def without_limit(self) -> ValueError:
        """The error for a source that never ends, where all of it was asked for."""
        who, _, part = self._who.partition(": ")
        name = "steps_per_epoch" if who in ("fit", "lr_find") else "steps"
        name, x = ("validation_steps", part) if part else (name, "`x`")
        return ValueError(
            f"{who}: {x}: expected a data set with an end, or `{name}`, got one that repeats "
            f"without an end. Write {name}=… for the number of batches, or repeat it less often."
        )

    def _shrunk(self) -> str:
        """A sentence for a source that has become shorter; an empty string otherwise."""
        steps = self.steps
        if steps is None or self._initial_steps is None or steps >= self._initial_steps:
            return ""
        return f" It had {self._initial_steps} batches when it was passed, and has {steps} now."

    def warn_of_early_end(self, done: int, limit: int | None) -> None:
        """Warns, once, if an epoch has had fewer batches than expected.

        Args:
          done: the number of batches that were read.
          limit: the requested number of batches; None for the length of the source.
        """
        expected = self._initial_steps if limit is None else limit
        is_whole = bool(done) if expected is None else done >= expected
        if self.may_end_early or self._has_warned or is_whole:
            return
        self._has_warned = True
        what = f"the data ended after {done} of {expected} batches"
        message = f"{self._who}: {what if done else 'the data had no batch left'}."
        if self._passed > done:
            message += (
                " The next epoch begins at the start of the data again. Choose `steps_per_epoch` "
                f"so that it divides the {self._passed} batches."
            )
        elif self._initial_steps is None:
            message += (
                " A generator is read once: pass an iterable that starts again, or ask for fewer "
                "steps."
            )
        warnings.warn(message + self._shrunk(), stacklevel=2)

    def _checked(self, value: Tree, number: int) -> Batch:
        try:
            if self.value_fn is not None:
                value = self.value_fn(value, number)
            if _kind_of(value) in self._plain:
                batch = Batch(*value)
                for name, array in zip(("x", "y", "sample_weight"), value, strict=False):
                    check_values(name, array, finite=self._finite)
                self.check_fn(batch, number)
                return batch
            batch = as_batch(tuple(value) if isinstance(value, list) else value)
            x = by_names(batch.x, self._input_names)
            x = x if self._encode_fn is None else self._encode_fn(x)
            x = as_arrays("x", x, finite=self._finite, are_inputs=True)
            y = as_targets(batch.y, finite=self._finite)
            weight = as_weights(batch.weight, finite=self._finite)
            if self._class_weight is not None:
                weight = class_weights(y, self._class_weight, weight)
            common_length({"x": x, "y": y, "sample_weight": weight})
            batch = Batch(x, y, weight)
            adjusted = self.adjust_fn(batch)
            self.check_fn(adjusted, number)
        except (TypeError, ValueError) as error:
            message = str(error).removeprefix(f"{self._who}: ")
            raise type(error)(f"{self._who}: batch {number} of the data: {message}") from None
        if (kind := _kind_of(value)) and _are_same(value, batch) and _are_same(value, adjusted):
            self._plain.add(kind)
        return batch

    def _prepared(self, batch: Batch) -> Batch:
        """The batch after `adjust_fn`, padded to the largest size so far."""
        if _kind_of(tuple(part for part in batch if part is not None)) not in self._plain:
            batch = self.adjust_fn(batch)
            rows = len(jax.tree.leaves(batch.x)[0])
        elif (rows := len(batch.x)) == self._size and self.pads:
            return Batch(*batch[:3], self._all_rows)
        if rows > self._size:
            self._size = rows + (-rows % self.multiple if self.pads else 0)
            self._all_rows = np.ones(self._size, bool)
        return padded(batch, self._size) if self.pads else batch


def _kind_of(value: object) -> Any:
    """Shapes and dtypes of a tuple of NumPy's arrays in memory; None for anything else."""
    if type(value) is not tuple:
        return None
    kind = []
    for array in value:
        if type(array) is not np.ndarray:
            return None
        owner = array.base
        if owner is not None and (type(owner) is not np.ndarray or owner.base is not None):
            return None  # it may lie in a file
        kind.append((array.shape, array.dtype))
    return tuple(kind)


def _are_same(value: tuple[Any, ...], batch: Batch) -> bool:
    """Whether a batch holds the very arrays of a tuple, and nothing else."""
    rest = (None,) * (len(batch) - len(value))
    return all(map(operator.is_, (*value, *rest), batch))


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
