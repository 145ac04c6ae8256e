"""Feeds: the examples on the device for one or more dispatches, and their order.

Resident data are one feed that lasts an epoch. Data that stay on the host, arrays beyond the
device's memory or an iterable of batches, are a sequence of feeds: the batches of each are put side
by side in one buffer of a fixed size, so that one compiled program serves all buffers, and the next
buffer is filled and transferred while the device works on the last. Results do not depend on the
kind of feed: a step sees the same batch under the same number.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import DTypeLike

from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.core.trees import Tree
from jkeras.data.arrays import Arrays
from jkeras.data.mapped_files import check_files
from jkeras.data.streams import Stream

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

CHUNK_BYTES = 16 << 20
"""Bytes of batches that are put side by side: about a hundred small batches, and few enough that
two of these buffers never matter beside the model."""
MOST_BATCHES = 1024
ALIGNMENT = 64
"""Bytes to which the CPU's device wants arrays aligned, if it is to use them without a copy."""


class Feed(NamedTuple):
    """Some batches of an epoch on the device.

    Attributes:
      data: the examples; without an order the batches, `[batches, size, …]`.
      order: `[batches * size]` int32, the indices of the examples, batch by batch; of a population
        that is shuffled `[members, batches * size]`; None where the batches lie one behind the
        other, each cut over devices.
      size: the number of examples in a batch.
      first: the number, in the epoch, of the first batch.
      stop: the number after that of the last batch.
      length: the number of entries of `order` that are real examples; None if all are, or if
        `data.rows` marks them.
    """

    data: Batch
    order: Any
    size: int
    first: int
    stop: int
    length: int | None

    @property
    def room(self) -> int:
        """How many batches there is room for."""
        if self.order is None:
            return len(jax.tree.leaves(self.data)[0])
        return len(self.order) // self.size

    def with_examples(self, data: Batch) -> Batch:
        """Specs of its data, or a part of them, whose first axis is that of examples."""
        start = int(self.order is None)
        return jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[start:], a.dtype), data)


class Places(Protocol):
    """How batches are laid over devices."""

    def put_rows(self, shape: tuple[int, ...], rows_fn: Callable[[slice], np.ndarray]) -> jax.Array:
        """Batches, `[batches, rows, …]`, of which `rows_fn` gives a slice of the rows of each."""


