"""Clipping, widening and moving averages over trees."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.optimizers import numerics

TREE = {"a": jnp.array([3.0, -4.0]), "b": jnp.array(12.0)}


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_narrow_floats_are_widened(dtype: str) -> None:
    assert numerics.widen(jnp.ones(2, dtype)).dtype == jnp.float32


@pytest.mark.parametrize(
    ("clip", "limit", "expected"),
    [
        (numerics.clip_each, 6.0, {"a": [3.0, -4.0], "b": 6.0}),
        (numerics.clip_together, 6.5, {"a": [1.5, -2.0], "b": 6.0}),
        (numerics.clip_together, 13.5, {"a": [3.0, -4.0], "b": 12.0}),
        (numerics.clip_values, 3.5, {"a": [3.0, -3.5], "b": 3.5}),
    ],
)
def test_clipping_shortens_only_what_is_too_long(clip: Any, limit: float, expected: Any) -> None:
    clipped = clip(TREE, limit)
    for name, values in expected.items():
        np.testing.assert_allclose(clipped[name], values, rtol=1e-6)


def test_a_moving_average_moves_by_its_share() -> None:
    assert float(numerics.toward(jnp.float32(1.0), jnp.float32(3.0), 0.25)) == 1.5
    averages = {"w": jnp.zeros(2)}
    moved = numerics.moving_averages(
        averages, {"w": jnp.array([4.0, 8.0], jnp.bfloat16)}, jnp.float32(0.75)
    )
    assert moved["w"].tolist() == [1.0, 2.0] and moved["w"].dtype == jnp.float32
