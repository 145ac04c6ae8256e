"""From words, classes, objects and functions to metrics."""

import jax.numpy as jnp
import pytest

from jkeras import losses, metrics
from jkeras.metrics import registry


def identity(y_true, y_pred):
    return y_pred[:, 0]


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("mse", metrics.MeanSquaredError("mse")),
        ("MSE", metrics.MeanSquaredError("MSE")),
        ("MeanSquaredError", metrics.MeanSquaredError("MeanSquaredError")),
        ("precision", metrics.Precision()),
        ("auc", metrics.AUC()),
        ("f1_score", metrics.F1Score()),
        ("r2_score", metrics.R2Score()),
        ("AUC", metrics.AUC(name="AUC")),
        ("top_k_categorical_accuracy", metrics.TopKCategoricalAccuracy()),
        ("cosine_similarity", metrics.CosineSimilarity()),
        ("huber", metrics.LossMetric(losses.Huber(name="huber"), "huber")),
        (metrics.Recall, metrics.Recall()),
        (metrics.Recall(0.3), metrics.Recall(0.3)),
        (metrics.binary_accuracy, metrics.BinaryAccuracy()),
        (losses.MeanSquaredError(), metrics.LossMetric(losses.MeanSquaredError())),
        (losses.mean_squared_error, metrics.LossMetric(losses.MeanSquaredError())),
        (identity, metrics.FunctionMetric(identity)),
    ],
)
def test_what_means_which_metric(identifier, expected):
    assert metrics.get(identifier) == expected
    assert hash(metrics.get(identifier)) == hash(expected)


@pytest.mark.parametrize("fn", sorted(losses.registry.FUNCTIONS, key=lambda fn: fn.__name__))
def test_every_loss_is_a_metric(fn):
    assert metrics.get(fn).log_name == metrics.get(fn.__name__).log_name == fn.__name__


def test_a_misspelt_name_gets_the_nearest():
    with pytest.raises(ValueError) as raised:
        metrics.get("Precison")
    assert str(raised.value) == (
        "unknown metric 'Precison'. Did you mean 'Precision'? Known: AUC, Accuracy, "
        "BinaryAccuracy, BinaryCrossentropy, BinaryIoU, CategoricalAccuracy, "
        "CategoricalCrossentropy, CategoricalHinge, ConcordanceCorrelation, CosineSimilarity, "
        "F1Score, FBetaScore, FalseNegatives, FalsePositives, Hinge, IoU, KLDivergence, "
        "LogCoshError, Mean, MeanAbsoluteError, MeanAbsolutePercentageError, MeanIoU, "
        "MeanSquaredError, MeanSquaredLogarithmicError, OneHotIoU, OneHotMeanIoU, "
        "PearsonCorrelation, Poisson, Precision, PrecisionAtRecall, R2Score, Recall, "
        "RecallAtPrecision, RootMeanSquaredError, SensitivityAtSpecificity, "
        "SparseCategoricalAccuracy, SparseCategoricalCrossentropy, SparseTopKCategoricalAccuracy, "
        "SpecificityAtSensitivity, SquaredHinge, Sum, TopKCategoricalAccuracy, TrueNegatives, "
        "TruePositives."
    )
    with pytest.raises(ValueError, match=r"^unknown metric 'acuracy'\. Did you mean 'accuracy'\?"):
        metrics.get("acuracy")


def test_a_word_cannot_say_what_the_metric_needs():
    with pytest.raises(ValueError) as raised:
        metrics.get("IoU")
    assert str(raised.value) == (
        "metric 'IoU' needs `num_classes`, `target_class_ids`: pass an object, "
        "jkeras.metrics.IoU(num_classes=…, target_class_ids=…)."
    )


def test_a_number_is_no_metric():
    with pytest.raises(TypeError) as raised:
        metrics.get(3)
    assert str(raised.value) == (
        "expected a metric: a name, a Metric, a class of metrics, a Loss or a function "
        '(y_true, y_pred), got 3 (int). For example metrics=["accuracy"].'
    )


def test_acc_waits_for_the_shapes():
    assert registry.get("acc") == registry.ByShape("acc")


@pytest.mark.parametrize("word", ["accuracy", "acc", "Accuracy", "ACC"])
def test_the_word_for_an_accuracy_stays_its_name(word):
    outputs = jnp.zeros((8, 3))
    found = metrics.resolve(word, jnp.zeros(8), outputs)
    assert found == metrics.SparseCategoricalAccuracy(word)
    assert metrics.resolve_accuracy(word, outputs, outputs) == metrics.CategoricalAccuracy(word)


def test_crossentropy_is_a_metric_too():
    found = metrics.resolve("ce", jnp.zeros(8), jnp.zeros((8, 3)))
    assert found.log_name == "ce" and type(found.loss) is losses.SparseCategoricalCrossentropy


def test_positional_arguments_stand_in_the_order_of_keras():
    assert metrics.BinaryAccuracy("b", None, 0.3).threshold == 0.3
    assert metrics.TopKCategoricalAccuracy(3, "t").log_name == "t"
    assert metrics.Precision(0.3, 2, 1, "p").class_id == 1
    auc = metrics.AUC(9, "pr", "majoring", "a", None, [0.5], True, 3, [1, 2, 3], True)
    assert (auc.curve, auc.num_labels, auc.label_weights) == ("PR", 3, (1.0, 2.0, 3.0))
    assert metrics.IoU(3, [1], "i", None, 2, False, False, 1).axis == 1
    assert metrics.FBetaScore("micro", 2.0, 0.5, "f").threshold == 0.5
    assert metrics.SparseCategoricalCrossentropy("s", None, True, 2, 1).ignore_class == 2
