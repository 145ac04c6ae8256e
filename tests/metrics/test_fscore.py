"""F-scores against precision and recall, and their averages."""

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import metrics

rng = np.random.default_rng(0)
TRUE = rng.integers(0, 2, (20, 3))
PRED = rng.uniform(size=(20, 3)).astype(np.float32)


def value(metric, y_true=TRUE, y_pred=PRED):
    return np.asarray(metric.compute(metric.update(metric.init(), y_true, y_pred)))


def score_of(index, beta):
    p, r = (float(value(kind(0.4, class_id=index))) for kind in (metrics.Precision, metrics.Recall))
    return (1 + beta**2) * p * r / (beta**2 * p + r)


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_it_is_the_weighted_harmonic_mean_of_precision_and_recall(beta):
    each = [score_of(i, beta) for i in range(3)]
    np.testing.assert_allclose(value(metrics.FBetaScore(beta=beta, threshold=0.4)), each, rtol=1e-5)
    macro = value(metrics.FBetaScore("macro", beta, 0.4))
    np.testing.assert_allclose(macro, np.mean(each), rtol=1e-5)
    weighted = value(metrics.FBetaScore("weighted", beta, 0.4))
    np.testing.assert_allclose(weighted, np.average(each, weights=TRUE.sum(0)), rtol=1e-5)


def test_f1_is_the_one_with_beta_one():
    np.testing.assert_array_equal(value(metrics.F1Score()), value(metrics.FBetaScore()))
    assert value(metrics.F1Score("micro")).shape == ()


def test_without_a_threshold_all_largest_scores_are_yes_and_zeros_never_are():
    metric = metrics.F1Score()
    y_pred = jnp.array([[0.5, 0.5, 0.1], [0.0, 0.0, 0.0]])
    sums = metric.update(metric.init(), jnp.ones((2, 3)), y_pred)
    np.testing.assert_array_equal(sums["true_positives"], [1.0, 1.0, 0.0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: metrics.F1Score("mirco"),
            "F1Score: `average`: unknown average 'mirco'. Did you mean 'micro'? Known: macro, "
            "micro, weighted.",
        ),
        (
            lambda: metrics.FBetaScore(beta=0.0),
            "FBetaScore: `beta`: expected a number above 0, got 0.0. Use 1.0.",
        ),
        (
            lambda: metrics.F1Score(threshold=1.5),
            "F1Score: `threshold`: expected a number above 0 and up to 1, got 1.5. Use 0.5.",
        ),
        (
            lambda: value(metrics.F1Score(), np.zeros(20)),
            "F1Score 'f1_score': expected `y_true` and `y_pred` [batch, classes], got shapes (20,) "
            "and (20, 3). For class indices pass one-hot targets: "
            "jkeras.utils.to_categorical(y, 3).",
        ),
    ],
)
def test_the_message_says_what_fits(make, message):
    with pytest.raises(ValueError) as raised:
        make()
    assert str(raised.value) == message
