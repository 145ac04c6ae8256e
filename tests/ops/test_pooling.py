"""Pooling: XLA's windows, padding that is never seen, equal entries, integers."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jkeras.ops.pooling import average_pool, max_pool


def test_the_first_of_equal_entries_takes_the_gradient() -> None:
    x = jnp.array([0.0, 0.0, 1.0, 1.0, 2.0, 3.0])
    gradient = jax.grad(lambda x: max_pool(x, (2,), (2,), "valid").sum())(x)
    assert gradient.tolist() == [1.0, 0.0, 1.0, 0.0, 0.0, 1.0]


# Shape, window, strides, padding: tiles, overlapping windows, gaps, windows wider than the array.
WINDOWS = [
    ((4, 6), (2, 3), (2, 3), "valid"),
    ((7, 5), (2, 3), (2, 3), "valid"),
    ((7, 5), (2, 2), (2, 2), "same"),
    ((2, 7, 6, 2), (1, 3, 3, 1), (1, 2, 2, 1), "same"),
    ((2, 6, 7, 2), (1, 3, 2, 1), (1, 1, 1, 1), "valid"),
    ((8, 7), (2, 1), (3, 2), "valid"),
    ((3, 4), (5, 6), (1, 2), "same"),
    ((3, 4, 5), (2, 3, 2), (1, 1, 2), "same"),
    ((3, 4), (5, 1), (1, 1), "valid"),
]


def with_gradient(pool: Callable[[jax.Array], jax.Array], x: jax.Array) -> list[jax.Array]:
    """`pool(x)`, and a cotangent 1, 2, 3, … behind it."""

    @jax.jit
    def both(x: jax.Array) -> list[jax.Array]:
        outputs, pull = jax.vjp(pool, x)
        return [outputs, *pull(1.0 + jnp.arange(float(outputs.size)).reshape(outputs.shape))]

    return both(x)


@pytest.mark.parametrize("case", WINDOWS)
def test_largest_entries_and_their_gradients_are_those_of_xla(case: tuple) -> None:
    shape, window, strides, padding = case
    # Whole numbers from 0 to 3: nearly every window has several largest ones.
    x = jnp.asarray(np.random.default_rng(0).integers(0, 4, shape), jnp.float32)

    def by_xla(x: jax.Array) -> jax.Array:
        return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, padding.upper())

    got = with_gradient(lambda x: max_pool(x, window, strides, padding), x)
    for mine, theirs in zip(got, with_gradient(by_xla, x), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("case", WINDOWS)
def test_means_and_their_gradients_are_those_of_xla(case: tuple) -> None:
    shape, window, strides, padding = case
    x = jnp.asarray(np.random.default_rng(0).normal(size=shape), jnp.float32)

    def by_xla(x: jax.Array) -> jax.Array:
        def total(x: jax.Array) -> jax.Array:
            return lax.reduce_window(x, 0.0, lax.add, window, strides, padding.upper())

        return total(x) / total(jnp.ones_like(x))

    got = with_gradient(lambda x: average_pool(x, window, strides, padding), x)
    for mine, theirs in zip(got, with_gradient(by_xla, x), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pool", [max_pool, average_pool])
def test_other_backends_use_xla_and_get_the_same(
    pool: Callable[..., jax.Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = jnp.asarray(np.random.default_rng(0).normal(size=(5, 6)), jnp.float32)
    here = pool(x, (3, 2), (2, 1), "same")
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    jaxpr = jax.make_jaxpr(lambda x: pool(x, (3, 2), (2, 1), "same"))(x)
    assert "reduce_window" in str(jaxpr)
    np.testing.assert_allclose(pool(x, (3, 2), (2, 1), "same"), here, rtol=1e-6)


def test_a_maximum_differentiates_twice_and_forward() -> None:
    x = jnp.array([0.5, 2.0, 1.0, 3.0])

    def loss(x: jax.Array) -> jax.Array:
        return jnp.sum(max_pool(x, (2,), (1,), "valid") ** 3)

    assert jax.hessian(loss)(x).diagonal().tolist() == [0.0, 24.0, 0.0, 18.0]
    assert jax.jvp(loss, (x,), (jnp.ones(4),))[1] == 3 * (4.0 + 4.0 + 9.0)


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
