"""Many batches in one dispatch: pure loops over data that lies on the device.

The number of steps is a traced value (from the state's position to a stop), not a shape, so one
executable serves a chunk of any size, and results do not depend on how an epoch was cut into
chunks.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jkeras.core import host_random
from jkeras.core.batch import Batch
from jkeras.core.keys import Key, child
from jkeras.core.trees import Tree
from jkeras.training import inference_key, shuffle
from jkeras.training.objective import Logs, Sums
from jkeras.training.state import TrainState
from jkeras.training.steps import TrainStep

Number = int | np.integer | jax.Array
"""A count or a position; in a compiled program a traced int32 scalar."""


def epoch_key(key: Key, epoch: int | jax.Array) -> Key:
    """The random key of an epoch's order: a function of the run's key and the epoch alone."""
    return child(child(key, "shuffle"), epoch)


def epoch_words(keys: Key, epochs: np.ndarray) -> np.ndarray:
    """The random numbers that decide the orders of many runs, `[keys, ROUNDS, 2]`.

    Args:
      keys: of the runs, `[keys]`.
      epochs: `[keys]` int, the number of the epoch in each.
    """
    words = host_random.words_of_all(keys)
    if words is None:
        pairs = zip(keys, epochs.tolist(), strict=True)
        return np.stack([shuffle.random_words(epoch_key(key, epoch)) for key, epoch in pairs])
    name = np.full(len(words), zlib.crc32(b"shuffle"))
    words = host_random.fold_in_all(host_random.fold_in_all(words, name), epochs)
    return host_random.bits_of_all(words, (shuffle.ROUNDS, 2))


def plain_order(length: int, room: int) -> np.ndarray:
    """The order of an epoch without shuffling, as `shuffle.shuffled` gives it; made on the host,
    where nothing is compiled.
    """
    order = np.arange(room, dtype=np.int32)
    order[length:] = 0
    return order


def take(
    data: Batch,
    order: jax.Array | None,
    number: Number,
    batch_size: int,
    length: Number | None = None,
) -> Batch:
    """A batch from examples and the order in which they come.

    Args:
      data: examples, along the first axis; without an order batches, `[batches, batch_size, …]`.
      order: `[batches * batch_size]` int32, which example comes when; None for batches.
      number: int32, which of these batches.
      batch_size: examples in a batch.
      length: int32, how many entries of `order` are real; None when all are, or when `data.rows`
        tells.
    """
    start = number * batch_size
    if order is None:
        batch = jax.tree.map(
            lambda a: lax.dynamic_index_in_dim(jnp.asarray(a), number, keepdims=False), data
        )
    else:
        index = lax.dynamic_slice_in_dim(order, start, batch_size)
        batch = jax.tree.map(lambda a: jnp.asarray(a).at[index].get(mode="promise_in_bounds"), data)
    if length is None:
        return batch
    return batch._replace(rows=start + jnp.arange(batch_size) < length)


def train_loop(
    step: TrainStep, logs_fn: Callable[[Sums], Logs], batch_size: int
) -> Callable[..., Any]:
    """The function (train_state, key, data, order, first, stop, length) that trains from the
    state's position up to batch `stop`. The run's key, which stays, comes beside a state that has
    None there: every array that goes in and out costs time in each dispatch.

    Its `data`, `order` and `length` are as for `take`; `order` begins with batch number `first`. It
    returns the new state, and the logs of the epoch so far.
    """

    def run(
        train_state: TrainState,
        key: Key,
        data: Batch,
        order: jax.Array | None,
        first: Number,
        stop: Number,
        length: Number | None,
    ) -> tuple[TrainState, Logs]:
        def body(train_state: TrainState) -> TrainState:
            batch = take(data, order, train_state.position - first, batch_size, length)
            return step(train_state.replace(key=key), batch)[0].replace(key=None)

        # An error in a `while_loop` would be lost in its second try, which traces.
        if jax.config.jax_disable_jit:  # type: ignore[attr-defined]
            while train_state.position < stop:
                train_state = body(train_state)
        else:
            train_state = lax.while_loop(lambda s: s.position < stop, body, train_state)
        return train_state, logs_fn(train_state.sums)

    return run


def eval_loop(
    step: Callable[[Tree, Tree, Sums, Any], Sums],
    logs_fn: Callable[[Sums], Logs],
    batch_size: int,
) -> Callable[..., Any]:
    """The function (params, state, sums, data, order, start, stop, length) that evaluates those
    batches, counted from the beginning of `order`; it returns the new sums and their logs.
    """

    def run(
        params: Tree,
        state: Tree,
        sums: Sums,
        data: Batch,
        order: jax.Array | None,
        start: Number,
        stop: Number,
        length: Number | None,
    ) -> tuple[Sums, Logs]:
        def body(number: int | jax.Array, sums: Sums) -> Sums:
            batch = take(data, order, number, batch_size, length)
            return step(params, inference_key.with_batch_key(state, number), sums, batch)

        sums = lax.fori_loop(start, stop, body, sums)
        return sums, logs_fn(sums)

    return run


def predict_loop(step: Callable[[Tree, Tree, Any], Any], batch_size: int) -> Callable[..., Any]:
    """The function (params, state, outputs, data, order, start, stop) that puts the outputs of
    those batches, counted from the beginning of `order`, in `outputs`, `[batches, ...]` each.

    It returns the outputs, and `stop` as a value that arrives when they have.
    """

    def run(
        params: Tree,
        state: Tree,
        outputs: Tree,
        data: Batch,
        order: jax.Array | None,
        start: Number,
        stop: Number,
    ) -> tuple[Any, Any]:
        def body(number: int | jax.Array, outputs: Tree) -> Any:
            batch = take(data, order, number, batch_size)
            new = step(params, inference_key.with_batch_key(state, number), batch)
            return jax.tree.map(
                lambda all_, one: lax.dynamic_update_index_in_dim(all_, one, number, 0),
                outputs,
                new,
            )

        return lax.fori_loop(start, stop, body, outputs), stop

    return run
