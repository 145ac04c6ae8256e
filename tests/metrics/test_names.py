"""The names of metric objects: those of Keras."""

import pytest

from jkeras import metrics

NAMES = {
    metrics.AUC(): "auc",
    metrics.BinaryIoU(): "binary_io_u",
    metrics.FalseNegatives(): "false_negatives",
    metrics.MeanIoU(2): "mean_io_u",
    metrics.MeanMetricWrapper(abs): "mean_metric_wrapper",
    metrics.Precision(): "precision",
    metrics.PrecisionAtRecall(0.5): "precision_at_recall",
    metrics.Recall(): "recall",
    metrics.BinaryAccuracy(): "binary_accuracy",
    metrics.Recall(name="found"): "found",
}


@pytest.mark.parametrize("metric", NAMES, ids=str)
def test_a_metric_has_its_name(metric: metrics.Metric) -> None:
    assert metric.name == metric.log_name == NAMES[metric]
    if not isinstance(metric, metrics.MeanMetricWrapper):  # of a function that has no configuration
        assert metric.get_config()["name"] == metric.name
        assert type(metric).from_config(metric.get_config()) == metric


def test_a_name_of_the_class_is_not_shown() -> None:
    assert repr(metrics.Recall(0.3)) == "Recall(thresholds=0.3)"
    assert metrics.Recall().who == "Recall"
    assert metrics.Recall(name="found").who == "Recall 'found'"
    assert metrics.Recall() == metrics.Recall(name="recall")
