"""A data set in memory: its parts, its splits and its class weights."""

from typing import Any

import numpy as np
import pytest

from jkeras.data import arrays

X = np.arange(20, dtype=np.float32).reshape(10, 2)
Y = np.arange(10) % 3


def test_everything_is_gathered_into_one_batch() -> None:
    data = arrays.load(X, Y, np.ones(10))
    assert data.length == 10
    assert data.batch.x is X and data.batch.y is Y and data.batch.rows is None
    assert data.batch.weight.dtype == np.float32


def test_several_inputs_and_targets_keep_their_form() -> None:
    data = arrays.load([X, X], {"a": Y})
    assert isinstance(data.batch.x, tuple) and list(data.batch.y) == ["a"]
    assert arrays.load({"a": X}).batch.y is None


def test_targets_may_be_a_plain_list_and_nan_may_be_allowed() -> None:
    assert arrays.load(X, list(range(10))).batch.y.tolist() == list(range(10))
    assert np.isnan(arrays.load(X * np.nan, finite=False).batch.x).all()


@pytest.mark.parametrize(("size", "steps"), [(1, 10), (3, 4), (5, 2), (10, 1), (11, 1)])
def test_steps_count_the_last_partial_batch(size: int, steps: int) -> None:
    assert arrays.load(X).steps(size) == steps


def test_a_part_is_a_view() -> None:
    part = arrays.load(X, Y).part(2, 5)
    assert part.length == 3
    assert np.shares_memory(part.batch.x, X)
    np.testing.assert_array_equal(part.batch.y, Y[2:5])


@pytest.mark.parametrize(("fraction", "cut"), [(0.25, 7), (0.5, 5), (0.99, 0), (0.1, 9), (0.01, 9)])
def test_a_split_takes_the_last_part_as_keras_cuts_it(fraction: float, cut: int) -> None:
    data = arrays.load(X, Y)
    if cut == 0:
        with pytest.raises(ValueError, match="got 0 for training and 10 for validation"):
            arrays.split(data, fraction)
        return
    train, held_out = arrays.split(data, fraction)
    assert (train.length, held_out.length) == (cut, 10 - cut)
    np.testing.assert_array_equal(held_out.batch.x, X[cut:])


@pytest.mark.parametrize(
    "y",
    [Y, Y[:, None], np.eye(3)[Y], Y.astype("float32")],
    ids=["ids", "column", "one_hot", "floats"],
)
def test_each_example_gets_the_weight_of_its_class(y: np.ndarray) -> None:
    weights = arrays.class_weights(y, {0: 2.0, 2: 0.5})
    assert weights.dtype == np.float32
    np.testing.assert_array_equal(weights, np.array([2.0, 1.0, 0.5])[Y])


def test_classes_that_do_not_occur_may_have_weights() -> None:
    assert arrays.class_weights(np.array([0, 1]), {np.int64(7): 3.0}).tolist() == [1, 1]
    assert arrays.class_weights(np.array([False, True]), {1: 3.0}).tolist() == [1, 3]
    assert arrays.class_weights(Y[:2], {}).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("y", "weights", "expected"),
    [
        ([-1, 1, 1], {-1: 3.0, 1: 0.5}, [3, 0.5, 0.5]),
        ([0, 1, 1], {-1: 3.0}, [1, 1, 1]),
        ([False, True, True], {False: 2.0, True: 3.0}, [2, 3, 3]),
        ([0, 1, 1], {0.0: 2.0, np.float64(1): np.float32(3)}, [2, 3, 3]),
        ([0, 1, 1], {"0": 2, "1": 3}, [2, 3, 3]),
        ([0.1, 0.9, 0.9], {0: 2.0, 1: 3.0}, [2, 3, 3]),
        ([0, 1, 1], "balanced", [1.5, 0.75, 0.75]),
        ([-1, 1, 1, 1], "balanced", [2, 2 / 3, 2 / 3, 2 / 3]),
        ([0.1, 0.5, 0.5], {0.5: 3.0, "0.1": 2}, [2, 3, 3]),
        ([0.25, 1.0, 2.0], {0.25: 2, np.int64(1): 3}, [2, 3, 1]),
        ([0, 1, 1], {np.float32(0): 2, np.True_: 3}, [2, 3, 3]),
    ],
    ids=[
        *("signs", "absent", "flags", "floats", "words", "soft", "balanced", "balanced_signs"),
        *("fractions", "fractions_and_ids", "scalars"),
    ],
)
def test_class_ids_of_every_kind(y: list[float], weights: Any, expected: list[float]) -> None:
    found = arrays.class_weights(np.array(y), weights)
    np.testing.assert_array_equal(found, np.array(expected, np.float32))


