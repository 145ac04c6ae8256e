"""Summaries against Keras's own text."""

import ast
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jkeras.display.summary import Row, Size, memory_text, shape_text, size_of, summary_text

GOLDEN = Path(__file__).parents[1] / "golden" / "display" / "summary.json"
CASES = json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"]
REMAKE = "If Keras changed, run: python tests/golden/make_display.py"
DENSE = Row("dense", "Dense", (None, 10), 7850, trainable=True)


@pytest.fixture(autouse=True)
def terminal_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def row_from(fields: dict[str, Any]) -> Row:
    return Row(**{**fields, "output_shape": ast.literal_eval(fields["output_shape"])})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_text_is_that_of_keras(case: dict[str, Any]) -> None:
    text = summary_text(
        case["model"],
        [row_from(fields) for fields in case["rows"]],
        trainable=Size(*case["trainable"]),
        non_trainable=Size(*case["non_trainable"]),
        optimizer=Size(*case["optimizer"]) if case["optimizer"] else None,
        **case["arguments"],
    )
    assert text.split("\n") == case["text"], REMAKE


@pytest.mark.parametrize(("columns", "length"), [(200, 88), (92, 88), (80, 76), (20, 40)])
def test_the_table_fits_the_terminal(
    monkeypatch: pytest.MonkeyPatch, columns: int, length: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert len(summary_text("model", [DENSE]).split("\n")[1]) == length


def test_a_longer_line_than_the_terminal_is_kept() -> None:
    assert len(summary_text("model", [DENSE], line_length=120).split("\n")[1]) == 120


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ((), "()"),
        ([None, 3], "(None, 3)"),
        (((None, 3), (None, 4)), "((None, 3), (None, 4))"),
        ({"a": (None, 3), "b": (None,)}, "{a: (None, 3), b: (None)}"),
        ([((None, 3),)], "(None, 3)"),
        ([(None, 1), {"c": [(None, 2), (2, 2)]}], "[(None, 1), {c: [(None, 2), (2, 2)]}]"),
    ],
)
def test_shape_text(shape: Any, text: str) -> None:
    assert shape_text(shape) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0.00 B"),
        (1023, "1023.00 B"),
        (1024, "1.00 KB"),
        (5 * 1024**4, "5.00 TB"),
        (2048 * 1024**5, "2048.00 PB"),
    ],
)
def test_memory_text(size: int, text: str) -> None:
    assert memory_text(size) == text


def test_size_of_counts_numbers_and_bytes() -> None:
    arrays = [np.zeros((2, 3), np.float32), np.zeros((), np.int8)]
    assert size_of(arrays) == Size(7, 25)
    assert size_of([]) == Size(0, 0)


def message(**arguments: Any) -> str:
    with pytest.raises(ValueError) as caught:
        summary_text("model", [DENSE], **arguments)
    return str(caught.value)


def test_layer_range_needs_two_names() -> None:
    assert message(layer_range="dense") == (
        "summary: expected `layer_range` to be two layer names (first, last), got 'dense' (str)."
    )


def test_layer_range_suggests_the_nearest_layer() -> None:
    assert message(layer_range=("dense", "densse")) == (
        "summary: no layer matches 'densse' of `layer_range`. Did you mean 'dense'? Layers: dense."
    )


@pytest.mark.parametrize("positions", [[0.5, 1.0], [0.33, 0.55, 0.67, 1.0], [0.5, 0.4, 1.0]])
def test_positions_end_three_columns(positions: list[float]) -> None:
    assert message(positions=positions) == (
        "summary: expected `positions` to be three increasing fractions that end with 1, "
        f"such as [0.45, 0.8, 1.0], got {positions} (list)."
    )
