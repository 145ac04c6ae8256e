"""Random keys for networks that draw random numbers in evaluation and prediction.

Dropout that is called with `training=True` inside a network, a sampling layer of a variational
autoencoder, noise that stays on: such networks need a key outside of training, too. Whether a
network needs one is found by tracing it. Laws: a network that draws nothing gets no key, so its
programs are what they would be without this module; the key of a batch follows from the key of the
call and the number of the batch, so no draw depends on how the batches are cut into dispatches.

    state = StateWithKey(state, key, np.int32(0))    # for a network that draws
    state = with_batch_key(state, number)            # in a loop: the key of one batch
    state, key = state_and_key(state)                # in a step
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jax.interpreters import partial_eval

from jkeras.core import trees
from jkeras.core.host_random import key_of_seed
from jkeras.core.keys import Key, child
from jkeras.core.trees import Tree


class StateWithKey(NamedTuple):
    """A model's state and a random key for inference.

    Attributes:
      state: the state.
      key: the key of a call; after `with_batch_key`, the key of a batch.
      first: int32, the number of a loop's first batch.
    """

    state: Tree
    key: Key
    first: Any


def with_batch_key(state: Tree, number: int | jax.Array) -> Any:
    """The state with the key of batch `number` of a loop; a state without a key as it is."""
    if not isinstance(state, StateWithKey):
        return state
    return state._replace(key=child(state.key, state.first + number))


def with_first_batch(state: Tree, first: int) -> Any:
    """The state for a loop whose first batch has number `first`; a state without a key as it is."""
    if not isinstance(state, StateWithKey):
        return state
    return state._replace(first=jax.numpy.int32(first))


def state_and_key(state: Tree) -> tuple[Tree, Key | None]:
    """The model's own state, and the key or None."""
    return (state.state, state.key) if isinstance(state, StateWithKey) else (state, None)


def trace_inference(
    apply: Callable[..., Any], params: Tree, state: Tree, *inputs: Any
) -> tuple[Any, bool]:
    """The specs of a model's outputs outside of training, and whether they depend on a key.

    Args:
      apply: the model's `apply`.
      params, state, *inputs: as for `apply`; specs or arrays.

    Example:
      >>> import jax.numpy as jnp
      >>> from jkeras.layers import Dropout
      >>> spec = jax.ShapeDtypeStruct((2, 3), jnp.float32)
      >>> trace_inference(Dropout(0.5).apply, {}, {}, spec)[1]
      False
      >>> always = lambda *args, **kwargs: Dropout(0.5).apply(*args, **{**kwargs, "training": True})
      >>> trace_inference(always, {}, {}, spec)[1]
      True
    """

    def outputs(key: Key, params: Tree, state: Tree, *inputs: Any) -> Any:
        return apply(params, state, *inputs, key=key, training=False)[0]

    key = trees.spec_of(key_of_seed(0))
    jaxpr, specs = jax.make_jaxpr(outputs, return_shape=True)(key, params, state, *inputs)
    _, used = partial_eval.dce_jaxpr(jaxpr.jaxpr, [True] * len(jaxpr.jaxpr.outvars))
    return specs, used[0]
