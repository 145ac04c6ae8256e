"""`split_dataset`: Keras's sizes and order, and its errors."""

import random
from typing import Any

import numpy as np
import pytest

from jkeras.utils import split_dataset
from jkeras.utils.datasets import from_arrays

X = np.arange(23)
SIZES = [(0.8, None), (None, 0.25), (5, None), (None, 4), (0.5, 0.3), (7, 3), (0.5, 2), (20, 0.1)]


def parts(data: Any) -> list:
    """A data set's elements as numbers."""
    return [np.asarray(element).tolist() for element in data]


@pytest.mark.parametrize(("left", "right"), SIZES)
def test_the_sizes_of_keras(left: float | None, right: float | None) -> None:
    utils = pytest.importorskip("keras.src.utils.dataset_utils", reason="Keras is the oracle")
    sizes = utils._rescale_dataset_split_sizes(left, right, len(X))
    first, second = split_dataset(X, left, right)
    assert (parts(first), parts(second)) == (X[: sizes[0]].tolist(), X[-sizes[1] :].tolist())


def test_shuffled_in_the_order_of_keras() -> None:  # that of Python's generator with the seed
    left, right = split_dataset(X, left_size=0.5, shuffle=True, seed=4)
    expected = X.tolist()
    random.Random(4).shuffle(expected)
    assert parts(left) + parts(right) == expected
    assert parts(left) == parts(left)


def test_several_arrays_stay_together() -> None:
    left, right = split_dataset((X, X * 2.0), right_size=3)
    x, y = next(iter(left.batch(20)))
    assert (x.tolist(), y.tolist()) == (X[:20].tolist(), (X * 2.0)[:20].tolist())
    assert [float(y) for _, y in right] == [40.0, 42.0, 44.0]
    assert len(split_dataset([X, X], 0.5)[0]) == 12


def test_a_data_set_in_batches_gives_two_of_them() -> None:
    left, right = split_dataset(from_arrays(X, 5), left_size=8)
    assert (parts(left), len(right)) == ([[0, 1, 2, 3, 4], [5, 6, 7]], 3)


def test_one_that_is_shuffled_is_split_once() -> None:
    left, right = split_dataset(from_arrays(X).shuffle(seed=1), left_size=8)
    assert sorted(parts(left) + parts(right)) == X.tolist()
    assert parts(left) == parts(left) != X[:8].tolist()


WRONG: list[tuple[tuple, type[Exception], str]] = [
    (
        (X,),
        ValueError,
        "split_dataset: expected `left_size` or `right_size`, got none. For four fifths on the "
        "left write left_size=0.8.",
    ),
    (
        (X, 1.5),
        ValueError,
        "split_dataset: `left_size`: expected a fraction between 0 and 1, got 1.5.",
    ),
    ((X, None, 23), ValueError, "split_dataset: `right_size`: expected 1 to 22, got 23."),
    (
        (X, "half"),
        TypeError,
        "split_dataset: `left_size`: expected a number of examples or a fraction, got 'half' "
        "(str).",
    ),
    (
        (X, 0.7, 0.4),
        ValueError,
        "split_dataset: expected two parts with at least one of the 23 examples each, got "
        "left_size=0.7 and right_size=0.4, which is 16 and 9.",
    ),
    (
        (X[:3], 0.01),
        ValueError,
        "split_dataset: expected two parts with at least one of the 3 examples each, got "
        "left_size=0.01 and right_size=None, which is 0 and 3.",
    ),
    (
        ([1, 2, 3], 0.5),
        TypeError,
        "split_dataset: `dataset`: expected an array, a list of arrays, or a data set, got "
        "[1, 2, 3] (list). Make arrays: np.asarray(x).",
    ),
    (
        ((X, X[:4]), 0.5),
        ValueError,
        "split_dataset: `dataset`: expected arrays of one length, at least 1, got lengths [23, 4].",
    ),
    (
        (X, 0.5, None, False, None, "torch"),
        ValueError,
        "split_dataset: `preferred_backend`: expected None, got 'torch': data sets here belong to "
        "no other library.",
    ),
]


@pytest.mark.parametrize(("arguments", "kind", "message"), WRONG)
def test_wrong_uses(arguments: tuple, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        split_dataset(*arguments)
    assert str(caught.value) == message
