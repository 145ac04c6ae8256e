"""The part of a data set that one of several processes reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import jax

from jkeras.core.errors import describe, type_error, value_error


class PartOfBatches:
    """A data set of batches, each cut to the rows of one process; what can be gone through twice
    still can.

    Args:
      dataset: an iterable of batches: arrays, or tuples, lists and dicts of them.
      number: which part, from 0.
      count: how many parts there are.

    Raises:
      TypeError: the data set is no iterable of batches.

    Example:
      >>> import numpy as np
      >>> [batch.tolist() for batch in PartOfBatches([np.arange(4), np.arange(4, 8)], 1, 2)]
      [[2, 3], [6, 7]]
    """

    def __init__(self, dataset: Iterable[Any], number: int, count: int) -> None:
        if not isinstance(dataset, Iterable) or isinstance(dataset, str):
            expected = "an iterable of batches"
            raise type_error(who="distribute_dataset", expected=expected, got=describe(dataset))
        self._dataset, self._number, self._count = dataset, number, count

    def __iter__(self) -> Iterator[Any]:
        for batch in self._dataset:
            yield jax.tree.map(self._rows, batch)

    def __len__(self) -> int:
        return len(self._dataset)  # type: ignore[arg-type]  # it raises where there is no length

    def _rows(self, array: Any) -> Any:
        if len(array) % self._count:
            raise value_error(
                who="distribute_dataset",
                expected=f"batches of a multiple of {self._count} rows, one part for each process",
                got=f"one of {len(array)}",
                fix="Drop the last batch where it is smaller, or set auto_shard_dataset=False.",
            )
        size = len(array) // self._count
        return array[self._number * size : (self._number + 1) * size]
