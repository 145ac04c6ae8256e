"""Adaptive pooling: windows by their definition, its laws, equal entries."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.ops.adaptive_pooling import adaptive_average_pool, adaptive_max_pool


@pytest.mark.parametrize(("size", "count"), [(7, 3), (7, 4), (5, 5), (6, 3), (3, 5), (4, 1)])
def test_windows_are_those_of_the_definition(size: int, count: int) -> None:
    x = np.random.default_rng(0).normal(size=(2, size)).astype("float32")
    bounds = [
        (math.floor(i * size / count), math.ceil((i + 1) * size / count)) for i in range(count)
    ]
    largest = np.stack([x[:, a:b].max(1) for a, b in bounds], 1)
    means = np.stack([x[:, a:b].mean(1) for a, b in bounds], 1)
    np.testing.assert_array_equal(adaptive_max_pool(jnp.asarray(x), {1: count}), largest)
    got = adaptive_average_pool(jnp.asarray(x), {1: count})
    np.testing.assert_allclose(got, means, rtol=1e-5, atol=1e-6)


def test_the_first_of_equal_entries_takes_the_gradient() -> None:
    x = jnp.array([1.0, 1.0, 1.0, 0.0, 2.0])
    gradient = jax.grad(lambda x: adaptive_max_pool(x, {0: 3}).sum())(x)
    # Windows 0–1, 1–3 and 3–4.
    assert gradient.tolist() == [1.0, 1.0, 0.0, 0.0, 1.0]


def test_integers_stay_integers_in_a_maximum() -> None:
    outputs = adaptive_max_pool(jnp.arange(10, dtype=jnp.uint8).reshape(2, 5), {0: 1, 1: 2})
    assert outputs.dtype == jnp.uint8
    assert outputs.tolist() == [[7, 9]]
