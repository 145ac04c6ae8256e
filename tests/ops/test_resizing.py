"""Interpolation with NumPy is that of `jax.image.resize`; crops and margins keep aspect ratios."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jkeras.ops.resizing import METHODS, crop_box, margins, resized, weights

SIZES = st.tuples(st.integers(1, 300), st.integers(1, 300))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", [(3, 11), (8, 4)])
def test_it_agrees_with_jax(method: str, target: tuple[int, int]) -> None:
    image = np.random.default_rng(0).normal(size=(5, 7, 2)).astype("float32")
    expected = jax.image.resize(image, (*target, 2), METHODS[method], antialias=False)
    np.testing.assert_allclose(resized(image, target, method), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_rows_sum_to_one_and_the_same_size_is_the_identity(method: str) -> None:
    np.testing.assert_allclose(weights(6, 17, method).sum(1), np.ones(17), rtol=1e-5)
    np.testing.assert_allclose(weights(6, 6, method), np.eye(6), atol=1e-6)


def test_any_dtype_becomes_float32() -> None:
    image = np.full((2, 2, 1), 200, np.uint8)
    assert resized(image, (2, 2)).dtype == resized(image, (3, 1)).dtype == np.float32


@given(SIZES, SIZES)
def test_a_crop_lies_in_the_middle_and_has_the_aspect_ratio(
    size: tuple[int, int], target: tuple[int, int]
) -> None:
    rows, columns = crop_box(size, target)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    assert 0 <= rows.start and rows.stop <= size[0] and 0 <= columns.start <= columns.stop
    assert height == size[0] or width == size[1]
    assert abs(2 * rows.start + height - size[0]) <= 1
    assert abs(height * target[1] - width * target[0]) <= max(target)


@given(SIZES, SIZES)
def test_margins_lie_on_one_pair_of_sides(size: tuple[int, int], target: tuple[int, int]) -> None:
    above, beside = margins(size, target)
    assert min(above, beside) == 0
    height, width = size[0] + 2 * above, size[1] + 2 * beside
    assert abs(height * target[1] - width * target[0]) <= 2 * max(target)
