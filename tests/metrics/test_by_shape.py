"""The words "accuracy" and "crossentropy" become a metric when they see shapes."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from jkeras import metrics

IDS = np.array([2, 0, 1, 1])
ONE_HOT = np.eye(3, dtype=np.float32)[IDS]
SCORES = np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1], [0.5, 0.3, 0.2], [0.2, 0.5, 0.3]], np.float32)


@pytest.mark.parametrize(
    ("y_true", "y_pred", "exact"),
    [
        (IDS, SCORES, metrics.SparseCategoricalAccuracy()),
        (IDS[:, None], SCORES, metrics.SparseCategoricalAccuracy()),
        (ONE_HOT, SCORES, metrics.CategoricalAccuracy()),
        (ONE_HOT[:, :1], SCORES[:, 2:], metrics.BinaryAccuracy()),
    ],
    ids=["sparse", "sparse column", "one-hot", "binary"],
)
def test_accuracy_is_the_one_the_shapes_call_for(
    y_true: np.ndarray, y_pred: np.ndarray, exact: metrics.Metric
) -> None:
    word = metrics.get("accuracy")
    got = jax.jit(lambda a, b: word.update(word.init(), a, b))(y_true, y_pred)
    expected = exact.update(exact.init(), y_true, y_pred)
    assert float(word.compute(got)) == float(exact.compute(expected))


def test_the_word_is_kept_for_the_logs() -> None:
    assert [metrics.get(word).log_name for word in ("accuracy", "acc", "ce")] == [
        "accuracy",
        "acc",
        "ce",
    ]


def test_crossentropy_is_resolved_too() -> None:
    word, exact = metrics.get("crossentropy"), metrics.SparseCategoricalCrossentropy()
    got = word.compute(word.update(word.init(), IDS, SCORES))
    expected = exact.compute(exact.update(exact.init(), IDS, SCORES))
    assert float(got) == float(expected)


def test_weights_reach_the_metric_that_is_chosen() -> None:
    word = metrics.get("acc")
    sums = word.update(word.init(), IDS, SCORES, np.array([1.0, 1.0, 0.0, 1.0], np.float32))
    assert float(word.compute(sums)) == 1.0
