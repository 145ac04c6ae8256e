"""`PyDataset`: the base of user-defined data sets, with `__getitem__` (a batch) and `__len__`."""

from __future__ import annotations

import collections
import concurrent.futures
import itertools
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from jkeras.utils.datasets import checked_count


class PyDataset:
    """Batches by number, for `fit`, `evaluate`, `predict` and `adapt`. Subclass it.

    A subclass defines `__getitem__(index)`, a whole batch `x`, `(x, y)` or `(x, y, sample_weight)`,
    and `__len__()` or the property `num_batches`, the number of batches. `on_epoch_begin()` and
    `on_epoch_end()` are called before and after each pass over the batches. `fit` reads them in a
    new order in each pass, unless it is told `shuffle=False`. With `steps_per_epoch` below the
    length, one pass lasts several epochs of `fit`, so each batch still occurs once in each pass.

    Args:
      workers: the number of threads that make batches in parallel.
      use_multiprocessing: only causes a warning: no processes are started.
      max_queue_size: the largest number of batches in the queue, with several workers; for 0 one
        for each worker.

    Example:
      >>> class Squares(PyDataset):
      ...     def __len__(self):
      ...         return 3
      ...     def __getitem__(self, index):
      ...         return index, index**2
      >>> list(Squares(workers=2))
      [(0, 0), (1, 1), (2, 4)]

    Source: `keras.utils.PyDataset`.
    """

    # Defaults for a subclass that does not call `super().__init__`.
    workers: int = 1
    use_multiprocessing: bool = False
    max_queue_size: int = 10

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        who = type(self).__name__
        self.workers = checked_count(who, "workers", workers)
        self.max_queue_size = checked_count(who, "max_queue_size", max_queue_size)
        self.use_multiprocessing = bool(use_multiprocessing)
        if use_multiprocessing:
            warnings.warn(
                f"{who}: `use_multiprocessing`: no processes are started here, `workers` are "
                "threads. Leave it out.",
                stacklevel=2,
            )

    def __getitem__(self, index: int) -> Any:
        """The batch of this number."""
        raise NotImplementedError(
            f"{type(self).__name__}: expected a method `__getitem__(self, index)` that returns a "
            "batch, and the class defines none."
        )

    @property
    def num_batches(self) -> int | None:
        """The number of batches, `len`; None for a class without `__len__`, which is endless."""
        return len(self) if hasattr(self, "__len__") else None

    def on_epoch_begin(self) -> None:
        """Called before the first batch of an epoch."""

    def on_epoch_end(self) -> None:
        """Called after the last batch of an epoch."""

    def __iter__(self) -> Iterator[Any]:
        """The batches of one epoch."""
        count = self.num_batches
        return self.batches_of(itertools.count() if count is None else range(count))

    def batches_of(self, numbers: Iterable[int]) -> Iterator[Any]:
        """The batches of one epoch by their numbers, in this order."""
        self.on_epoch_begin()
        try:
            ahead = self.workers > 1
            yield from self._read_ahead(numbers) if ahead else (self[n] for n in numbers)
        finally:  # the last epoch of `fit` may end the iteration early
            self.on_epoch_end()

    def _read_ahead(self, numbers: Iterable[int]) -> Iterator[Any]:
        """The batches in order, while threads make the next ones."""
        with concurrent.futures.ThreadPoolExecutor(self.workers) as pool:
            rest = iter(numbers)
            waiting = collections.deque(
                pool.submit(self.__getitem__, number)
                for number in itertools.islice(rest, self.max_queue_size or self.workers)
            )
            while waiting:
                batch = waiting.popleft().result()
                for number in itertools.islice(rest, 1):
                    waiting.append(pool.submit(self.__getitem__, number))
                yield batch
