"""Tables of results."""

from typing import Any

import numpy as np
import pytest

from jkeras.display import results_table


def test_a_row_for_each_model_and_a_column_for_each_value() -> None:
    table = results_table(
        {"small": {"loss": np.float32(0.5), "acc": 0.75}, "large": {"acc": 1, "auc": 0.9}}
    )
    assert table.head == ("", "loss", "acc", "auc")
    assert table.rows == (("small", "0.5000", "0.7500", "–"), ("large", "–", "1.0000", "0.9000"))
    assert repr(table) == (
        "         loss     acc     auc\n"
        "small  0.5000  0.7500       –\n"
        "large       –  1.0000  0.9000"
    )


def test_the_values_of_one_model() -> None:
    assert repr(results_table({"loss": 0.5, "accuracy": 0.75})) == (
        "           value\nloss      0.5000\naccuracy  0.7500"
    )


def test_a_list_stands_for_its_last_value() -> None:
    table = results_table({"first": {"loss": [1.0, 0.5], "val_loss": []}})
    assert table.rows == (("first", "0.5000", "–"),)


@pytest.mark.parametrize(
    ("results", "error", "text"),
    [
        (
            [0.5],
            TypeError,
            "results_table: expected a dict of results such as "
            "{'small': model.evaluate(x, y, return_dict=True)}, got [0.5] (list).",
        ),
        ({}, ValueError, "results_table: expected at least one result, got none."),
        (
            {"a": {"loss": 1.0}, "b": 1.0},
            ValueError,
            "results_table: expected either a dict of values for every name or one dict of values, "
            "got both: {'a': {'loss': 1.0}, 'b': 1.0} (dict).",
        ),
        (
            {"a": {"loss": "low"}},
            TypeError,
            "results_table: expected a number as 'loss', got 'low' (str).",
        ),
        (
            {"loss": np.zeros(2)},
            TypeError,
            "results_table: expected a number as 'loss', got an array of shape (2,) and dtype "
            "float64.",
        ),
    ],
    ids=["list", "empty", "both", "text", "array"],
)
def test_wrong_results(results: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        results_table(results)
    assert str(caught.value) == text
