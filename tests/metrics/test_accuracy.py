"""Accuracies on shapes that do not match, on equal scores and on NaN."""

import jax
import jax.numpy as jnp
import pytest

from jkeras import metrics

NAN = float("nan")


def spec(*shape):
    return jax.ShapeDtypeStruct(shape, "float32")


@pytest.mark.parametrize(
    ("fn", "y_true", "y_pred", "message"),
    [
        (
            metrics.sparse_categorical_accuracy,
            spec(32, 10),
            spec(32, 10),
            "sparse_categorical_accuracy: expected `y_true` class indices of shape (32,) or (32, "
            "1), "
            'got shape (32, 10). For one-hot targets use "categorical_accuracy", or pass '
            "y.argmax(-1).",
        ),
        (
            metrics.categorical_accuracy,
            spec(32),
            spec(32, 10),
            "categorical_accuracy: expected one-hot `y_true` of shape (32, 10), got shape (32,). "
            'For class indices use "sparse_categorical_accuracy", or pass '
            "jkeras.utils.to_categorical(y, 10).",
        ),
        (
            metrics.top_k_categorical_accuracy,
            spec(32, 1),
            spec(32, 10),
            "top_k_categorical_accuracy: expected one-hot `y_true` of shape (32, 10), got shape "
            '(32, 1). For class indices use "sparse_top_k_categorical_accuracy", or pass '
            "jkeras.utils.to_categorical(y, 10).",
        ),
    ],
)
def test_the_message_says_what_fits(fn, y_true, y_pred, message):
    with pytest.raises(ValueError) as raised:
        jax.eval_shape(fn, y_true, y_pred)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("labels", "scores", "k", "expected"),
    [
        ([0, 2], [[1.0, 1.0, 2.0], [1.0, 1.0, 2.0]], 1, [0.0, 1.0]),
        ([0, 1], [[1.0, 1.0, 2.0], [1.0, 1.0, 2.0]], 2, [1.0, 1.0]),
        ([0, 1], [[NAN, 1.0, 2.0], [1.0, 1.0, 1.0]], 1, [0.0, 1.0]),
        ([0, 1], [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], 7, [1.0, 1.0]),
        ([5, -1], [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], 3, [0.0, 0.0]),
    ],
)
def test_top_k_of_ties_of_nan_and_of_labels_out_of_range(labels, scores, k, expected):
    found = metrics.sparse_top_k_categorical_accuracy(jnp.array(labels), jnp.array(scores), k)
    assert found.tolist() == expected


@pytest.mark.parametrize(
    "make", [metrics.TopKCategoricalAccuracy, metrics.SparseTopKCategoricalAccuracy]
)
def test_k_is_positive(make):
    with pytest.raises(ValueError) as raised:
        make(0)
    assert str(raised.value) == f"{make.__name__}: expected `k` > 0, got 0. Keras uses k=5."
