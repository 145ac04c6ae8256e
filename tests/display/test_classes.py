"""Scores of classes, with scikit-learn's numbers, and the pairs that are confused."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from jkeras.display.classes import class_report, label_names, most_confused
from jkeras.display.confusion import confusion_counts, confusion_matrix_plot

RNG = np.random.default_rng(0)


def of_sklearn(y_true: Any, y_pred: Any) -> dict[str, Any]:
    sklearn = pytest.importorskip("sklearn.metrics", reason="the oracle")
    return sklearn.classification_report(y_true, y_pred, output_dict=True, zero_division=0)


@pytest.mark.parametrize(
    ("y_true", "y_pred"),
    [
        (RNG.integers(0, 4, 60), RNG.integers(0, 4, 60)),
        (np.array([0, 0, 2, 2]), np.array([0, 2, 2, 0])),  # class 1 is not there
        (np.array([0, 0, 1]), np.array([0, 3, 1])),  # class 3 is predicted alone
        (np.array([1, 1, 1]), np.array([1, 1, 1])),
        (np.array([0, 1]), np.array([1, 0])),  # nothing is right
    ],
    ids=["mixed", "gap", "never_true", "perfect", "all_wrong"],
)
def test_the_numbers_are_those_of_sklearn(y_true: np.ndarray, y_pred: np.ndarray) -> None:
    expected, report = of_sklearn(y_true, y_pred), class_report(y_true, y_pred)
    assert report.accuracy == pytest.approx(expected["accuracy"])
    named = {scores.name: scores for scores in report.classes}
    rows = {"macro avg": report.macro, "weighted avg": report.weighted}
    rows |= {name: named[name] for name in expected if name.isdigit()}
    for name, scores in rows.items():
        found = (scores.precision, scores.recall, scores.f1, scores.support)
        other = expected[name]
        keys = ("precision", "recall", "f1-score", "support")
        assert found == pytest.approx(tuple(other[key] for key in keys)), name


def test_a_class_that_does_not_occur_has_a_row_and_no_part_in_the_mean() -> None:
    report = class_report([0, 1], [0, 1], ["a", "b", "c"])
    assert [scores.support for scores in report.classes] == [1, 1, 0]
    assert report.macro.f1 == 1.0


def test_probabilities_give_a_row_for_every_class() -> None:
    report = class_report([0, 1], np.eye(5)[[0, 0]])
    assert [scores.name for scores in report.classes] == ["0", "1", "2", "3", "4"]
    assert report.accuracy == 0.5


@pytest.mark.parametrize("kind", ["unicode", "object", "StringDType", "pandas", "categorical"])
def test_words_are_classes_as_the_estimators_predict_them(kind: str) -> None:
    y_true, y_pred = np.array(["cat", "dog", "dog", "ant"]), np.array(["cat", "dog", "cat", "dog"])
    expected = of_sklearn(y_true, y_pred)
    if kind in ("pandas", "categorical"):
        pandas = pytest.importorskip("pandas", reason="an optional dependency")
        dtype = "category" if kind == "categorical" else None
        pair = [pandas.Series(y, dtype=dtype) for y in (y_true, y_pred)]
    else:
        types = {"unicode": "U3", "object": object, "StringDType": np.dtypes.StringDType()}
        pair = [y.astype(types[kind]) for y in (y_true, y_pred)]
    report = class_report(*pair)
    assert [scores.name for scores in report.classes] == ["ant", "cat", "dog"]
    assert report.macro.f1 == pytest.approx(expected["macro avg"]["f1-score"])
    assert report.accuracy == 0.5
    assert most_confused(*pair) == [("ant", "dog", 1), ("dog", "cat", 1)]
    assert confusion_counts(*pair).tolist() == [[0, 0, 1], [0, 1, 0], [0, 1, 1]]
    pytest.importorskip("matplotlib", reason="draws a figure")
    axes = confusion_matrix_plot(tuple(pair)).axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["ant", "cat", "dog"]


def test_words_beside_probabilities_are_ordered_by_the_names() -> None:
    chances = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    report = class_report(["no", "yes", "yes"], chances, ["no", "yes"])
    assert [scores.recall for scores in report.classes] == [1.0, 0.5]
    assert class_report(["no", "yes"], ["no", "no"], {1: "no", 0: "yes"}).classes[0].name == "yes"


@pytest.mark.parametrize(
    ("y_true", "y_pred", "labels", "text"),
    [
        (
            ["no", "yes"], [0, 1], None,
            "expected words in `y_pred`, as in `y_true`, got an array of shape (2,) and dtype "
            "int64. Name the classes in the order of their numbers, such as those of an estimator: "
            "estimator.classes_.",
        ),
        (
            ["no", "maybe"], ["no", "yes"], ["no", "yes"],
            "`y_true`: expected names of the classes ('no', 'yes'), got 'maybe'.",
        ),
        (
            ["no", "yes"], ["no"], None,
            "expected one value of `y_pred` for each of `y_true` (2), got 1.",
        ),
    ],
)  # fmt: skip
def test_words_that_are_no_classes_are_refused(
    y_true: list[str], y_pred: Any, labels: list[str] | None, text: str
) -> None:
    with pytest.raises(ValueError) as caught:
        class_report(y_true, y_pred, labels)
    assert str(caught.value) == text


def test_the_text_has_a_line_for_each_class_and_average() -> None:
    lines = str(class_report([0, 1, 1, 1], [0, 1, 1, 0], {1: "dog"})).split("\n")
    assert [line.split("  ")[0] for line in lines] == [
        "class", "0", "dog", "accuracy", "macro avg", "weighted avg",
    ]  # fmt: skip
    assert lines[1].endswith(" 1") and lines[2].endswith(" 3")


def test_a_notebook_gets_a_table_with_escaped_names() -> None:
    text = class_report([0, 1], [0, 1], ["<b>", "&"])._repr_html_()
    assert "&lt;b&gt;" in text and "&amp;" in text and "<b>" not in text


def test_pairs_are_sorted_by_how_often_they_are_confused() -> None:
    y_true, y_pred = [0, 0, 0, 1, 2, 2], [1, 1, 2, 1, 0, 2]
    assert most_confused(y_true, y_pred, ["a", "b", "c"]) == [
        ("a", "b", 2), ("a", "c", 1), ("c", "a", 1),
    ]  # fmt: skip
    assert most_confused(y_true, y_pred, min_val=2) == [("0", "1", 2)]
    assert most_confused([0, 1], [0, 1]) == []


@pytest.mark.parametrize(
    ("labels", "kind", "text"),
    [
        (
            ["a"],
            ValueError,
            "class_report: `labels`: expected a name for each of the 3 classes, got 1. "
            "A dict from class id to name may leave some out.",
        ),
        (
            {"cat": 0},
            ValueError,
            "class_report: `labels`: expected class ids from 0 to 2 as keys, got 'cat'.",
        ),
        (
            {-1: "none"},
            ValueError,
            "class_report: `labels`: expected class ids from 0 to 2 as keys, got -1.",
        ),
        (
            "abc",
            TypeError,
            "class_report: `labels`: expected a list of the names of the classes, or a dict from "
            "class id to name, got 'abc' (str).",
        ),
        (
            5,
            TypeError,
            "class_report: `labels`: expected a list of the names of the classes, or a dict from "
            "class id to name, got 5 (int).",
        ),
    ],
    ids=["short", "words_as_keys", "negative", "a_word", "a_number"],
)
def test_wrong_labels(labels: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        class_report([0, 2], [0, 1], labels)
    assert str(caught.value) == text


def test_wrong_lengths() -> None:
    with pytest.raises(ValueError) as caught:
        class_report([0, 1, 1], [0, 1])
    assert str(caught.value) == "expected one value of `y_pred` for each of `y_true` (3), got 2."


@pytest.mark.parametrize(
    ("labels", "expected"),
    [(None, ["0", "1"]), (("a", "b"), ["a", "b"]), ({np.int64(0): "a"}, ["a", "1"])],
    ids=["none", "tuple", "dict"],
)
def test_names_of_classes(
    labels: Sequence[str] | Mapping[int, str] | None, expected: list[str]
) -> None:
    assert label_names(labels, 2, "f") == expected
