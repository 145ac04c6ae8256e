"""`to_categorical` and `normalize` with Keras's values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.utils import normalize, to_categorical

IDS = [
    ([0, 2], 3),
    ([0, 2], None),
    ([[0], [1]], 2),
    ([[0, 1], [2, 0]], None),
    (2, 3),
    ([1.0, 0.0], None),
    (np.zeros((2, 1, 1), np.uint8), 2),
    ([True, False], None),
    ([3], None),
    ([[3]], 5),
]


@pytest.mark.parametrize(("ids", "classes"), IDS)
def test_one_hot_rows_are_those_of_keras(ids: object, classes: int | None) -> None:
    keras = pytest.importorskip("keras", reason="Keras is the oracle")
    expected = np.asarray(keras.utils.to_categorical(ids, classes))
    got = to_categorical(ids, classes)
    assert (got.shape, got.dtype) == (expected.shape, np.float32)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    ("ids", "classes", "expected"),
    [
        ([-1, 1], None, "from 0 to 1, got values from -1 to 1"),
        ([0.5, 1], None, "from 0 to 1, got values from 0.5 to 1.0"),
        ([0, np.nan], 2, "from 0 to 1, got values from nan to nan"),
    ],
)
def test_what_is_no_class_is_refused(ids: list[float], classes: int | None, expected: str) -> None:
    with pytest.raises(ValueError) as caught:
        to_categorical(ids, classes)
    assert str(caught.value) == (
        f"to_categorical: `x`: expected whole numbers {expected}. Set `num_classes` above the "
        "largest id."
    )


def test_words_are_no_classes() -> None:
    with pytest.raises(TypeError) as caught:
        to_categorical(["cat", "dog"])
    assert str(caught.value) == (
        "to_categorical: `x`: expected class ids, got an array of shape (2,) and dtype <U3."
    )


VECTORS = np.array([[[3.0, -4.0], [0.0, 0.0]], [[1.0, 1.0], [-2.0, 0.5]]])


@pytest.mark.parametrize("axis", [-1, 1, 2])
@pytest.mark.parametrize("order", [1, 2, 3, np.inf])
def test_vectors_of_length_one_are_those_of_keras(axis: int, order: float) -> None:
    keras = pytest.importorskip("keras", reason="Keras is the oracle")
    expected = keras.utils.normalize(VECTORS, axis, order)
    np.testing.assert_allclose(normalize(VECTORS, axis, order), expected, rtol=1e-12)


def test_the_first_axis_is_one_too() -> None:  # Keras takes axis=0 for the last
    x = np.array([[3.0, 0.0], [4.0, 2.0]])
    np.testing.assert_allclose(normalize(x, 0), [[0.6, 0.0], [0.8, 1.0]])


def test_what_comes_in_says_what_comes_out() -> None:
    assert type(normalize([[1, 2]])) is np.ndarray
    assert normalize(np.ones((1, 2), np.float32)).dtype == np.float32
    assert isinstance(normalize(jnp.ones((1, 2))), jax.Array)


def test_what_cannot_be_normalized_is_refused() -> None:
    with pytest.raises(TypeError) as caught:
        normalize(["a"])
    assert str(caught.value) == "normalize: `x`: expected numbers, got ['a'] (list)."
    with pytest.raises(ValueError) as caught_axis:
        normalize(np.ones((2, 2)), 2)
    assert str(caught_axis.value) == (
        "normalize: `axis`: expected an axis of an array of shape (2, 2) and dtype float64, got 2."
    )


def test_rows_of_a_jax_array_are_one_also_in_a_program() -> None:
    ids = jnp.array([[2], [0]])
    rows = to_categorical(ids, 3)
    assert isinstance(rows, jax.Array) and rows.tolist() == [[0, 0, 1], [1, 0, 0]]
    traced = jax.jit(lambda x: to_categorical(x, 3))(ids)
    assert traced.dtype == jnp.float32 and traced.tolist() == rows.tolist()
