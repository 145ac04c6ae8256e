"""Intersection over union of small maps, and of labels that do not count."""

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import metrics

TRUE = jnp.array([[0, 0, 1, 1], [2, 2, 2, 0]])
PRED = jnp.array([[0, 1, 1, 1], [2, 0, 2, 0]])


def value(metric, *batch):
    return float(metric.compute(metric.update(metric.init(), *batch)))


def test_the_matrix_has_true_classes_in_rows():
    metric = metrics.MeanIoU(3)
    matrix = metric.update(metric.init(), TRUE, PRED)["confusion_matrix"]
    np.testing.assert_array_equal(matrix, [[2, 1, 0], [0, 2, 0], [1, 0, 2]])


def test_the_mean_is_over_the_target_classes_that_occur():
    shares = [2 / 4, 2 / 3, 2 / 3]
    assert value(metrics.MeanIoU(3), TRUE, PRED) == pytest.approx(np.mean(shares))
    assert value(metrics.MeanIoU(7), TRUE, PRED) == pytest.approx(np.mean(shares))
    assert value(metrics.IoU(7, [0, 2, 5]), TRUE, PRED) == pytest.approx(
        (shares[0] + shares[2]) / 2
    )


def test_labels_outside_the_classes_and_ignored_ones_do_not_count():
    assert value(metrics.MeanIoU(2), TRUE, PRED) == pytest.approx((2 / 3 + 2 / 3) / 2)
    ignoring = metrics.MeanIoU(3, ignore_class=2)
    assert value(ignoring, TRUE, PRED) == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert value(metrics.MeanIoU(3, ignore_class=-1), -1 * jnp.ones((2, 4)), PRED) == 0


def test_weights_may_be_fractions_and_go_with_examples_or_labels():
    by_example = value(metrics.IoU(3, [0]), TRUE, PRED, jnp.array([0.5, 2.0]))
    assert by_example == pytest.approx(2.5 / (2.5 + 0.5 + 2.0))
    by_label = value(metrics.IoU(3, [0]), TRUE, PRED, jnp.ones((2, 4)).at[0, 1].set(0))
    assert by_label == pytest.approx(2 / 3)


def test_scores_and_one_hot_targets_mean_their_largest():
    one_hot, scores = jnp.eye(3)[TRUE], 5 * jnp.eye(3)[PRED] - 1
    plain = value(metrics.MeanIoU(3), TRUE, PRED)
    assert value(metrics.OneHotMeanIoU(3), one_hot, scores) == plain
    assert value(metrics.MeanIoU(3, sparse_y_pred=False), TRUE, scores) == plain
    first = metrics.OneHotMeanIoU(3, axis=1)
    assert value(first, jnp.moveaxis(one_hot, -1, 1), jnp.moveaxis(scores, -1, 1)) == plain
    assert metrics.OneHotIoU(3, [0]).sparse_y_true is False


def test_a_score_at_the_threshold_is_yes():
    assert value(metrics.BinaryIoU([1]), jnp.array([1, 1]), jnp.array([0.5, 0.4])) > 0.49


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: metrics.IoU(2, [0, 2]),
            "IoU: expected `target_class_ids` from 0 to 1, got (0, 2). Classes count from 0.",
        ),
        (
            lambda: metrics.MeanIoU(0),
            "MeanIoU: `num_classes`: expected 1 or more, got 0. Count the background as a class.",
        ),
        (
            lambda: value(metrics.MeanIoU(3), TRUE, jnp.eye(3)[PRED]),
            "MeanIoU: expected as many labels in `y_true` as in `y_pred`, got shapes (2, 4) and "
            "(2, 4, 3). For scores of classes use OneHotIoU, or sparse_y_pred=False.",
        ),
    ],
)
def test_the_message_says_what_fits(make, message):
    with pytest.raises(ValueError) as raised:
        make()
    assert str(raised.value) == message
