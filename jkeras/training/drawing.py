"""Random keys for networks that draw while they are evaluated or asked for outputs.

Dropout that is called with `training=True` inside a network, a sampling layer of a variational
autoencoder, noise that never ends: such networks need a key outside of training, too. Whether one
does is found by tracing it. Laws: a network that does not draw is handed no key, so its programs
are what they would be without this module; the key of a batch follows from the key of the call and
the number of the batch, so no draw depends on how the batches were cut into dispatches.

    state = Drawing(state, key, np.int32(0))    # stands for the state where the network draws
    state = at(state, number)                   # in a loop: the key of one batch
    state, key = opened(state)                  # in a step
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jax.interpreters import partial_eval

from jkeras.core import trees
from jkeras.core.keys import Key, child
from jkeras.core.trees import Tree


class Drawing(NamedTuple):
    """A model's state and the key it may draw with.

    Attributes:
      state: the state.
      key: of a call, and after `at` of a batch.
      first: int32, the number of the batch that a loop counts as its first.
    """

    state: Tree
    key: Key
    first: Any


def at(state: Tree, number: int | jax.Array) -> Any:
    """The state for batch `number` of a loop; one without a key as it is."""
    if not isinstance(state, Drawing):
        return state
    return state._replace(key=child(state.key, state.first + number))


def counted_from(state: Tree, first: int) -> Any:
    """The state for a loop whose first batch has this number; one without a key as it is."""
    return state._replace(first=jax.numpy.int32(first)) if isinstance(state, Drawing) else state


def opened(state: Tree) -> tuple[Tree, Key | None]:
    """The state itself, and the key or None."""
    return (state.state, state.key) if isinstance(state, Drawing) else (state, None)


def traced(apply: Callable[..., Any], params: Tree, state: Tree, *inputs: Any) -> tuple[Any, bool]:
    """What a model gives outside of training, and whether it draws for it.

    Args:
      apply: the model's.
      params: as for `apply`; specs or arrays.
      state: see params.
      *inputs: see params.

    Returns:
      The specs of the outputs, and whether they depend on the key.

    Example:
      >>> import jax.numpy as jnp
      >>> from jkeras.layers import Dropout
      >>> spec = jax.ShapeDtypeStruct((2, 3), jnp.float32)
      >>> traced(Dropout(0.5).apply, {}, {}, spec)[1]
      False
      >>> always = lambda *args, **told: Dropout(0.5).apply(*args, **{**told, "training": True})
      >>> traced(always, {}, {}, spec)[1]
      True
    """

    def outputs(key: Key, params: Tree, state: Tree, *inputs: Any) -> Any:
        return apply(params, state, *inputs, key=key, training=False)[0]

    key = trees.spec_of(jax.random.key(0))
    jaxpr, specs = jax.make_jaxpr(outputs, return_shape=True)(key, params, state, *inputs)
    _, used = partial_eval.dce_jaxpr(jaxpr.jaxpr, [True] * len(jaxpr.jaxpr.outvars))
    return specs, used[0]


__all__ = ["Drawing", "at", "counted_from", "opened", "traced"]
