"""Pooling: padding is never seen, ties, integers."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.ops.pooling import average_pool, max_pool


def test_the_first_of_equal_entries_takes_the_gradient() -> None:
    x = jnp.array([0.0, 0.0, 1.0, 1.0, 2.0, 3.0])
    gradient = jax.grad(lambda x: max_pool(x, (2,), (2,), "valid").sum())(x)
    assert gradient.tolist() == [1.0, 0.0, 1.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("pool", [max_pool, average_pool])
def test_padding_is_never_seen(pool: Callable[..., jax.Array]) -> None:
    for value in (-3.0, 3.0):
        outputs = pool(jnp.full((5, 4), value), (3, 2), (2, 3), "same")
        np.testing.assert_allclose(outputs, np.full((3, 2), value), rtol=1e-6)


@pytest.mark.parametrize("size", [4, 5, 6, 7])
@pytest.mark.parametrize("width", [1, 2, 3, 9])
@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_averages_are_sums_over_counts(size: int, width: int, step: int, padding: str) -> None:
    x = jnp.arange(float(size))
    if padding == "valid" and width > size:
        assert average_pool(x, (width,), (step,), padding).shape == (0,)
        return
    windows = max_pool(x, (width,), (step,), padding), -max_pool(-x, (width,), (step,), padding)
    # The mean of consecutive integers is halfway between the last and the first.
    expected = (windows[0] + windows[1]) / 2
    np.testing.assert_allclose(average_pool(x, (width,), (step,), padding), expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "bfloat16", "float32"])
def test_max_keeps_the_dtype(dtype: str) -> None:
    outputs = max_pool(jnp.array([0, 3, 1], dtype), (2,), (1,), "same")
    assert outputs.dtype == jnp.dtype(dtype)
    assert outputs.tolist() == [3, 3, 1]
