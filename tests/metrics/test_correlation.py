"""R² and correlations against NumPy, and where there is nothing that varies."""

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import metrics

rng = np.random.default_rng(0)
TRUE = rng.normal(size=(12, 4)).astype(np.float32)
PRED = (TRUE + 0.5 * rng.normal(size=(12, 4)) + 0.2).astype(np.float32)


def value(metric, y_true=TRUE, y_pred=PRED, weight=None):
    return np.asarray(metric.compute(metric.update(metric.init(), y_true, y_pred, weight)))


def test_r2_is_the_share_of_the_variance_that_is_explained():
    each = 1 - np.sum((TRUE - PRED) ** 2, 0) / np.sum((TRUE - TRUE.mean(0)) ** 2, 0)
    np.testing.assert_allclose(value(metrics.R2Score(None)), each, rtol=1e-5)
    np.testing.assert_allclose(value(metrics.R2Score()), each.mean(), rtol=1e-5)
    by_variance = np.average(each, weights=TRUE.var(0))
    found = value(metrics.R2Score("variance_weighted_average"))
    np.testing.assert_allclose(found, by_variance, rtol=1e-5)


def test_r2_of_equal_numbers_is_one_and_of_the_mean_is_zero():
    np.testing.assert_allclose(value(metrics.R2Score(), TRUE, TRUE), 1.0)
    mean = np.broadcast_to(TRUE.mean(0), TRUE.shape)
    np.testing.assert_allclose(value(metrics.R2Score(), TRUE, mean), 0.0, atol=1e-5)


def test_targets_that_do_not_vary_score_zero():
    ones = np.ones((3, 1), np.float32)
    assert value(metrics.R2Score(), ones, ones) == 0
    assert value(metrics.R2Score(), ones, 2 * ones) == 0


def test_the_adjusted_score_counts_real_examples_only():
    plain = float(value(metrics.R2Score()))
    adjusted = 1 - (1 - plain) * (12 - 1) / (12 - 5 - 1)
    metric = metrics.R2Score(num_regressors=5)
    np.testing.assert_allclose(value(metric), adjusted, rtol=1e-5)
    padded = [np.concatenate([y, np.full((3, 4), np.nan, np.float32)]) for y in (TRUE, PRED)]
    found = value(metric, *padded, jnp.arange(15) < 12)
    np.testing.assert_allclose(found, adjusted, rtol=1e-5)
    np.testing.assert_allclose(value(metrics.R2Score(num_regressors=11)), plain, rtol=1e-6)


def test_correlations_are_those_of_numpy():
    rows = [np.corrcoef(t, p)[0, 1] for t, p in zip(TRUE, PRED, strict=True)]
    np.testing.assert_allclose(metrics.pearson_correlation(TRUE, PRED), rows, rtol=1e-5)
    np.testing.assert_allclose(value(metrics.PearsonCorrelation()), np.mean(rows), rtol=1e-5)
    columns = metrics.pearson_correlation(TRUE, PRED, axis=0)
    np.testing.assert_allclose(columns[0], np.corrcoef(TRUE[:, 0], PRED[:, 0])[0, 1], rtol=1e-5)


def test_concordance_is_lower_where_means_or_scales_differ():
    shifted, scaled, same = (
        float(metrics.concordance_correlation(TRUE[:1], y)[0])
        for y in (TRUE[:1] + 1, 2 * TRUE[:1], TRUE[:1])
    )
    assert shifted < same and scaled < same
    np.testing.assert_allclose(same, 1.0, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: metrics.R2Score("uniform_averag"),
            "R2Score: `class_aggregation`: unknown class aggregation 'uniform_averag'. Did you "
            "mean 'uniform_average'? Known: uniform_average, variance_weighted_average.",
        ),
        (
            lambda: metrics.R2Score(num_regressors=-1),
            "R2Score 'r2_score': expected `num_regressors` >= 0, got -1. With 0 the score is not "
            "adjusted.",
        ),
        (
            lambda: value(metrics.R2Score(), np.zeros((2, 3, 1)), np.zeros((2, 3, 1))),
            "R2Score 'r2_score': expected `y_true` and `y_pred` [batch, outputs], got shapes "
            "(2, 3, 1) and (2, 3, 1). Flatten what stands behind the batch axis.",
        ),
        (
            lambda: value(metrics.PearsonCorrelation(axis=0)),
            "PearsonCorrelation 'pearson_correlation': expected `axis` not to be the batch's, got "
            "axis=0 for outputs of shape (12, 4): batches would not add up. Use R2Score, or the "
            "function.",
        ),
    ],
)
def test_the_message_says_what_fits(make, message):
    with pytest.raises(ValueError) as raised:
        make()
    assert str(raised.value) == message
