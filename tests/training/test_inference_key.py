"""Random keys outside of training: batch by batch, for networks that draw."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.keys import child
from jkeras.training.inference_key import (
    StateWithKey,
    state_and_key,
    trace_inference,
    with_batch_key,
    with_first_batch,
)


def test_a_state_without_a_key_stays_itself() -> None:
    state = {"mean": jnp.zeros(2)}
    assert with_batch_key(state, 3) is state and with_first_batch(state, 3) is state
    assert state_and_key(state) == (state, None)


def test_the_key_of_a_batch_follows_from_its_number() -> None:
    key = jax.random.key(0)
    whole = StateWithKey({}, key, np.int32(0))
    assert state_and_key(with_batch_key(whole, 5))[1] == child(key, 5)
    assert state_and_key(with_batch_key(with_first_batch(whole, 4), 1))[1] == child(key, 5)


def test_a_key_that_is_only_derived_is_not_used() -> None:
    def apply(params: Any, state: Any, x: Any, *, key: Any, training: bool) -> Any:
        unused = child(key, "layer")
        return (x + jax.random.normal(unused, x.shape) if training else x), state

    def loop(params: Any, state: Any, x: Any, *, key: Any, training: bool) -> Any:
        body = lambda i, y: y + jax.random.normal(child(key, i), y.shape)  # noqa: E731
        return jax.lax.fori_loop(0, 2, body, x), state

    spec = jax.ShapeDtypeStruct((2,), jnp.float32)
    assert trace_inference(apply, {}, {}, spec) == (spec, False)
    assert trace_inference(loop, {}, {}, spec) == (spec, True)
