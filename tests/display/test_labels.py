"""Targets and predictions in all their forms, as classes."""

from typing import Any

import numpy as np
import pytest

from jkeras.display.labels import check_same_length, class_labels, classes_of, unit_brightness


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([2, 0], [2, 0]),
        ([[2], [0]], [2, 0]),
        ([2.0, 0.0], [2, 0]),
        ([True, False], [1, 0]),
        ([0.51, 0.5], [1, 0]),
        (np.float32([[0.9], [0.2]]), [1, 0]),
        ([[0, 1, 0], [1, 0, 0]], [1, 0]),
        ([[-3.0, -1.0], [2.0, -5.0]], [1, 0]),
        ([], []),
    ],
)
def test_classes_of(values: Any, classes: list[int]) -> None:
    result = classes_of(values, "y_true")
    assert result.dtype == np.int64
    assert result.tolist() == classes


FORMS = "Pass classes [n], probabilities [n, classes] or one-hot targets [n, classes]."


@pytest.mark.parametrize(
    ("values", "error", "text"),
    [
        (["a"], TypeError, "expected numbers, got an array of shape (1,) and dtype <U1. " + FORMS),
        (
            np.zeros((1, 2, 3)),
            ValueError,
            "expected [n] or [n, classes], got an array of shape (1, 2, 3) and dtype float64. "
            + FORMS,
        ),
        ([3, -1], ValueError, "expected classes from 0, got -1."),
        (
            [0.5, 1.5],
            ValueError,
            "expected whole numbers (classes) or probabilities between 0 and 1, "
            "got numbers from 0.5 to 1.5. " + FORMS,
        ),
    ],
)
def test_classes_of_wrong_values(values: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        classes_of(values, "y_pred")
    assert str(caught.value) == f"`y_pred`: {text}"


def test_labels_are_numbers_without_names() -> None:
    assert class_labels(None, 3, longest=4) == ["0", "1", "2"]


def test_more_names_than_classes_are_an_error_only_when_exact() -> None:
    assert class_labels(["a", "b"], 1, longest=4) == ["a", "b"]
    with pytest.raises(ValueError) as caught:
        class_labels(["a", "b"], 1, longest=4, exact=True)
    assert str(caught.value) == "expected `class_names` for 1 classes, got 2 names."


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (np.uint8([0, 255]), [0.0, 1.0]),
        (np.float64([0.0, 0.25]), [0.0, 0.25]),
        (np.float32([0.0, 51.0, 255.0]), [0.0, 0.2, 1.0]),
        (np.float32([-2.0, 2.0]), [0.0, 1.0]),
        (np.array([False, True]), [0.0, 1.0]),
        (np.float32([3.0, 3.0]), [0.0, 0.0]),
        (np.uint16([0, 510]), [0.0, 1.0]),
    ],
)
def test_unit_brightness(pixels: np.ndarray, expected: list[float]) -> None:
    result = unit_brightness(pixels)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_missing_arrays_have_every_length() -> None:
    check_same_length(images=np.zeros(2), y_true=None, y_pred=np.ones(2))
    with pytest.raises(ValueError) as caught:
        check_same_length(images=np.zeros(2), y_true=None, y_pred=np.ones(3))
    assert str(caught.value) == "expected one value of `y_pred` for each of `images` (2), got 3."
