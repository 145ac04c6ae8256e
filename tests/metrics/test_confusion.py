"""Precision and recall with arguments and shapes that do not fit."""

import jax
import jax.numpy as jnp
import pytest

from jkeras import metrics

TEN = jax.ShapeDtypeStruct((32, 10), "float32")


def update(metric, y_true, y_pred):
    return jax.eval_shape(metric.update, metric.init(), y_true, y_pred)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: metrics.Precision(thresholds=[0.5, 1.5]),
            "Precision: `thresholds`: expected thresholds between 0 and 1, got 1.5. Use 0.5.",
        ),
        (
            lambda: metrics.Recall(top_k=0),
            "Recall: expected `top_k` > 0, got 0. Use top_k=1.",
        ),
        (
            lambda: metrics.Recall(class_id=-1),
            "Recall: expected `class_id` >= 0, got -1. Classes count from 0.",
        ),
        (
            lambda: update(metrics.Precision(), jax.ShapeDtypeStruct((32,), "int32"), TEN),
            "Precision: expected `y_true` of shape (32, 10) like the outputs, got "
            "shape "
            "(32,). For class indices pass one-hot targets: jkeras.utils.to_categorical(y, 10).",
        ),
        (
            lambda: update(metrics.Precision(top_k=11), TEN, TEN),
            "Precision: expected `top_k` of at most 10, the number of classes, got 11. "
            "Use a smaller one, or leave it out.",
        ),
        (
            lambda: update(metrics.Recall(class_id=10), TEN, TEN),
            "Recall: expected `class_id` from 0 to 9, got 10 for outputs of 10 classes. "
            "Classes count from 0.",
        ),
    ],
)
def test_the_message_says_what_fits(make, message):
    with pytest.raises(ValueError) as raised:
        make()
    assert str(raised.value) == message


def test_one_threshold_gives_a_number_and_several_give_several():
    y_true, y_pred = jnp.array([[1, 0, 1]]), jnp.array([[0.9, 0.6, 0.3]])
    for thresholds, expected in ((None, 0.5), (0.7, 1.0), ([0.2, 0.7], [2 / 3, 1.0])):
        metric = metrics.Precision(thresholds)
        value = metric.compute(metric.update(metric.init(), y_true, y_pred))
        assert value.tolist() == pytest.approx(expected)


def test_recall_counts_what_was_missed():
    metric = metrics.Recall()
    sums = metric.update(metric.init(), jnp.array([1, 0, 1, 1]), jnp.array([0.9, 0.6, 0.3, 0.1]))
    assert {name: leaf.tolist() for name, leaf in sums.items()} == {
        "true_positives": [1.0],
        "false_negatives": [2.0],
    }


def test_each_count_counts_its_own():
    y_true, y_pred = jnp.array([1, 1, 1, 0, 0, 0]), jnp.array([0.9, 0.8, 0.3, 0.7, 0.2, 0.1])
    weight = jnp.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    kinds = ("TruePositives", "FalseNegatives", "FalsePositives", "TrueNegatives")
    found = [float(getattr(metrics, kind)()(y_true, y_pred, weight)) for kind in kinds]
    assert found == [3.0, 3.0, 4.0, 11.0]


def test_with_top_k_one_axis_is_one_row():
    y_true, y_pred = jnp.array([0, 1, 1, 0, 0]), jnp.array([0.2, 0.1, 0.5, 0.0, 0.2])
    assert float(metrics.Precision(top_k=3)(y_true, y_pred)) == pytest.approx(1 / 3)
    weighted = metrics.Recall(top_k=3)(y_true, y_pred, jnp.array([1.0, 4.0, 2.0, 3.0, 5.0]))
    assert float(weighted) == pytest.approx(2 / 6)


def test_a_threshold_is_a_number():
    with pytest.raises(TypeError) as raised:
        metrics.Recall(["a"])
    assert str(raised.value) == "Recall: `thresholds`: expected a number, got 'a' (str)."


def test_targets_may_be_true_and_false_under_strict_promotion():
    yes, score = jnp.array([True, False, True]), jnp.array([0.9, 0.8, 0.1])
    for metric, wanted in ((metrics.Precision(), 0.5), (metrics.Recall(), 0.5)):
        with jax.numpy_dtype_promotion("strict"):
            found = metric.compute(metric.update(metric.init(), yes, score))
        assert float(found) == wanted
