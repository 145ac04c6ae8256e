"""Sources of batches: what a stream reads that is made of another library's data set.

Laws: a batch of named columns is taken apart by the names of the model's inputs and outputs; the
iterators of examples that are read by their numbers have a state, for checkpoints.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax

from jkeras.core.named_columns import Chosen, ModelNames

Foreign = Any
"""A data set or a value of a library that is not imported here."""
Share = tuple[int, int]
"""The number of a process, and how many there are."""
WHOLE: Share = (0, 1)


def share_of_process() -> Share:
    """The part of data sets that this process reads where each process reads a part."""
    return jax.process_index(), jax.process_count()


class Source(NamedTuple):
    """An iterable of batches, and what a stream has to know of it.

    Attributes:
      batches: the iterable.
      value_fn: from a value of the iterable and its number to a batch; None for batches.
      facts: what the numbers of the batches rest on.
      is_endless: whether a pass never ends.
    """

    batches: Any
    value_fn: Callable[[Any, int], Any] | None = None
    facts: Mapping[str, Any] = {}
    is_endless: bool = False


class ExampleBatches:
    """Batches of examples that are read by their numbers.

    Args:
      gather_fn: from the numbers of examples to what stands for a batch of them.
      length: the number of examples.
      batch_size: examples in a batch; the last one may have fewer.
      share: the part of each batch that is read.
    """

    def __init__(
        self,
        gather_fn: Callable[[list[int]], Any],
        length: int,
        batch_size: int,
        share: Share = WHOLE,
    ) -> None:
        self._gather_fn, self._share = gather_fn, share
        self.length = length
        self.batch_size = min(batch_size, length)

    @property
    def num_batches(self) -> int:
        """The number of batches."""
        return -(-self.length // self.batch_size)

    def __len__(self) -> int:
        return self.num_batches

    def __getitem__(self, index: int) -> Any:
        start = index * self.batch_size
        return self.gathered(list(range(start, min(start + self.batch_size, self.length))))

    def gathered(self, rows: list[int]) -> Any:
        """The process's part of the batch of these examples."""
        number, count = self._share
        part = rows[number * len(rows) // count : (number + 1) * len(rows) // count]
        return self._gather_fn(part)

    def __iter__(self) -> Iterator[Any]:
        return self.batches_of(range(self.length))

    def batches_of(self, order: Iterable[int]) -> Iterator[Any]:
        """The batches of one pass; `order` names all examples."""
        return _Pass(self, list(order))


class _Pass:
    """A pass over examples in an order; its state is the number of the next batch."""

    def __init__(self, source: ExampleBatches, order: list[int]) -> None:
        self._source, self._order, self._next = source, order, 0

    def __iter__(self) -> _Pass:
        return self

    def __next__(self) -> Any:
        start = self._next * self._source.batch_size
        rows = self._order[start : start + self._source.batch_size]
        if not rows:
            raise StopIteration
        self._next += 1
        return self._source.gathered(rows)

    def get_state(self) -> dict[str, int]:
        """The number of the next batch."""
        return {"next": self._next}

    def set_state(self, state: Mapping[str, int]) -> None:
        """Continues at another batch."""
        self._next = int(state["next"])


def by_columns(names: ModelNames | None) -> Callable[[Any, int], Any] | None:
    """The function that takes dicts of columns apart into inputs, targets and weights; None where
    dicts stay as they are.
    """
    if names is None:
        return None
    known: dict[tuple[str, ...], Chosen] = {}

    def divided(value: Foreign, number: int) -> Any:
        if not isinstance(value, Mapping):
            return value
        key = tuple(value)
        if key not in known:
            known[key] = names.choose(key)
        return known[key].of(value)

    return divided


def plain_columns(names: ModelNames | None) -> Callable[[Any, int], Any] | None:
    """As `by_columns`, for an iterable of no known library: only a dict that holds all inputs of
    the model, a target and nothing that has to be guessed is taken apart.
    """
    divided = by_columns(names)
    if names is None or divided is None or not (names.inputs and names.wants_targets):
        return None

    def value(found: Foreign, number: int) -> Any:
        is_more = isinstance(found, Mapping) and set(names.inputs) < set(found)
        return divided(found, number) if is_more and names.choose(found).y is not None else found

    return value


def classes_of(module: str, *names: str) -> tuple[type, ...]:
    """Classes of a module that is imported already; none where it is not."""
    found = sys.modules.get(module)
    classes = (getattr(found, name, None) for name in names)
    return tuple(kind for kind in classes if isinstance(kind, type))
