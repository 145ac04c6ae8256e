"""Everything that training carries, in one pytree: saving it and loading it resumes bit for bit."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core.keys import Key
from jkeras.core.struct import PyTree
from jkeras.core.trees import Tree


class TrainState(PyTree):
    """The values of a training run.

    Attributes:
      params: what the optimizer updates.
      state: what layers carry and gradients do not touch.
      opt_state: the optimizer's own.
      sums: metric sums of the epoch so far.
      step: int32, updates made since the start.
      epoch: int32, epochs completed.
      position: int32, the next batch's number in this pass over the data.
      key: the random key of the run; it stays, the keys of a step follow from it and `step`.
    """

    params: Any
    state: Any
    opt_state: Any
    sums: Any
    step: jax.Array
    epoch: jax.Array
    position: jax.Array
    key: Key


def fresh(params: Tree, state: Tree, opt_state: Tree, sums: Tree, key: Key) -> TrainState:
    """A `TrainState` before its first step."""
    return TrainState(
        params=params,
        state=state,
        opt_state=opt_state,
        sums=sums,
        step=jnp.zeros((), jnp.int32),
        epoch=jnp.zeros((), jnp.int32),
        position=jnp.zeros((), jnp.int32),
        key=key,
    )
