"""Numbers against their targets."""

from pathlib import Path

import numpy as np
import pytest

from jkeras.display.result_figures import regression_plot, regression_scores

pytest.importorskip("matplotlib", reason="figures need the extra `plots`")
RNG = np.random.default_rng(0)


def test_scores_are_those_of_sklearn() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="the oracle")
    true, predicted = RNG.normal(size=(2, 50))
    scores = regression_scores(true, predicted)
    assert scores == pytest.approx(
        {
            "MAE": metrics.mean_absolute_error(true, predicted),
            "RMSE": metrics.root_mean_squared_error(true, predicted),
            "R2": metrics.r2_score(true, predicted),
            "bias": np.mean(predicted - true),
        }
    )


def test_equal_targets_have_no_r2() -> None:
    assert np.isnan(regression_scores([1.0, 1.0], [1.0, 2.0])["R2"])


def test_points_are_predictions_and_residuals(tmp_path: Path) -> None:
    figure = regression_plot([1.0, 2.0], [1.5, 1.5], path=tmp_path / "plot.png")
    left, right = figure.axes
    assert left.collections[0].get_offsets().tolist() == [[1.0, 1.5], [2.0, 1.5]]
    assert right.collections[0].get_offsets().tolist() == [[1.5, 0.5], [1.5, -0.5]]
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_many_points_are_thinned_out_and_what_is_not_finite_is_left_out() -> None:
    values = np.arange(9000.0)
    values[0] = np.nan
    figure = regression_plot(values, np.nan_to_num(values))
    assert len(figure.axes[0].collections[0].get_offsets()) == 1799


@pytest.mark.parametrize(
    ("pair", "text"),
    [
        (([1.0], [1.0, 2.0]), "expected one value of `y_pred` for each of `y_true` (1), got 2."),
        (([], []), "regression_plot: expected at least one example, got none."),
    ],
    ids=["lengths", "empty"],
)
def test_wrong_numbers(pair: tuple[list[float], list[float]], text: str) -> None:
    with pytest.raises(ValueError) as caught:
        regression_plot(*pair)
    assert str(caught.value) == text
