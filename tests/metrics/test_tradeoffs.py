"""The best of one rate where another reaches a level: against a search by hand."""

import numpy as np
import pytest

from jkeras import metrics

rng = np.random.default_rng(0)
TRUE = rng.integers(0, 2, 50)
PRED = rng.uniform(size=50).astype(np.float32)
KINDS = {
    "SensitivityAtSpecificity": ("specificity", "recall"),
    "SpecificityAtSensitivity": ("recall", "specificity"),
    "PrecisionAtRecall": ("recall", "precision"),
    "RecallAtPrecision": ("precision", "recall"),
}


def rates(threshold):
    yes = PRED > np.float32(threshold)
    right, wrong = np.sum(yes & (TRUE == 1)), np.sum(yes & (TRUE == 0))
    return {
        "recall": right / np.sum(TRUE == 1),
        "precision": right / max(right + wrong, 1),
        "specificity": 1 - wrong / np.sum(TRUE == 0),
    }


def found(name, level, **arguments):
    metric = getattr(metrics, name)(level, **arguments)
    return float(metric.compute(metric.update(metric.init(), TRUE, PRED)))


@pytest.mark.parametrize("name", KINDS)
def test_it_is_the_best_over_all_thresholds(name):
    given, wanted = KINDS[name]
    tried = [rates(i / 20) for i in range(21)]
    best = max(rate[wanted] for rate in tried if rate[given] >= 0.6)
    assert found(name, 0.6, num_thresholds=21) == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("name", KINDS)
def test_a_higher_level_never_gives_more(name):
    values = [found(name, level) for level in (0.0, 0.3, 0.6, 0.9)]
    assert values == sorted(values, reverse=True)


def test_a_level_that_no_threshold_reaches_gives_zero():
    assert found("RecallAtPrecision", 1.0, num_thresholds=1) == 0.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: metrics.PrecisionAtRecall(1.5),
            "PrecisionAtRecall: `recall`: expected a number between 0 and 1, got 1.5. Use 0.5.",
        ),
        (
            lambda: metrics.RecallAtPrecision(0.5, num_thresholds=0),
            "RecallAtPrecision: expected `num_thresholds` > 0, got 0. Keras uses "
            "num_thresholds=200.",
        ),
        (
            lambda: found("SensitivityAtSpecificity", 0.5, class_id=1),
            "SensitivityAtSpecificity: expected `class_id` from 0 to 0, got 1 for outputs of 1 "
            "classes. Classes count from 0.",
        ),
    ],
)
def test_the_message_says_what_fits(make, message):
    with pytest.raises(ValueError) as raised:
        make()
    assert str(raised.value) == message
