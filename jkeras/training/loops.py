"""Many batches in one dispatch: pure loops over data that lies on the device.

The number of steps is a traced value (from the state's position to a stop), not a shape, so one
executable serves a chunk of any size, and results do not depend on how an epoch was cut into
chunks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jkeras.core.batch import Batch
from jkeras.core.keys import Key, child
from jkeras.core.trees import Tree
from jkeras.training.objective import Logs, Objective, Sums
from jkeras.training.state import TrainState
from jkeras.training.steps import TrainStep


def epoch_order(key: Key, epoch: Any, length: int, steps: int, batch_size: int) -> jax.Array:
    """The order of examples in an epoch, a function of the run's key and the epoch alone.

    Returns:
      `[steps * batch_size]` int32; past the last example it names example 0, as filler.
    """
    order = jax.random.permutation(child(child(key, "shuffle"), epoch), length)
    return jnp.pad(order.astype(jnp.int32), (0, max(0, steps * batch_size - length)))


def plain_order(length: int, steps: int, batch_size: int) -> jax.Array:
    """The order of an epoch without shuffling, as `epoch_order` gives it."""
    index = jnp.arange(max(steps * batch_size, length), dtype=jnp.int32)
    return jnp.where(index < length, index, 0)


def take(data: Batch, order: jax.Array, position: Any, batch_size: int, *, full: bool) -> Batch:
    """Batch number `position` of an epoch.

    Args:
      data: all examples, along the first axis.
      order: which example comes when.
      position: int32, the batch's number in the epoch.
      batch_size: examples in a batch.
      full: every batch is full, so none needs `rows`.
    """
    start = position * batch_size
    index = lax.dynamic_slice_in_dim(order, start, batch_size)
    batch = jax.tree.map(lambda a: a.at[index].get(mode="promise_in_bounds"), data)
    if full:
        return batch
    length = len(jax.tree.leaves(data)[0])
    return batch._replace(rows=start + jnp.arange(batch_size) < length)


def train_loop(
    step: TrainStep, objective: Objective, batch_size: int, *, full: bool
) -> Callable[[TrainState, Batch, jax.Array, Any], tuple[TrainState, Logs]]:
    """The function (train_state, data, order, stop) that trains from the state's position up to
    `stop`.

    Returns:
      The new state, and the logs of the epoch so far.
    """

    def run(
        train_state: TrainState, data: Batch, order: jax.Array, stop: Any
    ) -> tuple[TrainState, Logs]:
        def body(train_state: TrainState) -> TrainState:
            batch = take(data, order, train_state.position, batch_size, full=full)
            return step(train_state, batch)[0]

        train_state = lax.while_loop(lambda s: s.position < stop, body, train_state)
        return train_state, objective.logs(train_state.sums)

    return run


def eval_loop(
    step: Callable[[Tree, Tree, Any], Sums], objective: Objective, batch_size: int, *, full: bool
) -> Callable[..., tuple[Sums, Logs]]:
    """The function (params, state, sums, data, order, start, stop) that evaluates those batches."""

    def run(
        params: Tree, state: Tree, sums: Sums, data: Batch, order: jax.Array, start: Any, stop: Any
    ) -> tuple[Sums, Logs]:
        def body(position: Any, sums: Sums) -> Sums:
            batch = take(data, order, position, batch_size, full=full)
            return objective.merge(sums, step(params, state, batch))

        sums = lax.fori_loop(start, stop, body, sums)
        return sums, objective.logs(sums)

    return run
