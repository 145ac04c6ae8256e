"""Functions that are newer than Keras 3.15.1: NumPy's and SciPy's values, symbols, gradients."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from jkeras import Input, ops

X = np.random.default_rng(0).normal(size=(2, 3, 3)).astype("float32")


def test_columns_are_stacked_as_by_numpy() -> None:
    rows = [X[0, 0], X[0], X[1, 1]]
    np.testing.assert_array_equal(ops.column_stack(rows), np.column_stack(rows))
    symbols = ops.column_stack([Input((3,)), Input((4,))])
    assert symbols.shape == (None, 7)


@pytest.mark.parametrize("n", [-2, -1, 0, 1, 2, 5])
def test_powers_of_matrices_are_numpys(n: int) -> None:
    expected = np.linalg.matrix_power(X.astype("float64"), n)
    np.testing.assert_allclose(ops.matrix_power(X, n), expected, rtol=2e-4, atol=1e-5)
    assert ops.matrix_power(X, n).dtype == jnp.float32
    assert ops.linalg.matrix_power(Input((3, 3)), n).shape == (None, 3, 3)


def test_the_incomplete_gamma_function_is_scipys() -> None:
    a, x = np.linspace(0.5, 6, 7), np.linspace(0.0, 9, 7)
    found = ops.gammainc(a.astype("float32"), x.astype("float32"))
    np.testing.assert_allclose(found, scipy.special.gammainc(a, x), rtol=1e-5)
    assert ops.gammainc(Input((3,)), 2.0).shape == (None, 3)
    slope = jax.grad(lambda x: ops.gammainc(jnp.float32(2.0), x))(1.5)
    np.testing.assert_allclose(slope, 1.5 * np.exp(-1.5), rtol=1e-5)


WRONG: list[tuple[Any, str]] = [
    (
        lambda: ops.matrix_power(X, 1.5),
        "ops.matrix_power: `n`: expected an integer, got 1.5 (float).",
    ),
    (
        lambda: ops.matrix_power(X[:, :2], 2),
        "ops.matrix_power: expected `x` [..., n, n], square matrices, got shape (2, 2, 3).",
    ),
]


@pytest.mark.parametrize("use, message", WRONG, ids=range(len(WRONG)))
def test_wrong_use_is_named(use: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        use()
    assert str(caught.value) == message
