"""The host's side of a phase: compiled programs, dispatched in chunks, with results read late.

A phase is a generator. It dispatches a chunk of steps and yields at once what the chunk will have
given; the trainer asks for the next chunk before it reads the last one's logs, so the device never
waits for Python. How many steps a chunk has is the `Pace`'s decision and changes no result.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.batch import Batch
from jkeras.core.trees import Tree
from jkeras.data.arrays import Arrays
from jkeras.data.streams import Stream, padded
from jkeras.training import loops, steps
from jkeras.training.objective import Logs, Objective, padded_rows
from jkeras.training.state import TrainState


class Chunk(NamedTuple):
    """What one dispatch gave.

    Attributes:
      value: the new `TrainState` while training, the sums while evaluating, the outputs while
        predicting.
      done: steps of this epoch that are done or under way.
      logs: the logs of the epoch so far, still on the device.
    """

    value: Any
    done: int
    logs: Logs


class Pace:
    """How many steps the next dispatch shall have, so that one takes about `seconds`.

    Args:
      seconds: the aim for one dispatch: 0.1 while a progress bar is drawn, else 1, so that Ctrl-C
        is heard within a second.
      fixed: the number of steps when it is given (`steps_per_execution`, or 1 for batch hooks).
    """

    def __init__(self, seconds: float, fixed: int | None = None) -> None:
        self._seconds = seconds
        self._fixed = fixed
        self._next = 1
        self._last = time.perf_counter()
        self._warm = False

    @property
    def steps(self) -> int:
        """Steps of the next dispatch."""
        return self._fixed or self._next

    def finished(self, count: int) -> None:
        """Tells that the results of `count` more steps have arrived."""
        now = time.perf_counter()
        elapsed, self._last = now - self._last, now
        if (
            not self._warm
        ):  # the first dispatch held the compilation: it says nothing about the pace
            self._warm, self._next = True, 8
            return
        wanted = count * self._seconds / max(elapsed, 1e-6)
        self._next = int(min(max(wanted, 1), 4 * max(count, self._next)))


class Programs:
    """The compiled functions of one `compile()`: each is traced once per shape, whatever runs it.

    Args:
      objective: the model with its loss and metrics.
      optimizer: an optax transformation, or None when nothing is trained.
    """

    def __init__(self, objective: Objective, optimizer: Any) -> None:
        self.objective = objective
        self.pads = padded_rows(objective.net) != "seen"
        self._train_step = steps.train_step_fn(objective, optimizer) if optimizer else None
        self._eval_step = steps.eval_step_fn(objective)
        self._loops: dict[tuple[str, int, bool], Any] = {}
        self.train_batch = jax.jit(self._train_one, donate_argnums=0)
        self.eval_batch = jax.jit(self._eval_one)
        self.predict_batch = jax.jit(steps.predict_step_fn(objective.net))
        self.order = jax.jit(loops.epoch_order, static_argnums=(2, 3, 4))
        self.plain_order = jax.jit(loops.plain_order, static_argnums=(0, 1, 2))

    def train_loop(self, batch_size: int, full: bool) -> Any:
        """The compiled `loops.train_loop`."""
        key = ("train", batch_size, full)
        if key not in self._loops:
            loop = loops.train_loop(self._trained(), self.objective, batch_size, full=full)
            self._loops[key] = jax.jit(loop, donate_argnums=0)
        return self._loops[key]

    def eval_loop(self, batch_size: int, full: bool) -> Any:
        """The compiled `loops.eval_loop`."""
        key = ("eval", batch_size, full)
        if key not in self._loops:
            loop = loops.eval_loop(self._eval_step, self.objective, batch_size, full=full)
            self._loops[key] = jax.jit(loop, donate_argnums=2)
        return self._loops[key]

    def _trained(self) -> steps.TrainStep:
        assert self._train_step is not None, "programs for training are made with an optimizer"
        return self._train_step

    def _train_one(self, train_state: TrainState, batch: Batch) -> tuple[TrainState, Logs, Logs]:
        """One step: the new state, the logs of the epoch so far, the logs of this batch."""
        train_state, own = self._trained()(train_state, batch)
        return train_state, self.objective.logs(train_state.sums), own

    def _eval_one(self, params: Tree, state: Tree, sums: Tree, batch: Batch) -> tuple[Tree, Logs]:
        sums = self.objective.merge(sums, self._eval_step(params, state, batch))
        return sums, self.objective.logs(sums)


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


def train_arrays(
    programs: Programs,
    begun: TrainState,
    carry_fn: Callable[[int], TrainState],
    data: Arrays,
    *,
    batch_size: int,
    shuffle: bool,
    start: int,
    limit: int | None,
    pace: Pace,
) -> Iterator[Chunk]:
    """One epoch over resident data, from the state's position to the end.

    Args:
      programs: what to run.
      begun: the state at the beginning, of which key, epoch and position are read.
      carry_fn: returns the state to go on from, which is donated; asked before every dispatch,
        with the number of the step that comes.
      data: every example, on the device.
      batch_size: examples in a step, at most as many as there are.
      shuffle: whether the order is that of this pass over the data, instead of the data's.
      start: the epoch's first batch, counted in the pass.
      limit: steps in the epoch, when not all of them.
      pace: says how many steps a dispatch has.
    """
    total, position = data.steps(batch_size), int(begun.position)
    if shuffle:
        pass_began = begun.epoch - (0 if limit is None else start // limit)
        order = programs.order(begun.key, pass_began, data.length, total, batch_size)
    else:
        order = programs.plain_order(data.length, total, batch_size)
    wanted = total if limit is None else min(start + limit, total)
    whole, rest = _division(data.length, batch_size, wanted, programs.pads)
    loop = programs.train_loop(batch_size, data.length % batch_size == 0 or rest > 0)
    while position < whole:
        train_state = carry_fn(position - start)
        position = min(whole, position + pace.steps)
        train_state, logs = loop(train_state, data.batch, order, np.int32(position))
        yield Chunk(train_state, position - start, logs)
    if rest and position < wanted:
        last = _rows(data.batch, order[whole * batch_size : data.length])
        train_state, logs, _ = programs.train_batch(carry_fn(position - start), last)
        yield Chunk(train_state, position + 1 - start, logs)


def train_stream(
    programs: Programs, carry_fn: Callable[[int], TrainState], stream: Stream, *, limit: int | None
) -> Iterator[Chunk]:
    """One epoch over a stream: `limit` batches, or all there are."""
    for done, batch in enumerate(stream.epoch(), 1):
        train_state, logs, _ = programs.train_batch(carry_fn(done - 1), batch)
        yield Chunk(train_state, done, logs)
        if done == limit:
            return


def eval_arrays(
    programs: Programs,
    params: Tree,
    state: Tree,
    data: Arrays,
    *,
    batch_size: int,
    limit: int | None,
    pace: Pace,
    begin_fn: Callable[[int], None],
) -> Iterator[Chunk]:
    """One evaluation over resident data; `begin_fn` hears of every dispatch before it is made."""
    total = data.steps(batch_size)
    order = programs.plain_order(data.length, total, batch_size)
    wanted = total if limit is None else min(limit, total)
    whole, rest = _division(data.length, batch_size, wanted, programs.pads)
    loop = programs.eval_loop(batch_size, data.length % batch_size == 0 or rest > 0)
    sums, position = programs.objective.zeros(), 0
    while position < whole:
        begin_fn(position)
        stop = min(whole, position + pace.steps)
        sums, logs = loop(
            params, state, sums, data.batch, order, np.int32(position), np.int32(stop)
        )
        position = stop
        yield Chunk(None, position, logs)
    if rest:
        begin_fn(position)
        last = _rows(data.batch, order[whole * batch_size : data.length])
        sums, logs = programs.eval_batch(params, state, sums, last)
        yield Chunk(None, position + 1, logs)


def eval_stream(
    programs: Programs,
    params: Tree,
    state: Tree,
    stream: Stream,
    *,
    limit: int | None,
    begin_fn: Callable[[int], None],
) -> Iterator[Chunk]:
    """One evaluation over a stream."""
    sums = programs.objective.zeros()
    for done, batch in enumerate(stream.epoch(), 1):
        begin_fn(done - 1)
        sums, logs = programs.eval_batch(params, state, sums, batch)
        yield Chunk(None, done, logs)
        if done == limit:
            return


def predict_batches(
    programs: Programs,
    params: Tree,
    state: Tree,
    batches: Iterator[Batch],
    *,
    limit: int | None,
    begin_fn: Callable[[int], None],
) -> Iterator[Chunk]:
    """The outputs of each batch, without its filler rows."""
    for done, batch in enumerate(batches, 1):
        begin_fn(done - 1)
        outputs = programs.predict_batch(
            params, state, batch._replace(y=None, weight=None, rows=None)
        )
        real = None if batch.rows is None else int(batch.rows.sum())
        yield Chunk(jax.tree.map(lambda a, n=real: a[:n], outputs), done, {})
        if done == limit:
            return


def slices(data: Arrays, batch_size: int) -> Iterator[Batch]:
    """The batches of resident data in order, the last one padded to the size of the others."""
    size = min(batch_size, data.length)
    for start in range(0, data.length, size):
        part = data.part(start, min(start + size, data.length))
        yield padded(part.batch, size) if part.length < size else part.batch


def latest(
    chunks: Iterator[Chunk],
    pace: Pace,
    report: Callable[[Chunk], None],
    *,
    eager: bool,
    stopped_fn: Callable[[], bool],
) -> Iterator[Chunk]:
    """Passes chunks on as they are dispatched, and reports each one when the next is under way.

    Args:
      chunks: a phase.
      pace: is told when results arrive.
      report: is called with each chunk when its logs are ready.
      eager: report each chunk at once, because somebody wants to look between two of them.
      stopped_fn: asked after each chunk when `eager`; True ends the phase there.
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
        if eager:
            finish(chunk)
            waiting = None
            if stopped_fn():
                return
    if waiting is not None:
        finish(waiting)


class Interrupt:
    """While it is entered, Ctrl-C sets `asked` and lets the dispatch end; a second Ctrl-C raises.

    A `KeyboardInterrupt` between a dispatch and the assignment of its result would lose the donated
    state. Outside the main thread, where Python delivers no signals, it does nothing.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def begin_epoch(train_state: TrainState, objective: Objective, start: int = 0) -> TrainState:
    """The state at the start of an epoch: sums at zero, and the position of its first batch."""
    return train_state.replace(sums=objective.zeros(), position=jnp.int32(start))


def end_epoch(train_state: TrainState) -> TrainState:
    """The state after an epoch: one more is completed."""
    return train_state.replace(epoch=train_state.epoch + 1)


def _division(length: int, batch_size: int, wanted: int, pads: bool) -> tuple[int, int]:
    """How many batches the loop runs, and whether (0 or 1) an odd last one runs by itself."""
    if pads or length % batch_size == 0 or wanted <= length // batch_size:
        return wanted, 0
    return length // batch_size, 1


def _rows(data: Batch, index: Any) -> Batch:
    return jax.tree.map(lambda leaf: leaf[index], data)
