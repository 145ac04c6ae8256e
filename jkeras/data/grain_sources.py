"""Data sets of Grain as sources of batches; the user has imported it.

`fit` reads one epoch of Grain's for each of its own: a `MapDataset` that shuffles comes in a new
order in each epoch. The other kinds begin each pass alike.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from jkeras.core.errors import describe
from jkeras.core.named_columns import ModelNames
from jkeras.data.sources import WHOLE, Foreign, Share, Source, by_columns, classes_of

THREADS = 8
"""Threads in which Grain makes batches of a `MapDataset`, and half the batches it makes ahead."""
ENDLESS = sys.maxsize >> 20
"""A length that only a data set of Grain has that repeats without an end, perhaps in batches."""


class GrainBatches:
    """The batches of a `grain.MapDataset`.

    Args:
      dataset: the data set.
      share: the part that is read: of so many batches that follow each other one.

    Attributes:
      reshuffles: whether each pass is the next epoch of Grain's; else the first one.
      epochs_begun: the number of passes so far.
    """

    def __init__(self, dataset: Foreign, share: Share = WHOLE) -> None:
        number, count = share
        whole = len(dataset) // count * count  # all processes read as many
        self._dataset = dataset if share == WHOLE else dataset[number:whole:count]
        self.reshuffles = False
        self.epochs_begun = 0

    @property
    def is_endless(self) -> bool:
        """Whether the data set repeats without an end."""
        return len(self._dataset) >= ENDLESS

    def __len__(self) -> int:
        if self.is_endless:
            raise TypeError("the data set repeats without an end, and has no length")
        return len(self._dataset)

    def __iter__(self) -> Iterator[Any]:
        number, self.epochs_begun = self.epochs_begun, self.epochs_begun + 1
        part = self._dataset
        if self.reshuffles and number and not self.is_endless:
            count = len(part)
            part = part.repeat()[number * count : (number + 1) * count]
        options = sys.modules["grain"].ReadOptions(
            num_threads=THREADS, prefetch_buffer_size=2 * THREADS
        )
        return iter(part.to_iter_dataset(options))


class _Shared:
    """Batches of a `grain.IterDataset` or `DataLoader`: of so many that follow each other one."""

    def __init__(self, dataset: Foreign, share: Share) -> None:
        self._dataset, self._share = dataset, share

    def __iter__(self) -> Iterator[Any]:
        _parse_flags()
        found = iter(self._dataset)
        return found if self._share == WHOLE else _OneOf(found, *self._share)


class _OneOf:
    """One of so many batches of an iterator that follow each other; an incomplete group is left."""

    def __init__(self, iterator: Foreign, number: int, count: int) -> None:
        self._iterator, self._number, self._count = iterator, number, count
        self.get_state, self.set_state = iterator.get_state, iterator.set_state

    def __iter__(self) -> _OneOf:
        return self

    def __next__(self) -> Any:
        return [next(self._iterator) for _ in range(self._count)][self._number]


def is_grain(x: object) -> bool:
    """Whether a value is a data set or a loader of Grain."""
    return isinstance(x, classes_of("grain", "MapDataset", "IterDataset", "DataLoader"))


def source_of_grain(x: Foreign, names: ModelNames | None, share: Share) -> Source:
    """A data set or a loader of Grain as a source; arguments as for `libraries.source_of`.

    Raises:
      ValueError: it has no batch.
    """
    share = WHOLE if _is_cut(x, share[1]) else share
    divided = by_columns(names)

    def value(found: Foreign, number: int) -> Any:
        if number == 0:
            _check_is_batch(found)
        return found if divided is None else divided(found, number)

    if not isinstance(x, classes_of("grain", "MapDataset")):
        return Source(_Shared(x, share), value, is_endless=_repeats(x))
    batches = GrainBatches(x, share)
    if not batches.is_endless and not len(batches):
        raise ValueError("`x`: expected at least one batch, got a Grain data set without any.")
    return Source(batches, value, is_endless=batches.is_endless)


def _parse_flags() -> None:
    """Gives absl's flags their defaults, unless the program has parsed them: Grain reads some
    before it starts processes that read ahead.
    """
    absl = sys.modules.get("absl.flags")
    if absl is not None and not absl.FLAGS.is_parsed():
        absl.FLAGS.mark_as_parsed()


def _is_cut(x: Foreign, count: int) -> bool:
    """Whether a Grain data set or loader is cut into so many parts already."""
    if count == 1:
        return True
    options = vars(x).get("_shard_options")  # of a loader
    if options is not None:
        return bool(options.shard_count > 1)
    step = vars(x).get("_step") if type(x).__name__ == "SliceMapDataset" else None
    return step == count or any(_is_cut(part, count) for part in getattr(x, "parents", ()))


def _repeats(x: Foreign) -> bool:
    """Whether a Grain data set or loader says that it has no end."""
    sampler = vars(x).get("_sampler")  # of a loader
    if hasattr(sampler, "__len__") or isinstance(x, classes_of("grain", "MapDataset")):
        return len(x if sampler is None else sampler) >= ENDLESS
    is_limited = type(x).__name__.startswith("Limit")
    return not is_limited and any(map(_repeats, getattr(x, "parents", ())))


def _check_is_batch(value: object) -> None:
    """Raises ValueError for a single example in the place of a batch: a part has no axis."""
    if isinstance(value, tuple | Mapping):
        for part in value.values() if isinstance(value, Mapping) else value:
            _check_is_batch(part)
    elif isinstance(value, bytes | str):
        raise ValueError(
            f"`x`: expected batches of arrays, got {describe(value)}. Decode the records with "
            ".map(function), and batch them: .batch(32)."
        )
    elif isinstance(value, int | float | np.generic) or getattr(value, "shape", None) == ():
        raise ValueError(
            f"`x`: expected batches, got a single example with {describe(value)}. Batch the data "
            "set: .batch(32)."
        )
