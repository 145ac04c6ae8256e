"""`Dataset`: lazy batches of examples, the return value of the data set functions of this package.

A `Dataset` is two functions: `gather_fn`, from indices of examples to the examples, and `order_fn`,
from the number of an epoch to the indices of the examples in their order. `take`, `skip`,
`shuffle`, `map` and `batch` return a new data set in which one of these functions is wrapped. Laws:

- A data set can be iterated any number of times; each iteration is an epoch, counted from 0.
- The order of an epoch is a function of the seed and the epoch.
- `len` is the number of elements in an epoch.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from jkeras.core.errors import WrongTypeError, describe, nearest
from jkeras.core.keys import checked_seed
from jkeras.core.trees import Tree

Indices = np.ndarray
Gather = Callable[[Indices], Any]
Order = Callable[[int], Indices]

_INSTEAD = {
    "cache": "Leave it out: nothing is kept; for few data gather them, list(dataset).",
    "prefetch": "Leave it out: fit reads ahead by itself.",
    "repeat": "Leave it out: fit starts the data set anew in every epoch.",
    "unbatch": "Write unbatched(), or make it with batch_size=None.",
}


class Dataset:
    """A sized iterable of batches, for `fit`, `evaluate`, `predict` and `adapt`.

    Args:
      gather_fn: from integers [n] to n examples: an array `[n, ...]`, or a tuple (or dict) of them.
      length: the number of examples.
      batch_size: examples in a batch, the last of which may be smaller; None for single examples.

    Attributes:
      class_names: for images, the names of the classes by number.
      file_paths: for images, the paths of all examples by index.
      epochs_begun: the number of iterations so far, which is the number of the next epoch.

    Example:
      >>> squares = Dataset(lambda i: (i, i**2), length=5).batch(2)
      >>> [y.tolist() for _, y in squares], len(squares)
      ([[0, 1], [4, 9], [16]], 3)
      >>> [x.tolist() for x in squares.take(2).map(lambda x, y: x + y)]
      [[0, 2], [6, 12]]
    """

    class_names: list[str] | None = None
    file_paths: list[str] | None = None

    def __init__(self, gather_fn: Gather, length: int, batch_size: int | None = None) -> None:
        self._gather_fn = gather_fn
        self._length = length
        self._order_fn: Order = lambda epoch: np.arange(length)
        self.batch_size = batch_size
        self._drops = False
        self.epochs_begun = 0

    def __len__(self) -> int:
        size = self.batch_size or 1
        return self._length // size if self._drops else -(-self._length // size)

    def __iter__(self) -> Iterator[Any]:
        self.epochs_begun += 1
        return self.epoch(self.epochs_begun - 1)

    def __repr__(self) -> str:
        size = "one by one" if self.batch_size is None else f"in batches of {self.batch_size}"
        return f"<Dataset: {self._length} examples {size}>"

    def __getattr__(self, name: str) -> Any:
        """Raises with advice for the methods of `tf.data.Dataset` that this class does not have."""
        public = [known for known in dir(type(self)) if not known.startswith("_")]
        fix = f" {_INSTEAD[name]}" if name in _INSTEAD else nearest(name, public)
        raise AttributeError(f"Dataset has no attribute {name!r}.{fix}")

    def cardinality(self) -> int:
        """The number of elements, `len`."""
        return len(self)

    def epoch(self, number: int) -> Iterator[Any]:
        """The elements of the epoch of this number, independent of earlier iterations."""
        order = self._order_fn(number)
        if self.batch_size is None:
            return (self._example(index) for index in order)
        starts = range(0, len(self) * self.batch_size, self.batch_size)
        return (self._gather_fn(order[start : start + self.batch_size]) for start in starts)

    def map(self, map_fn: Callable[..., Any], **options: Any) -> Dataset:
        """The data set with a function applied to each element.

        A tuple is passed as separate arguments.

        Args:
          map_fn: a function of NumPy arrays.
          **options: `num_parallel_calls` and `deterministic`, which change nothing.
        """
        unknown = set(options) - {"num_parallel_calls", "deterministic"}
        if not callable(map_fn) or unknown:
            got = f"the arguments {sorted(unknown)}" if unknown else describe(map_fn)
            raise WrongTypeError(f"Dataset: map: expected one function, got {got}.")

        def mapped(part: Any) -> Any:
            return map_fn(*part) if isinstance(part, tuple) else map_fn(part)

        def gather(indices: Indices) -> Any:
            if self.batch_size is not None:
                return mapped(self._gather_fn(indices))
            examples = [mapped(self._example(index)) for index in indices]
            return jax.tree.map(lambda *parts: np.stack(parts), *examples)

        return self._with(gather_fn=gather)

    def take(self, count: int) -> Dataset:
        """The first `count` elements of each epoch."""
        return self._cut("take", count, lambda size: slice(None, size))

    def skip(self, count: int) -> Dataset:
        """All but the first `count` elements of each epoch."""
        return self._cut("skip", count, lambda size: slice(size, None))

    def batch(self, batch_size: int, drop_remainder: bool = False) -> Dataset:
        """Single examples in batches.

        Args:
          batch_size: examples in a batch.
          drop_remainder: whether a smaller last batch is left out.

        Raises:
          ValueError: the examples are already in batches.
        """
        if self.batch_size is not None:
            raise ValueError(
                f"Dataset: batch: expected single examples, got batches of {self.batch_size}. "
                "Make the data set with batch_size=None, or with the size you want."
            )
        size = checked_count("Dataset: batch", "batch_size", batch_size, least=1)
        return self._with(batch_size=size, drops=bool(drop_remainder))

    def shuffle(self, buffer_size: int | None = None, seed: int | None = None) -> Dataset:
        """The data set in a new random order in every epoch.

        Args:
          buffer_size: not needed: all examples are shuffled.
          seed: the seed of the orders; a number from NumPy's generator when left out.

        Raises:
          ValueError: the examples are already in batches.
        """
        del buffer_size
        if self.batch_size is not None:
            raise ValueError(
                f"Dataset: shuffle: expected single examples, got batches of {self.batch_size}. "
                "Shuffle first: dataset.shuffle(seed=0).batch(32), or pass shuffle=True where it "
                "is made."
            )
        seed = seed_or_random("Dataset: shuffle", seed)
        order_fn, length = self._order_fn, self._length

        def order(epoch: int) -> Indices:
            return order_fn(epoch)[np.random.default_rng((seed, epoch)).permutation(length)]

        return self._with(order_fn=order)

    def unbatched(self) -> Dataset:
        """The data set of single examples."""
        used = min(self._length, len(self) * (self.batch_size or 1))
        return self._with(batch_size=None, drops=False, length=used)

    def in_order(self) -> Dataset:
        """The examples (of the first epoch) in the order of their numbers, that of `file_paths`, in
        every epoch.
        """
        chosen = np.sort(self._order_fn(0))
        return self._with(order_fn=lambda epoch: chosen)

    def arrange(self, order: Indices) -> Dataset:
        """The examples with these numbers (of the first epoch), in this order in every epoch."""
        chosen = self._order_fn(0)[order]
        return self._with(order_fn=lambda epoch: chosen, length=len(chosen))

    def _with(self, **changes: Any) -> Dataset:
        new = copy.copy(self)
        new.epochs_begun = 0
        for name, value in changes.items():
            setattr(new, name if name == "batch_size" else f"_{name}", value)
        return new

    def _cut(self, who: str, count: object, part_fn: Callable[[int], slice]) -> Dataset:
        """The part of the examples that `part_fn` returns for the size of `count` elements."""
        part = part_fn(checked_count(f"Dataset: {who}", "count", count) * (self.batch_size or 1))
        order_fn, length = self._order_fn, len(range(self._length)[part])
        return self._with(order_fn=lambda epoch: order_fn(epoch)[part], length=length)

    def _example(self, index: int | np.integer) -> Any:
        return jax.tree.map(lambda part: part[0], self._gather_fn(np.asarray([index])))


def from_arrays(arrays: Tree, batch_size: int | None = None) -> Dataset:
    """Arrays `[examples, ...]`, one or a tuple of them, as a data set.

    Example:
      >>> list(from_arrays((np.arange(3), np.arange(3.0))))[1]
      (np.int64(1), np.float64(1.0))
    """
    length = len(jax.tree.leaves(arrays)[0])
    return Dataset(lambda i: jax.tree.map(lambda a: a[i], arrays), length, batch_size)


def checked_count(who: str, name: str, value: object, *, least: int = 0) -> int:
    """`value` as an int of at least `least`.

    Raises:
      TypeError: `value` is not an integer.
      ValueError: `value` is less than `least`.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise WrongTypeError(f"{who}: `{name}`: expected an integer, got {describe(value)}.")
    if operator.index(value) < least:
        raise ValueError(f"{who}: `{name}`: expected at least {least}, got {value}.")
    return operator.index(value)


def seed_or_random(who: str, seed: int | None) -> int:
    """`seed`, or for None a number below a million from NumPy's generator.

    `set_random_seed` seeds that generator.
    """
    return int(np.random.randint(10**6)) if seed is None else checked_seed(who, seed)