def capacity(batch: Tree, fixed: int | None = None, also: Tree = None) -> int:
    """The number of batches in a buffer.

    Args:
      batch: one batch, arrays or their specs.
      fixed: the number of steps in a dispatch, if the user fixed it; the buffer holds a multiple.
      also: the outputs of a step, if these are collected in a buffer too.

    Example:
      >>> capacity(np.zeros((32, 1024), np.float32)), capacity(np.zeros((32, 1024), np.uint8), 100)
      (128, 500)
    """
    bytes_of_one = max(trees.size_bytes(batch), trees.size_bytes(also), 1)
    count = min(max(CHUNK_BYTES // bytes_of_one, 1), MOST_BATCHES)
    return count if fixed is None else max(count // fixed, 1) * fixed


def of_resident(
    data: Arrays,
    order: jax.Array | np.ndarray,
    size: int,
    first: int,
    stop: int,
    *,
    pads: bool,
    most: int | None = None,
) -> Iterator[Feed]:
    """The batches from the device's arrays.

    Args:
      data: every example, on the device.
      order: `[steps * size]` int32 or longer, on the device or the host.
      size: examples in a batch.
      first, stop: the numbers of the first batch and the one after the last.
      pads: whether a partial last batch may be padded; else the last batch has its own feed.
      most: the largest number of batches in a feed; None for all batches in one feed.
    """
    full, partial = _full_and_partial(data.length, size, stop, pads=pads)
    padded = bool(data.length % size) and not partial
    placed = order if isinstance(order, jax.Array) else jax.device_put(order)
    starts = range(first, full, most or max(full - first, 1))
    for start in starts if most else starts[:1]:
        begin, end = (start, min(start + most, full)) if most else (0, full)
        part = placed
        if most is not None:  # beyond its end the order names example 0
            part = placed[begin * size : (begin + most) * size]
            part = jnp.pad(part, (0, most * size - len(part)))
        length = data.length - begin * size if padded else None
        yield Feed(data.batch, part, size, begin, end, length)
    if partial:
        # By a traced start: one program serves all lengths with this remainder.
        rest = data.length - full * size
        last = lax.dynamic_slice_in_dim(placed, np.int32(full * size), rest, axis=-1)
        yield Feed(data.batch, last, rest, full, full + 1, None)


def of_host(
    data: Arrays,
    order: np.ndarray,
    size: int,
    first: int,
    stop: int,
    *,
    pads: bool,
    most: int,
    places: Places | None = None,
) -> Iterator[Feed]:
    """The batches from the host's arrays, `most` at a time.

    Args:
      data: every example, on the host (memory-mapped files are read as they are needed).
      order: `[steps * size]` int32 or longer, on the host.
      size, first, stop, pads: as for `of_resident`.
      most: the number of batches in a buffer.
      places: the devices, where there are several: only the rows of this process are read.
    """
    full, partial = _full_and_partial(data.length, size, stop, pads=pads)
    padded = bool(data.length % size) and not partial
    transfers = stop - first > 1  # one batch is one dispatch, which takes the host's arrays along

    def feed(rows: np.ndarray, size: int, begin: int, end: int, length: Any, most: int) -> Feed:
        check_files(data.batch)
        if places is not None:
            table = np.zeros(most * size, rows.dtype)
            table[: len(rows)] = rows
            batches = _spread(data.batch, table.reshape(most, size), places)
            return Feed(batches, None, size, begin, end, length)
        buffer = jax.tree.map(lambda leaf: _gathered(leaf, rows, most * size), data.batch)
        return _feed(buffer, size, begin, end, length, most, transfers=transfers)

    for start in range(first, full, most):
        end = min(start + most, full)
        length = min(data.length - start * size, most * size) if padded else None
        yield feed(order[start * size : end * size], size, start, end, length, most)
    if partial:
        rest = data.length - full * size
        yield feed(order[full * size : data.length], rest, full, full + 1, None, 1)


def of_stream(
    stream: Stream,
    *,
    limit: int | None,
    seconds: float,
    fixed: int | None,
    most: int | None = None,
    first: int = 0,
    places: Places | None = None,
    most_fn: Callable[[], int] | None = None,
) -> Iterator[Feed]:
    """The batches of one epoch of an iterable, of which none is read beyond `limit`.

    A buffer is passed on when it is full, when filling it has taken `seconds`, or when a batch of
    another shape comes. Batches of the first shape share buffers; others go one by one, and so do
    batches that lie on an accelerator already. An exception of the source comes through after the
    batches before it.

    Args:
      stream: the batches.
      limit: the largest number of batches; None for no limit.
      seconds: the longest time that a batch waits for the buffer to fill.
      fixed: the number of steps in a dispatch, if the user fixed it: the buffer then waits until it
        is full.
      most: the largest number of batches in a feed, where a callback has batch hooks.
      first: the number of the next batch, in an epoch that is continued.
      places: the devices, where there are several.
      most_fn: asked at every feed for its largest number of batches, instead of a clock.
    """
    filling: _Buffer | None = None
    common: Any = None
    failure: list[Exception] = []
    rest = _at_most(stream.epoch(first), None if limit is None else limit - first)
    number = first - 1
    for number, batch in enumerate(_until_failure(rest, failure), first):
        shape = _shape_of(batch)
        common = common or shape
        if filling is not None and filling.shape != shape:
            yield filling.feed()
            filling = None
        if filling is None:
            leaf = jax.tree.leaves(batch.x)[0]
            devices = leaf.devices() if isinstance(leaf, jax.Array) else ()
            away = places is None and any(device.platform != "cpu" for device in devices)
            alone = shape != common or away
            room = 1 if alone else capacity(batch, fixed)
            filling = _Buffer(batch, shape, number, room, places)
            most = most if most_fn is None else most_fn()
        filling.add(batch)
        late = fixed is None and most_fn is None and filling.seconds > seconds
        if filling.is_full or filling.count == most or late:
            yield filling.feed()
            filling = None
    if filling is not None:
        yield filling.feed()
    if failure:
        raise failure[0]
    stream.warn_of_early_end(number + 1, limit)
    stream.end_epoch()


class _Buffer:
    """Batches of one shape on their way to the device.

    Args:
      example: a batch.
      shape: what `_shape_of` tells of it.
      first: the number of the first batch.
      most: the largest number of batches.
      places: the devices, where there are several.
    """

    def __init__(
        self, example: Batch, shape: Any, first: int, most: int, places: Places | None
    ) -> None:
        self.shape = shape
        self.first = first
        self._most, self._places = most, places
        self._specs = jax.tree.map(trees.spec_of, example)
        self._size = jax.tree.leaves(self._specs)[0].shape[0]
        self.count = 0
        self._data: Any = None
        self._targets: list[np.ndarray] = []
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """The seconds since the first batch."""
        return time.perf_counter() - self._began

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another batch."""
        return self.count == self._most

    def add(self, batch: Batch) -> None:
        """Appends a batch."""
        if self._most == 1:
            self._data = batch
        else:
            if self._data is None:
                rows = self._most * self._size
                self._data = jax.tree.map(
                    lambda s: empty((rows, *s.shape[1:]), s.dtype), self._specs
                )
                self._targets = jax.tree.leaves(self._data)
            start = self.count * self._size
            for target, leaf in zip(self._targets, jax.tree.leaves(batch), strict=True):
                target[start : start + self._size] = leaf
        self.count += 1

    def feed(self) -> Feed:
        """The batches of the buffer as a feed on the device."""
        end = self.first + self.count
        if self._places is not None:
            rows = np.arange(self._most * self._size).reshape(self._most, self._size)
            batches = _spread(self._data, rows, self._places)
            size = jax.tree.leaves(batches)[0].shape[1]
            return Feed(batches, None, size, self.first, end, None)
        return _feed(self._data, self._size, self.first, end, None, self._most)


def _shape_of(batch: Batch) -> Any:
    """The structure of a batch with shapes and dtypes."""
    leaves, treedef = jax.tree.flatten(batch)
    return treedef, [(leaf.shape, leaf.dtype) for leaf in leaves]


def empty(shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """An uninitialized array, aligned so that JAX's CPU device uses it without a copy.

    Example:
      >>> empty((3, 5), np.float32).ctypes.data % ALIGNMENT
      0
    """
    dtype = np.dtype(dtype)
    count = int(np.prod(shape)) * dtype.itemsize
    memory = np.empty(count + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + count].view(dtype).reshape(shape)


def with_rows(leaf: ArrayLike, rows: int) -> np.ndarray:
    """An array with zeros behind its rows, up to `rows` of them; the array itself if it has all."""
    leaf = np.asarray(leaf)
    if len(leaf) == rows:
        return leaf
    target = empty((rows, *leaf.shape[1:]), leaf.dtype)
    target[: len(leaf)] = leaf
    target[len(leaf) :] = np.zeros((), leaf.dtype)
    return target


def _gathered(leaf: ArrayLike, rows: np.ndarray, room: int) -> np.ndarray:
    """These rows of an array, at the beginning of a new one with `room` for more."""
    leaf, count = np.asarray(leaf), len(rows)
    target = empty((room, *leaf.shape[1:]), leaf.dtype)
    if rows[-1] - rows[0] == count - 1 and (np.diff(rows) == 1).all():
        target[:count] = leaf[rows[0] : rows[-1] + 1]
    else:
        np.take(leaf, rows, axis=0, out=target[:count], mode="clip")
    return target


def _spread(data: Tree, rows: np.ndarray, places: Places) -> Any:
    """Batches over devices, of these rows of some examples: `rows` is `[batches, size]`."""

    def of(leaf: ArrayLike) -> jax.Array:
        leaf = np.asarray(leaf)

        def rows_fn(part: slice) -> np.ndarray:
            wanted = rows[:, part]
            found = _gathered(leaf, wanted.reshape(-1), wanted.size)
            return found.reshape(*wanted.shape, *leaf.shape[1:])

        return places.put_rows((*rows.shape, *leaf.shape[1:]), rows_fn)

    return jax.tree.map(of, data)


def _feed(
    data: Tree,
    size: int,
    first: int,
    stop: int,
    length: int | None,
    most: int,
    *,
    transfers: bool = True,
) -> Feed:
    order: Any = np.arange(most * size, dtype=np.int32)
    if transfers:
        data, order = jax.device_put((data, order))
    return Feed(data, order, size, first, stop, length)


def _full_and_partial(length: int, size: int, stop: int, *, pads: bool) -> tuple[int, int]:
    """The number of batches of the common size, and of separate partial last batches (0 or 1)."""
    if pads or length % size == 0 or stop <= length // size:
        return stop, 0
    return length // size, 1


def _at_most(batches: Iterator[Batch], limit: int | None) -> Iterator[Batch]:
    """The first `limit` batches; unlike `islice` it never requests another one, even to close."""
    if limit == 0:
        return
    for done, batch in enumerate(batches, 1):
        yield batch
        if done == limit:
            return


def _until_failure(batches: Iterator[Batch], failure: list[Exception]) -> Iterator[Batch]:
    """The batches before an exception, which is appended to `failure` instead of raised at once."""
    try:
        yield from batches
    except Exception as error:  # any exception of a user's generator; `of_stream` raises it later
        failure.append(error)
