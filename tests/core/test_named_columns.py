"""Columns by name as inputs, targets and weights: by the model's names, by theirs, or as chosen."""

from typing import Any

import numpy as np
import pytest

from jkeras.core.named_columns import Chosen, ModelNames, checked_choice, stacked, taken

A, B = np.arange(3.0), np.arange(3)
TWO = ModelNames(("ids", "mask"), ("kind",))


@pytest.mark.parametrize(
    ("names", "columns", "chosen"),
    [
        (ModelNames(), ["image", "label"], Chosen("image", "label")),
        (ModelNames(("image",)), ["image", "digit"], Chosen("image", "digit")),
        (ModelNames(("input_1",)), ["image", "label"], Chosen("image", "label")),
        (ModelNames(), ["a", "b", "target"], Chosen(["a", "b"], "target")),
        (ModelNames(), ["a", "y", "sample_weight"], Chosen("a", "y", "sample_weight")),
        (ModelNames(("y",)), ["y", "label"], Chosen("y", "label")),
        (TWO, ["ids", "mask", "kind", "text"], Chosen({"ids": "ids", "mask": "mask"}, "kind")),
        (TWO, ["ids", "mask", "labels"], Chosen({"ids": "ids", "mask": "mask"}, "labels")),
        (
            ModelNames(("a",), ("high", "low")),
            ["a", "low", "high"],
            Chosen("a", {"high": "high", "low": "low"}),
        ),
        (
            ModelNames(takes_dict=True),
            ["a", "b", "label"],
            Chosen({"a": "a", "b": "b"}, "label"),
        ),
        (ModelNames(wants_targets=False), ["a", "label", "sample_weight"], Chosen("a")),
        (ModelNames(targets=("digit",)), ["image", "digit"], Chosen("image", "digit")),
    ],
)
def test_columns_are_chosen_by_names(names: ModelNames, columns: list[str], chosen: Chosen) -> None:
    assert names.choose(columns) == chosen


def test_an_input_without_a_column_is_named() -> None:
    with pytest.raises(ValueError) as caught:
        TWO.choose(["ids", "masks", "kind"])
    assert str(caught.value) == (
        "expected the columns ids, mask, which the model's inputs have as names, got ids, masks, "
        "kind: 'mask' is missing. Did you mean 'masks'?"
    )
    with pytest.raises(ValueError) as caught:
        ModelNames().choose(["label"])
    assert str(caught.value) == (
        "expected a column for the model's input, got the columns label. Name the input like its "
        "column, Input(shape, name='…'), or yield pairs (x, y)."
    )


def test_choices_are_arrays_side_by_side_or_by_name() -> None:
    columns: dict[str, Any] = {"a": A, "b": B, "list": [[1, 2], [3, 4], [5, 6]]}
    assert taken(columns, ["a", "b"]).tolist() == [[0, 0], [1, 1], [2, 2]]
    both = taken(columns, {"one": "list", "two": ["a"]})
    assert both["one"].shape == (3, 2) and both["two"].shape == (3, 1)
    assert [part.tolist() for part in Chosen("a", "b", "a").of(columns)] == [
        A.tolist(),
        B.tolist(),
        A.tolist(),
    ]
    assert Chosen({"one": ["a", "b"]}, "b").names() == ["a", "b"]


def test_ragged_columns_and_columns_of_vectors_side_by_side_are_errors() -> None:
    with pytest.raises(ValueError) as caught:
        stacked("tokens", [[1, 2], [3]])
    assert str(caught.value) == (
        "column 'tokens': expected examples of one shape, got (2,) and (1,). Bring them to one "
        "before they are batched: jkeras.utils.pad_sequences for sequences, "
        "jkeras.ops.image.resize for images."
    )
    ragged = np.empty(2, object)
    ragged[:] = [np.ones(2), np.ones(3)]
    with pytest.raises(ValueError, match="column 'a': expected examples of one shape"):
        taken({"a": ragged}, "a")
    with pytest.raises(ValueError) as caught:
        taken({"a": A, "b": np.ones((3, 2))}, ["a", "b"])
    assert str(caught.value) == (
        "column 'b': expected one number for each example, because a, b stand side by side as one "
        "input, got an array of shape (3, 2) and dtype float64. Name the model's inputs like their "
        "columns, or keep only one of these."
    )


def test_a_wrong_choice_is_an_error() -> None:
    with pytest.raises(ValueError) as caught:
        checked_choice("f", "x", {"one": ["a", "lable"]}, ["a", "label"])
    assert str(caught.value) == (
        "f: `x`: expected columns of the data (a, label), got 'lable'. Did you mean 'label'?"
    )
    with pytest.raises(TypeError) as wrong:
        checked_choice("f", "x", 3, ["a"])
    assert str(wrong.value) == (
        "f: `x`: expected the name of a column, a list of names, or a dict of these by the names "
        "of inputs, got 3 (int)."
    )
