"""Shapes that do not match: whole messages, raised while tracing."""

import jax
import numpy as np
import pytest

from jkeras import losses


def spec(*shape, dtype="float32"):
    return jax.ShapeDtypeStruct(shape, dtype)


WRONG = [
    (
        losses.sparse_categorical_crossentropy,
        spec(32, 10),
        spec(32, 10),
        "sparse_categorical_crossentropy: expected `y_true` class indices of shape (32,) or (32, "
        "1), "
        'got shape (32, 10). For one-hot targets use loss="categorical_crossentropy", or pass '
        "y.argmax(-1).",
    ),
    (
        losses.sparse_categorical_crossentropy,
        spec(32, dtype="int32"),
        spec(32, 28, 10),
        "sparse_categorical_crossentropy: expected `y_true` class indices of shape (32, 28) or "
        "(32, 28, 1), got shape (32,). The outputs have shape (32, 28, 10): for one label an "
        "example, put Flatten or GlobalAveragePooling2D before the last layer.",
    ),
    (
        losses.sparse_categorical_crossentropy,
        spec(32, 3, dtype="int32"),
        spec(32, 10),
        "sparse_categorical_crossentropy: expected `y_true` class indices of shape (32,) or (32, "
        "1), "
        "got shape (32, 3). The outputs have shape (32, 10).",
    ),
    (
        losses.categorical_crossentropy,
        spec(32, dtype="int32"),
        spec(32, 10),
        "categorical_crossentropy: expected one-hot `y_true` of shape (32, 10), got shape (32,). "
        'For class indices use "sparse_categorical_crossentropy", or pass '
        "jkeras.utils.to_categorical(y, 10).",
    ),
    (
        losses.categorical_crossentropy,
        spec(32, 7),
        spec(32, 10),
        "categorical_crossentropy: expected one-hot `y_true` of shape (32, 10), got shape (32, 7). "
        "Give the last layer 7 units, one for each class of the targets.",
    ),
    (
        losses.categorical_crossentropy,
        spec(32, 1),
        spec(32, 1),
        "categorical_crossentropy: expected `y_pred` with 2 classes or more, got shape (32, 1). "
        'For one output and targets of 0 and 1 use loss="binary_crossentropy" with a sigmoid.',
    ),
    (
        losses.categorical_crossentropy,
        spec(8, 3, 4),
        spec(8, 4),
        "categorical_crossentropy: expected one-hot `y_true` of shape (8, 4), got shape (8, 3, 4). "
        "Targets and outputs need the same axes.",
    ),
    (
        losses.mean_squared_error,
        spec(32),
        spec(32, 3),
        "mean_squared_error: expected `y_true` of shape (32, 3) like the outputs, got shape (32,). "
        "For one number an example, give the last layer 1 unit; for class indices use "
        'loss="sparse_categorical_crossentropy".',
    ),
    (
        losses.binary_crossentropy,
        spec(32, 2),
        spec(32, 3),
        "binary_crossentropy: expected `y_true` of shape (32, 3) like the outputs, got shape "
        "(32, 2). Give the last layer 2 units, or pass targets with 3 columns.",
    ),
    (
        losses.binary_crossentropy,
        spec(32, 1),
        spec(32, 3),
        "binary_crossentropy: expected `y_true` of shape (32, 3) like the outputs, got shape "
        "(32, 1). Give the last layer 1 unit, or pass targets with 3 columns.",
    ),
    (
        losses.binary_focal_crossentropy,
        spec(32, 1),
        spec(32, 3),
        "binary_focal_crossentropy: expected `y_true` of shape (32, 3) like the outputs, got shape "
        "(32, 1). Give the last layer 1 unit, or pass targets with 3 columns.",
    ),
    (
        losses.huber,
        spec(31, 3),
        spec(32, 3),
        "huber: expected `y_true` of shape (32, 3) like the outputs, got shape (31, 3). "
        "Targets and outputs need the same axes.",
    ),
]


@pytest.mark.parametrize(("fn", "y_true", "y_pred", "message"), WRONG)
def test_the_message_says_what_fits(fn, y_true, y_pred, message):
    with pytest.raises(ValueError) as raised:
        jax.eval_shape(fn, y_true, y_pred)
    assert str(raised.value) == message


def test_axis_is_an_integer():
    with pytest.raises(TypeError) as raised:
        losses.categorical_crossentropy(np.eye(3), np.eye(3), axis=True)
    assert str(raised.value) == (
        "categorical_crossentropy: expected `axis` to be an integer, got True (bool). Use axis=-1."
    )


def test_axis_is_an_axis():
    with pytest.raises(ValueError) as raised:
        losses.cosine_similarity(np.eye(3), np.eye(3), axis=2)
    assert str(raised.value) == (
        "cosine_similarity: expected `axis` to be an axis of `y_pred`, got axis=2 for shape (3, "
        "3). "
        "Use axis=-1 for classes on the last axis."
    )


@pytest.mark.parametrize(
    ("targets", "outputs", "values"),
    [
        ((3,), (3, 1), (3,)),
        ((3, 1), (3,), (3,)),
        ((3, 5, 1), (3, 5), (3,)),
        ((3, 5), (3, 5, 1), (3,)),
        ((3, 1), (3, 4), (3,)),
        ((3,), (3,), ()),
    ],
)
def test_ranks_meet_as_in_keras(targets, outputs, values):
    shape = jax.eval_shape(losses.mean_squared_error, spec(*targets), spec(*outputs)).shape
    assert shape == values


def test_a_loss_reads_outputs_without_axes_as_one_number_an_example():
    assert jax.eval_shape(losses.MeanSquaredError().values, spec(3), spec(3)).shape == (3,)
