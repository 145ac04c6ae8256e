"""The host's side of a loop: dispatches of compiled programs over feeds, with results read late.

`train`, `evaluate` and `predict` are generators. Each dispatches some steps and yields the results
at once, as arrays that are still being computed; the loop dispatches again before it reads the last
logs (`read_late`), so the device never waits for Python, and the next feed is filled while the
device works on the last. At most two dispatches are under way.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.core.global_arrays import on_host
from jkeras.core.processes import Team
from jkeras.core.trees import Tree
from jkeras.data import feeds as feed
from jkeras.data.arrays import Arrays, bucket
from jkeras.data.feeds import Feed
from jkeras.data.streams import Stream
from jkeras.trainer.compiling.pace import Pace
from jkeras.trainer.compiling.programs import Programs
from jkeras.trainer.loop import nan_watch
from jkeras.training import loops
from jkeras.training.inference_key import with_first_batch
from jkeras.training.objective import Logs
from jkeras.training.state import TrainState

if TYPE_CHECKING:
    from jax.typing import ArrayLike

Data = Arrays | Stream
LogValues = dict[str, Any]
AdvanceFn = Callable[[Callable[[TrainState], tuple[TrainState, Any]]], Any]


class Chunk(NamedTuple):
    """What one dispatch gave.

    Attributes:
      value: finished outputs while predicting, else None.
      done: steps of this epoch that are done or under way.
      logs: the logs of the epoch so far, still on the device.
    """

    value: Any
    done: int
    logs: Logs


def floats(logs: Mapping[str, Any]) -> LogValues:
    """The logs as Python numbers, or lists of them, which waits for them."""
    return {name: on_host(value).tolist() for name, value in logs.items()}


def start_of_epoch(number: int, total: int, limit: int | None) -> int:
    """The batch with which an epoch begins: with a limit, one pass over the data is several epochs.

    Args:
      number: epochs of this run before it.
      total: batches in one pass.
      limit: batches in an epoch, or None for all.

    Example:
      >>> [start_of_epoch(number, total=5, limit=2) for number in range(5)]
      [0, 2, 4, 0, 2]
    """
    return 0 if limit is None else number % math.ceil(total / limit) * limit


def train_feeds(
    programs: Programs,
    begun: TrainState,
    data: Data,
    *,
    size: int,
    shuffle: bool,
    start: int,
    limit: int | None,
    pace: Pace,
    fixed: int | None,
    most: int | None,
) -> Iterator[Feed]:
    """The batches of one epoch, from the state's position to the end.

    Args:
      programs: of the plan.
      begun: the state at the beginning, of which key, epoch and position are read.
      data: every example, on the device or the host, or a stream of batches.
      size: examples in a step, at most as many as there are; of no meaning for a stream.
      shuffle: whether the order is that of this pass over the data, instead of the data's.
      start: the epoch's first batch, counted in the pass.
      limit: steps in the epoch, when not all of them.
      pace: says how long batches of a stream wait for others.
      fixed: steps in a dispatch, when the user fixed them.
      most: batches of a stream in a feed at most, where a callback watches dispatches.
    """
    position = int(begun.position)
    if isinstance(data, Stream):
        options: dict[str, Any] = {"fixed": fixed, "first": position}
        return _stream_feeds(programs, data, limit, pace, most, **options)
    total = data.steps(size)
    order: jax.Array | np.ndarray
    if shuffle:
        passed = 0 if limit is None else start // limit
        order = programs.order(begun, passed, data, bucket(total * size))
    else:
        order = loops.plain_order(data.length, bucket(total * size))
    stop = total if limit is None else min(start + limit, total)
    return _array_feeds(programs, data, order, size, position, stop, fixed)


def eval_feeds(
    programs: Programs,
    data: Data,
    *,
    size: int,
    limit: int | None,
    pace: Pace,
    most: int | None,
    outputs_fn: Callable[[Batch, int], Any] | None = None,
) -> Iterator[Feed]:
    """The batches of one evaluation or prediction, in the data's order.

    Args:
      programs, data, size, limit, pace, most: as for `train_feeds`.
      outputs_fn: of a prediction: from a batch and its size to the specs of its outputs. No feed
        has more batches than outputs fit in a buffer.
    """
    if isinstance(data, Stream):
        return _stream_feeds(programs, data, limit, pace, most, fixed=most)
    total = data.steps(size)
    stop = total if limit is None else min(limit, total)
    order = loops.plain_order(data.length, bucket(total * size))
    if outputs_fn is None:
        return _array_feeds(programs, data, order, size, 0, stop, None)
    outputs = outputs_fn(data.batch, size)
    fitting = feed.capacity(trees.specs_of_rows(data.batch, size), also=outputs)
    most = min(fitting, _power_of_two(total)) if most is None else most
    options: dict[str, Any] = {"pads": programs.pads, "most": most}
    is_same = jax.default_backend() == "cpu" or programs.team.several
    if data.on_device and not is_same:  # on the CPU both are the same memory
        return feed.of_resident(data, order, size, 0, stop, **options)
    return feed.of_host(data, order, size, 0, stop, places=programs.batch_places, **options)


def train(
    programs: Programs,
    advance_fn: AdvanceFn,
    feeds: Iterator[Feed],
    *,
    begin_fn: Callable[[int], None],
    start: int,
    position: int,
    pace: Pace,
    room_fn: Callable[[int], int | None],
    checks: bool = False,
) -> Iterator[Chunk]:
    """Trains on every feed.

    Args:
      programs: what to run.
      advance_fn: replaces the state by what a function of it returns, which may donate it, and
        returns the function's second result.
      feeds: the epoch's batches.
      begin_fn: called before every dispatch with the number of the next step.
      start: the number of the epoch's first batch.
      position: the number of the next batch.
      pace: the number of steps in a dispatch; one, with `checks`.
      room_fn: from steps done in the epoch to the most that the next dispatch may have; None for
        any number.
      checks: check after every step that weights and loss are finite.

    Raises:
      FloatingPointError: with `checks`: a number is not finite. The last chunk is then the step
        before.
    """
    for part in feeds:
        loop: Callable[..., Any] = programs.train_loop(part.size)
        loop = nan_watch.quietly(loop) if checks else loop
        length = None if part.length is None else np.int32(part.length)
        while position < part.stop:
            begin_fn(position - start)
            room = room_fn(position - start) or pace.steps
            steps = programs.team.led(min(pace.steps, room))
            position = min(part.stop, position + steps)
            where = (np.int32(part.first), np.int32(position), length)
            step = functools.partial(_advanced, programs, loop, part, where, checks)
            logs, error = advance_fn(step)
            yield Chunk(None, position - start - (error is not None), logs)
            if error is not None:
                raise error


def _advanced(
    programs: Programs,
    loop: Callable[..., Any],
    part: Feed,
    where: tuple[Any, ...],
    checks: bool,
    train_state: TrainState,
) -> tuple[TrainState, tuple[Logs, FloatingPointError | None]]:
    """The state after a dispatch, its logs, and the error that `checks` found: then the state is
    the one before.
    """
    before = trees.copy(train_state) if checks else None
    key, carry = train_state.key, train_state.replace(key=None)
    carry, logs = loop(carry, key, part.data, part.order, *where)
    after = carry.replace(key=key)
    error = None if before is None else _not_finite(programs, part, before, after, logs)
    return (after if before is None or error is None else before), (logs, error)


def evaluate(
    programs: Programs,
    params: Tree,
    state: Tree,
    feeds: Iterator[Feed],
    *,
    pace: Pace,
    begin_fn: Callable[[int], None],
) -> Iterator[Chunk]:
    """Evaluates on every feed; `begin_fn` is called with the position before each dispatch."""
    sums = programs.eval_zeros()
    for part in feeds:
        loop, keyed = programs.eval_loop(part.size), with_first_batch(state, part.first)
        length = None if part.length is None else np.int32(part.length)
        for start, stop in _dispatches(part, pace, begin_fn, programs.team):
            sums, logs = loop(params, keyed, sums, part.data, part.order, start, stop, length)
            yield Chunk(None, part.first + int(stop), logs)


def predict(
    programs: Programs,
    params: Tree,
    state: Tree,
    feeds: Iterator[Feed],
    *,
    pace: Pace,
    begin_fn: Callable[[int], None],
) -> Iterator[Chunk]:
    """The outputs of every feed: the last chunk of a feed holds them, with the feed."""
    for part in feeds:
        loop, keyed = programs.predict_loop(part.size), with_first_batch(state, part.first)
        data = part.data._replace(y=None, weight=None, rows=None)
        outputs = _output_zeros(programs, params, state, data, part)
        for start, stop in _dispatches(part, pace, begin_fn, programs.team):
            outputs, done = loop(params, keyed, outputs, data, part.order, start, stop)
            position = part.first + int(stop)
            finished = (outputs, part) if position == part.stop else None
            yield Chunk(finished, position, {"done": done})


def _dispatches(
    part: Feed, pace: Pace, begin_fn: Callable[[int], None], team: Team
) -> Iterator[tuple[Any, Any]]:
    """The first batch of each dispatch over a feed and the one after its last, counted in the feed;
    `begin_fn` is called with the number of the first.
    """
    position = part.first
    while position < part.stop:
        begin_fn(position)
        stop = min(part.stop, position + team.led(pace.steps))
        yield np.int32(position - part.first), np.int32(stop - part.first)
        position = stop


def read_late(
    chunks: Iterator[Chunk],
    pace: Pace,
    report: Callable[[Chunk], None],
    *,
    eager_fn: Callable[[Chunk], bool],
    stopped_fn: Callable[[], bool],
) -> Iterator[Chunk]:
    """Passes chunks on as they are dispatched, and reports each one when the next is under way.

    Args:
      chunks: of a loop.
      pace: measures the time between results.
      report: called with each chunk when its logs are ready.
      eager_fn: whether a chunk is reported at once, before the next is dispatched, because a
        callback reads or changes values between the two.
      stopped_fn: called after each dispatch; True ends the loop, once the dispatches under way have
        ended.
    """
    waiting: Chunk | None = None
    before = 0

    def finish(chunk: Chunk) -> None:
        nonlocal before
        jax.block_until_ready(chunk.logs)
        pace.finished(chunk.done - before)
        before = chunk.done
        report(chunk)

    for chunk in chunks:
        yield chunk
        if waiting is not None:
            finish(waiting)
        waiting = chunk
        if eager_fn(chunk):
            finish(chunk)
            waiting = None
        if stopped_fn():
            break
    if waiting is not None:
        finish(waiting)


class Outputs:
    """The outputs of a prediction, gathered on the host."""

    def __init__(self) -> None:
        self._parts: list[Any] = []

    def add(self, outputs: Tree, part: Feed) -> Any:
        """Puts the outputs of a feed behind those that are there, without those of filler rows.

        Args:
          outputs: `[batches, ...]` each, of all batches that the feed has room for.
          part: the feed.

        Returns:
          The outputs of this feed, one row an example.
        """
        count = part.stop - part.first
        real = np.arange(count * part.size) < (part.length or count * part.size)
        if part.data.rows is not None:
            real = on_host(part.data.rows).reshape(-1)[: len(real)]

        def rows_of(given: ArrayLike) -> np.ndarray:
            leaf: np.ndarray = on_host(given)[:count]
            merged = leaf.reshape(-1, *leaf.shape[2:])
            return merged if len(merged) != len(real) or real.all() else merged[real]

        self._parts.append(jax.tree.map(rows_of, outputs))
        return self._parts[-1]

    def result(self) -> Any:
        """All of them, in arrays of their own."""
        return jax.tree.map(lambda *leaves: np.concatenate(leaves), *self._parts)


def _not_finite(
    programs: Programs, part: Feed, before: TrainState, after: TrainState, logs: Logs
) -> FloatingPointError | None:
    """The error for a step after which a number is not finite, or None."""

    def batch() -> Any:
        number = int(before.position) - part.first
        order = None if part.order is None else jnp.asarray(part.order)
        return loops.take(part.data, order, number, part.size, part.length)

    where = f"fit: epoch {int(before.epoch) + 1}, batch {int(before.position)}"
    return nan_watch.checked(where, programs.functions.objective, before, after, logs, batch)


def _stream_feeds(
    programs: Programs,
    data: Stream,
    limit: int | None,
    pace: Pace,
    most: int | None,
    **options: Any,
) -> Iterator[Feed]:
    """The batches of an iterable; in several processes as many in each feed of all of them."""
    team = programs.team
    options |= {"limit": limit, "seconds": pace.seconds, "places": programs.batch_places}
    if not team.several:
        yield from feed.of_stream(data, most=most, **options)
        return
    parts = feed.of_stream(data, most_fn=lambda: int(team.led(most or pace.steps)), **options)
    while True:
        part = next(parts, None)
        shapes = None if part is None else [a.shape[1:] for a in jax.tree.leaves(part.data)]
        facts = {"batches": "none" if part is None else f"{part.first} to {part.stop}, {shapes}"}
        team.agree("the iterable", facts, {"batches": "Pass iterables of equal length."})
        if part is None:
            return
        yield part


def _array_feeds(
    programs: Programs,
    data: Arrays,
    order: jax.Array | np.ndarray,
    size: int,
    first: int,
    stop: int,
    fixed: int | None,
) -> Iterator[Feed]:
    pads = programs.pads
    if data.on_device:
        return feed.of_resident(data, order, size, first, stop, pads=pads)
    batch = trees.specs_of_rows(data.batch, size)
    most = min(feed.capacity(batch, fixed), _power_of_two(data.steps(size)))
    options: dict[str, Any] = {"pads": pads, "most": most, "places": programs.batch_places}
    return feed.of_host(data, np.asarray(order), size, first, stop, **options)


def _power_of_two(count: int) -> int:
    """The next one from `count` on, so that data of many lengths share a few programs."""
    return 1 << (count - 1).bit_length()


def _output_zeros(programs: Programs, params: Tree, state: Tree, data: Batch, part: Feed) -> Any:
    """Zeros for the outputs of every batch that a feed has room for."""
    outputs = programs.outputs_of(params, state, part.with_examples(data), part.size)
    count = part.room
    zeros: Any = np.zeros if part.stop - part.first == 1 else jnp.zeros  # see `data.feeds`
    return programs.placed(jax.tree.map(lambda s: zeros((count, *s.shape), s.dtype), outputs))
