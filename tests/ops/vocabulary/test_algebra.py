"""Linear algebra: batches of matrices, and what says that a matrix does not fit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from jkeras import Input, ops

MATRICES = np.array([[[4.0, 1.0], [1.0, 3.0]], [[2.0, 0.5], [0.5, 1.0]]], np.float32)


@pytest.mark.parametrize("upper", [False, True])
def test_inverses_from_roots_come_in_batches(upper: bool) -> None:
    roots = ops.cholesky(MATRICES, upper=upper)
    inverses = ops.cholesky_inverse(roots, upper=upper)
    np.testing.assert_allclose(inverses, np.linalg.inv(MATRICES), rtol=1e-5)


def test_a_system_has_a_vector_for_each_matrix() -> None:
    vectors = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    expected = np.linalg.solve(MATRICES, vectors[..., None])[..., 0]
    np.testing.assert_allclose(ops.solve(MATRICES, vectors), expected, rtol=1e-5)
    assert ops.solve(Input((2, 2)), Input((2,))).shape == (None, 2)


@pytest.mark.parametrize("name", ["cholesky", "cholesky_inverse", "det", "eig", "eigh", "inv"])
def test_matrices_are_square(name: str) -> None:
    function = getattr(ops, name)
    for x in (MATRICES[:, :1], Input((2, 3)), MATRICES[0, 0]):
        with pytest.raises(
            ValueError, match=r"expected `x` \[\.\.\., n, n\], square matrices, got"
        ):
            function(x)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ops.solve(MATRICES, MATRICES[:, :1]), r"got shapes \(2, 1, 2\) and \(2, 2, 2\)"),
        (lambda: ops.solve(MATRICES[0], np.ones(())), r"got shapes \(\) and \(2, 2\)"),
        (lambda: ops.solve_triangular(MATRICES[:, :1], MATRICES), "square matrices"),
        (lambda: ops.qr(np.ones(3)), r"`x` a matrix or a batch of them, got shape \(3,\)"),
        (lambda: ops.lu_factor(np.ones(3)), r"`x` a matrix or a batch of them, got shape \(3,\)"),
    ],
)
def test_shapes_that_do_not_fit(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