@pytest.mark.parametrize("row", [[1, 1, 0], [0, 0, 0]])
def test_several_labels_of_an_example_are_not_balanced(row: list[int]) -> None:
    with pytest.raises(ValueError) as caught:
        arrays.class_weights(np.array([[0, 1, 0], row]), "balanced")
    assert str(caught.value) == (
        '`class_weight`: expected one class per example to be "balanced", got several labels, or '
        "none, in 1 of 2 rows of `y`, the first at index 1. Use `sample_weight` instead."
    )
    assert arrays.class_weights(np.eye(3)[[0, 1, 1]], "balanced").tolist() == [1.5, 0.75, 0.75]


FORM = (
    '`class_weight`: expected "balanced", or a dict from class id to weight, such as '
    "{0: 1.0, 1: 5.0}"
)
KEYS = " Its keys are the ids that stand in `y`, its values finite numbers."
NUMBERED = " Number the weights: dict(enumerate(class_weight))."


@pytest.mark.parametrize(
    ("weights", "got"),
    [
        ({"no": 1.0}, "{'no': 1.0} (dict)." + KEYS),
        ({0.5: 1.0}, "{0.5: 1.0} (dict)." + KEYS),
        ({np.nan: 1.0}, "{nan: 1.0} (dict)." + KEYS),
        ({0: "heavy"}, "{0: 'heavy'} (dict)." + KEYS),
        ({0: np.nan}, "{0: nan} (dict)." + KEYS),
        ([1.0, 2.0], "[1.0, 2.0] (list)." + NUMBERED),
        (np.ones(2), "an array of shape (2,) and dtype float64." + NUMBERED),
        ("balance", "'balance' (str)."),
    ],
)
def test_class_weights_of_another_form_are_refused(weights: Any, got: str) -> None:
    with pytest.raises(TypeError) as caught:
        arrays.class_weights(np.array([0, 1]), weights)
    assert str(caught.value) == f"{FORM}, got {got}"


def test_targets_without_classes_are_refused() -> None:
    with pytest.raises(ValueError) as caught:
        arrays.class_weights(np.ones((2, 3, 4)), {0: 1.0})
    assert str(caught.value) == (
        "`class_weight`: expected `y` with one class per example, [examples] or one-hot "
        "[examples, classes], got an array of shape (2, 3, 4) and dtype float64. "
        "Use `sample_weight` instead."
    )


@pytest.mark.parametrize(
    ("y", "weights", "outputs"),
    [
        ([0, 1, 1], {0: 1.0}, 3),
        ([0, 1, 1], {0: 1.0, 2: 3.0}, 3),  # a class of the model that does not occur here
        ([0, 0, 0], {1: 3.0}, 1),
        ([0, 1, 1], {5: 3.0}, None),  # how many classes there are is not known
        ([0, 1, 1], {0: 1.0, 1: 2.0, 5: 3.0}, 2),  # every label has a weight
        ([-1, -1], {1: 2.0}, 1),
        ([[0, 1, 0], [0, 1, 0]], {2: 2.0}, 3),
        ([0.25, 0.5], {0.5: 2.0}, 1),
        ([0, 1, 1], "balanced", 2),
        ([0, 1, 1], {}, 2),
    ],
)
def test_keys_that_may_be_meant_pass(y: Any, weights: Any, outputs: int | None) -> None:
    arrays.check_class_keys(weights, np.array(y), outputs)


@pytest.mark.parametrize(
    ("y", "weights", "outputs", "told"),
    [
        ([0, 1, 1], {1: 1.0, 2: 3.0}, 1, "(0, 1) as keys, got 2. Did you mean 1?"),
        ([0, 1, 2], {0: 1.0, -1: 3.0}, None, "(0, 1, 2) as keys, got -1. Did you mean 0?"),
        ([[0, 1], [1, 0]], {2: 3.0}, 9, "(0, 1) as keys, got 2. Did you mean 1?"),
        ([0.25, 0.75], {0.5: 3.0}, 1, "(0.25, 0.75) as keys, got 0.5. Did you mean 0.25?"),
        (range(12), {30: 1.0}, 12, "(0, 1, 2, 3, 4, 5, 6, 7, …) as keys, got 30. Did you mean 11?"),
    ],
    ids=["binary", "negative", "one_hot", "fractions", "many"],
)
def test_a_key_that_is_no_label_is_told(y: Any, weights: Any, outputs: Any, told: str) -> None:
    with pytest.raises(ValueError) as caught:
        arrays.check_class_keys(weights, np.array(y), outputs)
    assert str(caught.value) == f"`class_weight`: expected labels of `y` {told}"
