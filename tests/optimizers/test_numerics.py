"""Clipping, widening and moving averages over trees."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.optimizers import SGD, numerics

TREE = {"a": jnp.array([3.0, -4.0]), "b": jnp.array(12.0)}


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_narrow_floats_are_widened(dtype: str) -> None:
    assert numerics.widen(jnp.ones(2, dtype)).dtype == jnp.float32


@pytest.mark.parametrize(
    ("clipping", "expected"),
    [
        ({"clipnorm": 6.0}, {"a": [3.0, -4.0], "b": 6.0}),
        ({"global_clipnorm": 6.5}, {"a": [1.5, -2.0], "b": 6.0}),
        ({"global_clipnorm": 13.5}, {"a": [3.0, -4.0], "b": 12.0}),
        ({"clipvalue": 3.5}, {"a": [3.0, -3.5], "b": 3.5}),
    ],
)
def test_clipping_shortens_only_what_is_too_long(clipping: Any, expected: Any) -> None:
    clipped = SGD(1.0, **clipping)._clip(TREE)
    for name, values in expected.items():
        np.testing.assert_allclose(clipped[name], values, rtol=1e-6)


def test_a_moving_average_moves_by_its_share() -> None:
    rule, params = SGD(0.0, use_ema=True, ema_momentum=0.75), {"w": jnp.zeros(2, jnp.bfloat16)}
    state = rule.init(params)._replace(count=jnp.int32(1))
    params = {"w": jnp.array([4.0, 8.0], jnp.bfloat16)}
    _, state = rule.update({"w": jnp.zeros(2, jnp.bfloat16)}, state, params)
    average = state.slots["average"]["w"]
    assert average.tolist() == [1.0, 2.0] and average.dtype == jnp.float32
