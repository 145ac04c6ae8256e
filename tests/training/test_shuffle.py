"""The random order: a permutation, a function of the key, and as good as any."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.training.shuffle import permutation


def orders(count: int, length: int) -> np.ndarray:
    """Many orders, `[count, length]`."""
    keys = jax.random.split(jax.random.key(1), count)
    return np.asarray(jax.jit(jax.vmap(lambda key: permutation(key, length)))(keys))


@pytest.mark.parametrize("length", [1, 2, 3, 7, 64, 1000, 60_000])
def test_every_number_comes_once(length: int) -> None:
    order = permutation(jax.random.key(0), length)
    assert order.dtype == jnp.int32
    np.testing.assert_array_equal(np.sort(order), np.arange(length))


def test_it_is_a_function_of_the_key() -> None:
    first, again, other = (permutation(jax.random.key(seed), 50) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (np.asarray(first) != np.asarray(other)).sum() > 40


def chi_square(counts: np.ndarray, expected: float) -> float:
    """The statistic over its degrees of freedom, which is about 1 for equal chances."""
    return float(((counts - expected) ** 2 / expected).sum() / (counts.size - 1))


def test_each_of_the_orders_of_four_is_as_likely() -> None:
    found = orders(24_000, 4) @ np.array([64, 16, 4, 1])
    _, counts = np.unique(found, return_counts=True)
    assert len(counts) == 24
    assert chi_square(counts, 1000) < 2.2  # P < 0.001 for 23 degrees of freedom


def test_each_number_is_as_likely_at_each_place() -> None:
    length, count = 40, 8000
    found = orders(count, length)
    counts = np.stack([np.bincount(column, minlength=length) for column in found.T])
    assert chi_square(counts, count / length) < 1.12  # P < 0.001 for 1521


def test_each_number_is_as_likely_to_follow_each_other() -> None:
    length, count = 30, 8000
    found = orders(count, length)
    pairs = found[:, :-1] * length + found[:, 1:]
    counts = np.bincount(pairs.ravel(), minlength=length**2).reshape(length, length)
    assert (np.diag(counts) == 0).all()
    counts = counts[~np.eye(length, dtype=bool)]
    assert chi_square(counts, count / length) < 1.16  # P < 0.001 for 869


def test_a_long_order_has_no_trend() -> None:
    order = np.asarray(permutation(jax.random.key(2), 60_000), np.float64)
    places = np.arange(60_000.0)
    for a, b in (
        (order, places),
        (order[1:], order[:-1]),
        (order % 2, places),
        (order, places % 2),
    ):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.015  # 3.7 standard deviations
