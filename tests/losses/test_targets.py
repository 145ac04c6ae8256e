"""Targets with wrong values: found on the host, before training, with the first bad row."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import losses

TEN = jax.ShapeDtypeStruct((32, 10), "float32")
ONE = jax.ShapeDtypeStruct((32, 1), "float32")
SPARSE = "sparse_categorical_crossentropy: expected class indices from 0 to 9 in `y_true` "

WRONG = [
    (
        "sparse_categorical_crossentropy",
        np.array([3, 1, 10, 2]),
        TEN,
        f"{SPARSE}(the outputs have 10 classes), got values from 1 to 10, first 10 at row 2. "
        "These labels start at 1: pass y - 1.",
    ),
    (
        "sparse_categorical_crossentropy",
        np.array([[0], [12]], np.uint8),
        TEN,
        f"{SPARSE}(the outputs have 10 classes), got values from 0 to 12, first 12 at row 1. "
        "Give the last layer 13 units.",
    ),
    (
        "sparse_categorical_crossentropy",
        np.array([0, -1]),
        TEN,
        f"{SPARSE}(the outputs have 10 classes), got values from -1 to 0, first -1 at row 1. "
        "Number the classes from 0, or leave one label out: "
        "SparseCategoricalCrossentropy(ignore_class=…).",
    ),
    (
        "sparse_categorical_crossentropy",
        np.array([0.0, 0.5]),
        TEN,
        "sparse_categorical_crossentropy: expected whole numbers as class indices in `y_true`, got "
        '0.5 at row 1. For probabilities of classes use loss="categorical_crossentropy", for '
        'measurements loss="mse".',
    ),
    (
        "binary_crossentropy",
        np.array([1, -1, 1]),
        ONE,
        "binary_crossentropy: expected `y_true` between 0 and 1, got values from -1 to 1, first "
        "-1 at "
        "row 1. For labels -1 and 1 pass (y + 1) / 2; for classes 0, 1, 2, … use a softmax and "
        'loss="sparse_categorical_crossentropy".',
    ),
    (
        "mse",
        np.array([1.0, np.nan]),
        ONE,
        "mse: expected finite numbers in `y_true`, got nan at row 1. "
        "Drop or fill missing values first.",
    ),
    (
        "sparse_categorical_crossentropy",
        np.array([1.0, np.inf]),
        TEN,
        "sparse_categorical_crossentropy: expected finite numbers in `y_true`, got inf at row 1. "
        "Drop or fill missing values first.",
    ),
    (
        "categorical_crossentropy",
        np.arange(40) % 10,
        TEN,
        "categorical_crossentropy: expected one-hot `y_true` of shape (40, 10), got shape (40,). "
        'For class indices use "sparse_categorical_crossentropy", or pass '
        "jkeras.utils.to_categorical(y, 10).",
    ),
]


@pytest.mark.parametrize(("loss", "y_true", "outputs", "message"), WRONG)
def test_the_message_says_which_row(loss, y_true, outputs, message):
    with pytest.raises(ValueError) as raised:
        losses.get(loss).check_data(y_true, outputs)
    assert str(raised.value) == message


@pytest.mark.parametrize("dtype", ["object", "<U3"])
def test_targets_are_numbers(dtype):
    with pytest.raises(TypeError) as raised:
        losses.get("mse").check_data(np.array(["a", "b"], dtype), ONE)
    assert str(raised.value) == (
        f"mse: expected numbers in `y_true`, got dtype {np.dtype(dtype)}. For names of classes "
        "pass "
        "their indices, np.unique(y, return_inverse=True)[1]; for objects np.asarray(y, "
        '"float32").'
    )


@pytest.mark.parametrize(
    ("loss", "y_true", "outputs"),
    [
        (losses.SparseCategoricalCrossentropy(), np.arange(10, dtype=np.uint8), TEN),
        (losses.SparseCategoricalCrossentropy(), np.arange(10.0)[:, None], TEN),
        (losses.SparseCategoricalCrossentropy(ignore_class=255), np.array([255, 9], np.uint8), TEN),
        (losses.SparseCategoricalCrossentropy(ignore_class=-1), np.array([-1, 9]), TEN),
        (losses.SparseCategoricalCrossentropy(), np.zeros(0, int), TEN),
        (losses.BinaryCrossentropy(), np.array([True, False]), ONE),
        (losses.BinaryCrossentropy(), np.array([0.25, 1.0]), ONE),
        (losses.MeanSquaredError(), np.zeros((5, 1), jnp.bfloat16), ONE),
        (losses.LossFunction(lambda t, p: (t - p)[:, 0]), np.array([np.nan]), ONE),
    ],
)
def test_good_targets_pass_and_the_size_of_the_batch_does_not_matter(loss, y_true, outputs):
    assert loss.check_data(y_true, outputs) is None


def test_an_ignored_label_is_left_out_of_the_message():
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
    with pytest.raises(ValueError) as raised:
        loss.check_data(np.array([-1, 3, 11]), TEN)
    assert str(raised.value) == (
        f"{SPARSE}(the outputs have 10 classes), got values from 3 to 11, first 11 at row 2. "
        "Give the last layer 12 units."
    )
