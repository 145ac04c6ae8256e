"""Curves over epochs and steps: pairs, gaps, the best place, scales, choices."""

import math
from typing import Any

import pytest

from jkeras.display.curves import checked_metrics, chosen_curves, curves_figure

pytest.importorskip("matplotlib", reason="figures need the extra `plots`")

CURVES = {
    "accuracy": ([1, 2, 3], [0.5, 0.75, 1.0]),
    "loss": ([1, 2, 3], [1.0, 0.5, math.nan]),
    "val_loss": ([2], [0.75]),
}


def points(line: Any) -> list[tuple[float, float]]:
    return list(zip(line.get_xdata().tolist(), line.get_ydata().tolist(), strict=True))


def test_a_curve_stands_at_its_own_places_and_gaps_are_left_out() -> None:
    accuracy, loss = curves_figure(CURVES).axes
    assert [axes.get_title() for axes in (accuracy, loss)] == ["accuracy", "loss"]
    training, validation = loss.lines
    assert points(training) == [(1, 1.0), (2, 0.5)]
    assert points(validation) == [(2, 0.75)]
    assert loss.get_xlim() == (0.5, 3.5) and loss.get_xlabel() == "epoch"


def test_a_star_marks_the_best_value_of_the_validation_or_of_the_training() -> None:
    figure = curves_figure(CURVES, best={"accuracy": 2, "loss": 1, "val_loss": 0})
    found = []
    for axes in figure.axes:
        star = axes.lines[-1]
        found.append((star.get_marker(), list(star.get_xdata()), star.get_label()))
    assert found == [
        ("*", [3], "best: 1.0000 (epoch 3)"),
        ("*", [2], "best: 0.7500 (epoch 2)"),
    ]
    assert len(curves_figure(CURVES, best={"loss": 1}).axes[1].lines) == 2  # the training's alone


def test_steps_can_be_counted_instead() -> None:
    axes = curves_figure({"loss": ([10, 20], [2.0, 1.0])}, unit="step", best={"loss": 1}).axes[0]
    assert axes.get_xlabel() == "step" and axes.get_xlim() == (0.5, 20.5)
    assert axes.lines[-1].get_label() == "best: 1.0000 (step 20)"


def test_a_logarithmic_scale_where_a_value_allows_it() -> None:
    curves = {"loss": ([1, 2], [1.0, 0.0]), "gain": ([1], [-1.0])}
    assert [axes.get_yscale() for axes in curves_figure(curves, log_scale=True).axes] == [
        "log",
        "linear",
    ]
    assert curves_figure(curves).axes[0].get_yscale() == "linear"
    curves_figure(curves, log_scale=True).canvas.draw()  # without a warning


def test_the_choice_of_metrics_keeps_pairs_together() -> None:
    assert list(chosen_curves("plot", CURVES, None)) == ["accuracy", "loss", "val_loss"]
    assert list(chosen_curves("plot", CURVES, ["val_loss", "accuracy"])) == [
        "loss",
        "val_loss",
        "accuracy",
    ]
    assert checked_metrics("plot", "loss") == ("loss",)
    with pytest.raises(ValueError) as caught:
        chosen_curves("plot", CURVES, "acuracy")
    assert str(caught.value) == (
        "plot: `metrics`: expected names among accuracy, loss, val_loss, got 'acuracy'. "
        "Did you mean 'accuracy'?"
    )


@pytest.mark.parametrize(
    ("metrics", "error", "text"),
    [
        (
            3,
            TypeError,
            "plot: `metrics`: expected names of logs such as ['loss', 'accuracy'], got 3 (int).",
        ),
        ([], ValueError, "plot: `metrics`: expected at least one name, got none."),
    ],
    ids=["number", "empty"],
)
def test_wrong_metrics(metrics: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        checked_metrics("plot", metrics)
    assert str(caught.value) == text
