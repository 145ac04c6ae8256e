"""Masks against their definitions, position by position."""

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.ops.masks import causal_mask, joined, window_mask

SIZES = [(1, 1), (3, 5), (5, 3), (4, 4)]


@pytest.mark.parametrize(("queries", "keys"), SIZES)
def test_causal(queries: int, keys: int) -> None:
    expected = [[j <= i for j in range(keys)] for i in range(queries)]
    assert causal_mask(queries, keys).tolist() == expected


@pytest.mark.parametrize(("queries", "keys"), SIZES)
@pytest.mark.parametrize("window", [1, 2, 9])
def test_window(queries: int, keys: int, window: int) -> None:
    expected = [[abs(i - j) < window for j in range(keys)] for i in range(queries)]
    assert window_mask(queries, keys, window).tolist() == expected


def test_joined_allows_what_all_allow() -> None:
    rows, columns = jnp.array([[True], [False]]), jnp.array([[True, False, True]])
    assert joined(None, None) is None
    assert joined(None, rows) is rows
    np.testing.assert_array_equal(joined(rows, None, columns), np.asarray(rows & columns))
