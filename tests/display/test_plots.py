"""Learning curves and prediction grids: the figures, and invalid data."""

import builtins
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jkeras.display.figures import new_figure
from jkeras.display.plots import learning_curves, prediction_grid

pytest.importorskip("matplotlib", reason="figures need the extra `plots`")

HISTORY = {
    "accuracy": [0.5, 0.75],
    "loss": [1.0, 0.5],
    "val_accuracy": [0.6, 0.7],
    "val_loss": [0.9, math.nan],
}
IMAGES = np.arange(4 * 6 * 5, dtype=np.uint8).reshape(4, 6, 5)


def titles(figure: Any) -> list[str]:
    return [axes.get_title() for axes in figure.axes]


def test_a_metric_and_its_validation_share_a_panel_and_a_color() -> None:
    figure = learning_curves(HISTORY)
    assert titles(figure) == ["accuracy", "loss"]
    training, validation = figure.axes[1].lines
    assert training.get_color() == validation.get_color()
    assert (training.get_linestyle(), validation.get_linestyle()) == ("-", "--")
    assert (training.get_label(), validation.get_label()) == ("training", "validation")


def test_epochs_count_from_one_with_whole_ticks() -> None:
    axes = learning_curves({"loss": [3.0, 2.0, 1.0]}).axes[0]
    assert axes.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert axes.lines[0].get_ydata().tolist() == [3.0, 2.0, 1.0]
    assert all(float(tick).is_integer() for tick in axes.get_xticks())


def test_a_title_stands_above_the_panels() -> None:
    assert learning_curves(HISTORY, title="MNIST").get_suptitle() == "MNIST"


def test_curves_are_saved_as_png(tmp_path: Path) -> None:
    learning_curves({f"m{index}": [1.0] for index in range(5)}, tmp_path / "curves.png")
    assert [file.name for file in tmp_path.iterdir()] == ["curves.png"]
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("history", "error", "text"),
    [
        (
            [1.0],
            TypeError,
            "learning_curves: expected `history` to map names to values, such as "
            "{'loss': [0.6, 0.3]}, got [1.0] (list). Pass `model.fit(...).history`.",
        ),
        (
            {},
            ValueError,
            "learning_curves: expected at least one epoch in `history`, got none.",
        ),
        (
            {"loss": []},
            ValueError,
            "learning_curves: expected at least one epoch in `history`, got none.",
        ),
        (
            {"loss": [1.0, 0.5], "val_loss": [1.0]},
            ValueError,
            "learning_curves: expected one value an epoch for every metric in `history`, got "
            "lengths loss 2, val_loss 1. Fill the epochs without a value with float('nan').",
        ),
    ],
)
def test_wrong_histories(history: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        learning_curves(history)
    assert str(caught.value) == text


@pytest.mark.parametrize("shape", [(2, 6, 5), (2, 6, 5, 1), (2, 6, 5, 3), (2, 6, 5, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_of_every_kind_are_drawn(tmp_path: Path, shape: Any, dtype: Any) -> None:
    images = np.full(shape, 1, dtype)
    figure = prediction_grid(images, path=tmp_path / "grid.png")
    assert len(figure.axes) == 2
    pixels = figure.axes[0].images[0].get_array()
    assert pixels.shape == (6, 5, *(shape[3:] if shape[-1] in (3, 4) else ()))
    np.testing.assert_allclose(pixels, 1 / 255 if dtype == np.uint8 else 1.0, rtol=1e-6)


def test_wrong_predictions_are_red_and_name_the_truth() -> None:
    figure = prediction_grid(IMAGES, [0, 1, 2, 1], [0, 2, 2, 1], class_names=["a", "b", "c"])
    assert titles(figure) == ["a", "c\ntrue: b", "c", "b"]
    colors = [axes.title.get_color() for axes in figure.axes]
    assert colors == ["black", "#C00000", "black", "black"]


def test_probabilities_show_the_share_of_the_winner() -> None:
    probabilities = [[0.25, 0.75], [0.9, 0.1]]
    assert titles(prediction_grid(IMAGES[:2], None, probabilities)) == ["1 (75%)", "0 (90%)"]
    assert titles(prediction_grid(IMAGES[:2], None, [[-2.0, 3.0], [1.0, 0.0]])) == ["1", "0"]


def test_true_classes_alone_are_captions() -> None:
    assert titles(prediction_grid(IMAGES, [3, 1, 0, 2])) == ["3", "1", "0", "2"]


def test_the_grid_shows_the_first_images() -> None:
    figure = prediction_grid(IMAGES, [3, 1, 0, 2], rows=1, columns=3)
    assert titles(figure) == ["3", "1", "0"]
    assert figure.axes[0].get_gridspec().get_geometry() == (1, 3)
    assert prediction_grid(IMAGES, columns=3).axes[0].get_gridspec().get_geometry() == (2, 3)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"images": IMAGES[0]},
            "prediction_grid: expected `images` [n, height, width] or [n, height, width, channels] "
            "with 1, 3 or 4 channels, got shape (6, 5). For one image write image[None].",
        ),
        (
            {"images": np.zeros((2, 4, 4, 2))},
            "prediction_grid: expected `images` [n, height, width] or [n, height, width, channels] "
            "with 1, 3 or 4 channels, got shape (2, 4, 4, 2). For one image write image[None].",
        ),
        (
            {"images": IMAGES, "y_pred": [1, 2]},
            "expected one value of `y_pred` for each of `images` (4), got 2.",
        ),
        (
            {"images": IMAGES, "y_true": [0, 1, 2, 3], "class_names": ["a", "b"]},
            "expected `class_names` for 4 classes, got 2 names.",
        ),
        (
            {"images": IMAGES, "rows": 0},
            "prediction_grid: expected `rows` of at least 1, got 0.",
        ),
    ],
)
def test_wrong_grids(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError) as caught:
        prediction_grid(**arguments)
    assert str(caught.value) == text


def test_without_matplotlib_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def without_matplotlib(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    with pytest.raises(ImportError) as caught:
        new_figure(1.0, 1.0)
    assert str(caught.value) == (
        "jkeras.display: figures need matplotlib, which is not installed. "
        'Install it with: pip install "jkeras[plots]"'
    )


def test_no_pyplot_and_nothing_heavy_before_a_figure() -> None:
    code = (
        "import sys, jkeras.display as d; assert 'matplotlib' not in sys.modules;"
        "d.learning_curves({'loss': [1.0]}); assert 'matplotlib.pyplot' not in sys.modules"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, timeout=600)
