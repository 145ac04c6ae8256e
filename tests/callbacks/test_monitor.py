"""Which way is better, and whether it became better."""

import math
from types import SimpleNamespace

import pytest

import jkeras
from jkeras.callbacks import EarlyStopping
from jkeras.callbacks.monitor import MonitorCallback, direction
from jkeras.metrics import AUC, FalsePositives, MeanSquaredError

RISING = [
    "acc", "accuracy", "auc", "binary_accuracy", "binary_io_u", "categorical_accuracy",
    "concordance_correlation", "cosine_similarity", "f1_score", "fbeta_score", "io_u",
    "mean_io_u", "one_hot_mean_io_u", "pearson_correlation", "precision", "precision_at_recall",
    "r2_score", "recall", "recall_at_precision", "sensitivity_at_specificity",
    "specificity_at_sensitivity", "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy", "top_k_categorical_accuracy",
]  # fmt: skip
FALLING = [
    "binary_crossentropy", "categorical_crossentropy", "categorical_hinge", "hinge",
    "kl_divergence", "logcosh", "loss", "head_loss", "mae", "mean_absolute_error",
    "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_logarithmic_error",
    "mse", "poisson", "root_mean_squared_error", "sparse_categorical_crossentropy",
    "squared_hinge",
]  # fmt: skip
NEITHER = ["false_negatives", "false_positives", "true_negatives", "true_positives", "mean", "sum"]


def test_metrics_rise_and_fall_as_keras_says() -> None:
    """The names of Keras's metrics, by the `_direction` each has there."""
    for names, expected in ((RISING, True), (FALLING, False), (NEITHER, None)):
        assert {name: direction(f"val_{name}") for name in names} == dict.fromkeys(names, expected)


def test_the_class_of_the_models_metric_counts_more_than_its_name() -> None:
    metrics = [AUC(name="quality"), MeanSquaredError(name="accuracy"), FalsePositives(name="x")]
    found = [direction(name, metrics) for name in ("val_quality", "accuracy", "x")]
    assert found == [True, False, None]


@pytest.mark.parametrize("mode", ["min", "max"])
def test_improvements_have_to_exceed_the_least_change(mode: str) -> None:
    sign = 1 if mode == "max" else -1
    watcher = MonitorCallback("x", mode=mode, min_delta=-0.5)  # type: ignore[arg-type]
    assert [watcher.improves(sign * value, 0.0) for value in (0.0, 0.5, 0.75)] == [
        False, False, True,
    ]  # fmt: skip
    assert watcher.improves(1.0, None) and not watcher.improves(math.nan, None)


def test_differences_below_float32_are_ties() -> None:
    watcher = MonitorCallback("loss")
    assert not watcher.improves(1.0 - 1e-9, 1.0) and watcher.improves(1.0 - 1e-6, 1.0)


def test_a_metric_without_a_direction_is_asked_for_before_training() -> None:
    model = SimpleNamespace(metrics_names=["loss", "false_positives"], metrics=[])
    stop = EarlyStopping("val_false_positives")
    stop.set_model(model)
    with pytest.raises(ValueError) as caught:
        stop.on_train_begin()
    assert str(caught.value) == (
        "EarlyStopping: `mode`: cannot tell whether 'val_false_positives' is better when it is "
        "smaller or larger. Say so: mode='min' or mode='max'."
    )


def test_a_compiled_model_tells_its_metrics() -> None:
    model = jkeras.Sequential([jkeras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[AUC(name="quality")], weighted_metrics=["mae"])
    assert {"quality", "mae"} <= {metric.log_name for metric in model.metrics}
    stop = EarlyStopping("val_quality")
    stop.set_model(model)
    stop.on_train_begin()
    assert stop.rises()


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            {"monitor": None},
            TypeError,
            "EarlyStopping: `monitor`: expected the name of a value in the logs, such as "
            "'val_loss', got None (NoneType).",
        ),
        (
            {"mode": "down"},
            ValueError,
            "EarlyStopping: `mode`: expected 'auto', 'min' or 'max', got 'down'.",
        ),
        (
            {"patence": 3},
            TypeError,
            "EarlyStopping: unexpected argument `patence`. Did you mean 'patience'? Arguments: "
            "monitor, min_delta, patience, verbose, mode, baseline, restore_best_weights, "
            "start_from_epoch.",
        ),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict, kind: type, message: str) -> None:
    with pytest.raises(kind) as caught:
        EarlyStopping(**arguments)
    assert str(caught.value) == message


def test_a_value_with_axes_cannot_be_watched() -> None:
    with pytest.raises(ValueError) as caught:
        MonitorCallback("each").value_in({"each": [0.1, 0.2]})
    assert str(caught.value) == (
        "MonitorCallback: `monitor`: expected one number as 'each', got [0.1, 0.2] (list). Watch a "
        "metric that returns a single number."
    )
