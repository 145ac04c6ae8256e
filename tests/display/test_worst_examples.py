"""The examples with the largest losses: their choice, their texts and their picture."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jkeras.display.worst_examples import (
    TopLosses,
    input_kind,
    plot_top_losses,
    prediction_texts,
    rows_of,
    shown_input,
    table_of,
    top_of,
    worst_examples,
)

pytest.importorskip("matplotlib", reason="figures need the extra `plots`")


class Answers:
    """A model that has answers ready."""

    def __init__(self, losses: Any, predictions: Any) -> None:
        self.losses, self.predictions = np.asarray(losses), predictions

    def top_losses(self, x: Any, y: Any = None, n: int = 9) -> TopLosses:
        return top_of(self.losses, self.predictions, n)


def test_the_largest_loss_comes_first_and_nan_before_it() -> None:
    losses = np.array([0.5, 3.0, np.nan, 3.0])
    top = top_of(losses, {"a": np.arange(4)}, 3)
    assert top.indices.tolist() == [2, 1, 3]
    assert top.predictions["a"].tolist() == [2, 1, 3]
    assert len(top_of(losses, losses, 99).losses) == 4


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (np.zeros((2, 8, 8, 3)), "image"),
        (np.zeros((2, 28, 28)), "image"),
        (np.zeros((2, 5, 9), np.uint8), "image"),
        (np.zeros((2, 50, 3)), "signal"),
        (np.zeros((2, 20), np.int32), "tokens"),
        (np.zeros((2, 3), np.int32), "row"),
        (np.zeros((2, 30)), "row"),
        (np.zeros(2), "row"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.dtype}{value.shape[1:]}",
)
def test_kinds_of_inputs(array: np.ndarray, kind: str) -> None:
    assert input_kind(array) == kind


def test_of_several_inputs_a_picture_is_shown_and_rows_together() -> None:
    picture, row = np.zeros((2, 8, 8)), np.zeros((2, 3))
    assert shown_input((row, picture))[0].shape == (2, 8, 8, 1)
    inputs, kind = shown_input({"a": row, "b": row[:, :1]})
    assert kind == "row" and table_of(inputs)[0] == ["a[0]", "a[1]", "a[2]", "b"]


def test_columns_of_a_frame_keep_their_names_and_kinds() -> None:
    pandas = pytest.importorskip("pandas", reason="frames")
    frame = pandas.DataFrame({"age": [30, 40], "town": ["Rome", "Oslo"]})
    head, rows = table_of(rows_of(frame, np.array([1])))
    assert (head, rows) == (["age", "town"], [["40", "Oslo"]])


def test_a_wide_table_is_cut() -> None:
    head, rows = table_of(np.zeros((1, 30)))
    assert head[-1] == "… of 30" and len(head) == len(rows[0]) == 13


@pytest.mark.parametrize(
    ("y", "predicted", "labels", "expected"),
    [
        ([2], [[0.1, 0.2, 0.7]], "abc", [("c", "c (70%)")]),
        ([[0, 1]], [[3.0, -1.0]], ["no", "yes"], [("yes", "no")]),
        ([1.0], [[0.2]], ["no", "yes"], [("yes", "no")]),
        ([0], [[4.0]], ["no", "yes"], [("no", "yes")]),
        ([0.25], [[1.5]], None, [("0.25", "1.5")]),
        ([[1, 0]], [[[0.1, 0.9], [0.2, 0.8]]], {0: "DET", 1: "N"}, [("N DET", "N N")]),
        ([[0.5, 0.25]], [[1.0, 2.0]], None, [("0.5 0.25", "1 2")]),
    ],
    ids=["sparse", "one_hot_logits", "binary", "binary_logits", "number", "sequence", "numbers"],
)
def test_texts(y: Any, predicted: Any, labels: Any, expected: list[tuple[str, str]]) -> None:
    labels = list(labels) if isinstance(labels, str) else labels
    assert prediction_texts(y, predicted, labels) == expected


def test_pictures_have_their_captions(tmp_path: Path) -> None:
    x, y = np.zeros((3, 8, 8), np.uint8), np.array([0, 1, 0])
    model = Answers([0.1, 2.0, 0.3], np.array([[0.9, 0.1], [0.75, 0.25], [0.6, 0.4]]))
    figure = plot_top_losses(model, x, y, n=2, labels=["cat", "dog"], path=tmp_path / "worst.png")
    assert figure.get_suptitle() == "#example  true → predicted"
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["#1  dog → cat (75%)\nloss 2", "#2  cat → cat (60%)\nloss 0.3"]
    assert (tmp_path / "worst.png").read_bytes().startswith(b"\x89PNG")


def test_rows_are_bars_and_series_are_curves() -> None:
    model = Answers([1.0, 2.0], np.zeros((2, 1)))
    (axes,) = plot_top_losses(model, np.zeros((2, 4)), np.zeros(2)).axes
    assert [bar.get_width() for bar in axes.patches] == [2.0, 1.0]
    figure = plot_top_losses(model, np.zeros((2, 20, 3)), np.zeros(2))
    assert [len(axes.lines) for axes in figure.axes] == [3, 3]


def test_several_outputs_are_told_by_their_places() -> None:
    model = Answers([1.0, 2.0], {"a": np.zeros((2, 1)), "b": np.zeros((2, 1))})
    (axes,) = plot_top_losses(model, np.zeros((2, 4)), {"a": np.zeros(2), "b": np.zeros(2)}).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["#1", "#0"]


def test_a_loss_that_is_no_number_has_a_picture() -> None:
    worst_examples(np.zeros((1, 4)), "row", np.array([np.nan]), ["#0"])


def test_batches_are_refused() -> None:
    with pytest.raises(TypeError) as caught:
        plot_top_losses(Answers([1.0], np.zeros(1)), object())
    assert str(caught.value).startswith(
        "plot_top_losses: `x`: expected an array, a table, or a list or dict of arrays, got <object"
    )
    assert str(caught.value).endswith("Join batches: np.concatenate.")
