"""Confusion counts and their picture."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jkeras.display.confusion import confusion_counts, confusion_matrix_plot

pytest.importorskip("matplotlib", reason="figures need the extra `plots`")


def test_perfect_predictions_are_diagonal() -> None:
    y = np.array([0, 2, 2, 1, 2])
    assert confusion_counts(y, y).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 3]]


def test_rows_are_true_classes_and_sum_to_their_examples() -> None:
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.integers(0, 5, (2, 200))
    counts = confusion_counts(y_true, y_pred, 7)
    assert counts.shape == (7, 7)
    np.testing.assert_array_equal(counts.sum(axis=1), np.bincount(y_true, minlength=7))
    np.testing.assert_array_equal(counts.sum(axis=0), np.bincount(y_pred, minlength=7))


def test_one_hot_targets_and_probabilities_are_read() -> None:
    assert confusion_counts(np.eye(2)[[0, 1]], [[0.1, 0.9], [0.2, 0.8]]).tolist() == [
        [0, 1],
        [0, 1],
    ]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (([0, 1], [0]), "expected one value of `y_pred` for each of `y_true` (2), got 1."),
        (([], []), "confusion_counts: expected at least one example, got none."),
        (
            ([0, 4], [0, 1], 3),
            "confusion_counts: expected classes below `num_classes` = 3, got 4. "
            "Use num_classes=5, or leave it out.",
        ),
    ],
)
def test_wrong_counts(arguments: tuple[Any, ...], text: str) -> None:
    with pytest.raises(ValueError) as caught:
        confusion_counts(*arguments)
    assert str(caught.value) == text


def numbers(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_the_plot_writes_counts_or_shares() -> None:
    matrix = np.array([[3, 1], [0, 0]])
    assert numbers(confusion_matrix_plot(matrix)) == ["3", "1", "0", "0"]
    shares = numbers(confusion_matrix_plot(matrix, normalize=True))
    assert shares == ["0.75", "0.25", "0.00", "0.00"]


def test_the_plot_names_both_axes() -> None:
    axes = confusion_matrix_plot(([0, 1], [1, 1]), ["cat", "dog"]).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]


def test_many_classes_are_shown_without_numbers() -> None:
    assert numbers(confusion_matrix_plot(np.eye(21, dtype=np.int64))) == []


def test_the_plot_is_saved_as_png(tmp_path: Path) -> None:
    confusion_matrix_plot(([0, 1], [1, 1]), path=tmp_path / "deep" / "matrix.png")
    assert (tmp_path / "deep" / "matrix.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "matrix", [np.zeros((2, 3), np.int64), np.eye(2), np.array([[1, -1], [0, 1]]), np.int64([])]
)
def test_a_matrix_holds_counts(matrix: np.ndarray) -> None:
    with pytest.raises(ValueError) as caught:
        confusion_matrix_plot(matrix)
    assert str(caught.value) == (
        "confusion_matrix_plot: expected a square `matrix` of counts, "
        f"got an array of shape {matrix.shape} and dtype {matrix.dtype}. "
        "From labels: confusion_matrix_plot((y_true, y_pred))."
    )


def test_every_class_has_one_name() -> None:
    with pytest.raises(ValueError) as caught:
        confusion_matrix_plot(([0, 1], [1, 1]), ["cat"])
    assert str(caught.value) == "expected `class_names` for 2 classes, got 1 names."
