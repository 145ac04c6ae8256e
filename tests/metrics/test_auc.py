"""Areas under curves: against every pair counted, in their limits, and with arguments that do not
fit.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import metrics

rng = np.random.default_rng(0)
TRUE = rng.integers(0, 2, (30, 3))
PRED = np.clip(rng.uniform(size=(30, 3)) + 0.3 * (TRUE - 0.5), 0, 1).astype(np.float32)


def area(y_true=TRUE, y_pred=PRED, weight=None, **arguments):
    metric = metrics.AUC(**arguments)
    return float(metric.compute(metric.update(metric.init(), y_true, y_pred, weight)))


def share_of_ordered_pairs(y_true, y_pred):
    yes, no = y_pred[y_true == 1], y_pred[y_true == 0]
    return np.mean([(a > b) + 0.5 * (a == b) for a, b in itertools.product(yes, no)])


def test_with_many_thresholds_roc_is_the_share_of_pairs_in_order():
    assert area(num_thresholds=4001) == pytest.approx(share_of_ordered_pairs(TRUE, PRED), abs=1e-3)


def test_turning_the_scores_around_turns_the_area_around():
    assert area(y_pred=1 - PRED) == pytest.approx(1 - area(), abs=1e-3)


@pytest.mark.parametrize("curve", ["ROC", "pr", "PRGAIN"])
@pytest.mark.parametrize("method", ["interpolation", "Majoring"])
def test_a_perfect_answer_has_area_one(curve, method):
    found = area(y_pred=TRUE.astype(np.float32), curve=curve, summation_method=method)
    assert found == pytest.approx(1.0, abs=1e-6)


def test_the_lower_sum_is_below_the_upper_one():
    methods = ("minoring", "interpolation", "majoring")
    low, middle, high = (area(summation_method=method, num_thresholds=9) for method in methods)
    assert low < middle < high


def test_many_labels_have_the_mean_of_their_areas():
    each = [area(TRUE[:, i], PRED[:, i]) for i in range(3)]
    assert area(multi_label=True) == pytest.approx(np.mean(each))
    weighted = area(multi_label=True, num_labels=3, label_weights=np.array([1.0, 2.0, 0.0]))
    assert weighted == pytest.approx((each[0] + 2 * each[1]) / 3)


def test_a_weight_of_zero_takes_a_label_out():
    assert area(label_weights=[1, 1, 0]) == pytest.approx(area(TRUE[:, :2], PRED[:, :2]))


def test_logits_go_through_the_sigmoid():
    logits = np.log(PRED + 1e-3) - np.log(1 - PRED + 1e-3)
    plain = area(y_pred=np.asarray(jax.nn.sigmoid(logits)))
    assert area(y_pred=logits, from_logits=True) == pytest.approx(plain)


def test_a_carry_of_many_labels_keeps_its_shape():
    metric = metrics.AUC(multi_label=True)
    sums = metric.init_for(TRUE, PRED)
    assert {leaf.shape for leaf in jax.tree.leaves(sums)} == {(200, 3)}
    assert {leaf.shape for leaf in jax.tree.leaves(metric.init())} == {(200, 1)}


@pytest.mark.parametrize(
    ("error", "make", "message"),
    [
        (
            ValueError,
            lambda: metrics.AUC(num_thresholds=1),
            "AUC: expected `num_thresholds` > 1, got 1. Keras uses num_thresholds=200.",
        ),
        (
            ValueError,
            lambda: metrics.AUC(curve="ROCK"),
            "AUC: `curve`: unknown curve 'ROCK'. Did you mean 'roc'? Known: pr, prgain, roc.",
        ),
        (
            TypeError,
            lambda: metrics.AUC(summation_method=2),
            "AUC: `summation_method`: expected a summation method's name, got 2 (int). Known: "
            "('interpolation', 'minoring', 'majoring').",
        ),
        (
            ValueError,
            lambda: metrics.AUC(thresholds=[0.5, 2.0]),
            "AUC: `thresholds`: expected thresholds between 0 and 1, got 2. Use 0.5.",
        ),
        (
            ValueError,
            lambda: metrics.AUC(num_labels=3),
            "AUC: expected `num_labels` only with multi_label=True, got 3. Add multi_label=True, "
            "or leave it out.",
        ),
        (
            ValueError,
            lambda: area(multi_label=True, num_labels=4),
            "AUC: expected `y_pred` [batch, 4], got shape (30, 3). With multi_label=True every "
            "column is a label of its own.",
        ),
        (
            ValueError,
            lambda: area(label_weights=[1.0, 2.0]),
            "AUC: expected `label_weights` with one number for each of 3 labels, got 2 numbers.",
        ),
        (
            ValueError,
            lambda: area(jnp.zeros(30), PRED),
            "AUC: expected `y_true` of shape (30, 3) like the outputs, got shape (30,). For class "
            "indices pass one-hot targets: jkeras.utils.to_categorical(y, 3).",
        ),
    ],
)
def test_the_message_says_what_fits(error, make, message):
    with pytest.raises(error) as raised:
        make()
    assert str(raised.value) == message
