"""`to_categorical` with Keras's values, and one seed for everything."""

import random

import numpy as np
import pytest

import jkeras
from jkeras.utils import set_random_seed, to_categorical

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
    ("ids", "classes", "told"),
    [
        ([-1, 1], None, "from 0 to 1, got values from -1 to 1"),
        ([0.5, 1], None, "from 0 to 1, got values from 0.5 to 1.0"),
        ([0, np.nan], 2, "from 0 to 1, got values from nan to nan"),
    ],
)
def test_what_is_no_class_is_refused(ids: list[float], classes: int | None, told: str) -> None:
    with pytest.raises(ValueError) as caught:
        to_categorical(ids, classes)
    assert str(caught.value) == (
        f"to_categorical: `x`: expected whole numbers {told}. Set `num_classes` above the "
        "largest id."
    )


def test_words_are_no_classes() -> None:
    with pytest.raises(TypeError) as caught:
        to_categorical(["cat", "dog"])
    assert str(caught.value) == (
        "to_categorical: `x`: expected class ids, got an array of shape (2,) and dtype <U3."
    )


def test_one_seed_repeats_python_numpy_and_models() -> None:
    def drawn() -> tuple[float, float, np.ndarray]:
        set_random_seed(np.int64(11))
        net = jkeras.Sequential([jkeras.layers.Dense(2, input_shape=(3,))])
        return random.random(), float(np.random.rand()), net.get_weights()[0]

    first, again = drawn(), drawn()
    assert first[:2] == again[:2]
    np.testing.assert_array_equal(first[2], again[2])
    set_random_seed(12)
    assert random.random() != first[0] and np.random.rand() != first[1]
