"""Keys outside of training: for those who draw, batch by batch."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.keys import child
from jkeras.training.drawing import Drawing, at, counted_from, opened, traced


def test_a_state_without_a_key_stays_itself() -> None:
    state = {"mean": jnp.zeros(2)}
    assert at(state, 3) is state and counted_from(state, 3) is state
    assert opened(state) == (state, None)


def test_the_key_of_a_batch_follows_from_its_number() -> None:
    key = jax.random.key(0)
    whole = Drawing({}, key, np.int32(0))
    assert opened(at(whole, 5))[1] == child(key, 5)
    assert opened(at(counted_from(whole, 4), 1))[1] == child(key, 5)


def test_a_key_that_is_only_derived_is_not_used() -> None:
    def apply(params: Any, state: Any, x: Any, *, key: Any, training: bool) -> Any:
        unused = child(key, "layer")
        return (x + jax.random.normal(unused, x.shape) if training else x), state

    def loop(params: Any, state: Any, x: Any, *, key: Any, training: bool) -> Any:
        body = lambda i, y: y + jax.random.normal(child(key, i), y.shape)  # noqa: E731
        return jax.lax.fori_loop(0, 2, body, x), state

    spec = jax.ShapeDtypeStruct((2,), jnp.float32)
    assert traced(apply, {}, {}, spec) == (spec, False)
    assert traced(loop, {}, {}, spec) == (spec, True)
