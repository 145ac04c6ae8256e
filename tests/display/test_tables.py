"""Tables: every line of one length, words whole or cut."""

import itertools

import pytest

from jkeras.display.tables import column_widths, table_lines


@pytest.mark.parametrize("length", [30, 44, 60, 76, 88, 123])
def test_widths_and_bars_sum_to_the_length(length: int) -> None:
    widths = column_widths([0.45, 0.80, 1.0], length)
    assert sum(widths) + len(widths) + 1 == length


@pytest.mark.parametrize("length", range(30, 100, 7))
def test_every_line_has_the_same_length(length: int) -> None:
    widths = column_widths([0.4, 0.7, 1.0], length)
    words = ["a", "bb cc", "supercalifragilistic", "one two three four", ""]
    rows = [list(cells) for cells in itertools.permutations(words, 3)]
    lines = table_lines(["A", "B", "C"], rows, widths, ["left", "right", "center"])
    assert {len(line) for line in lines} == {length}


def test_text_breaks_at_spaces_and_long_words_are_cut() -> None:
    lines = table_lines(["h"], [["ab cd efghijk"]], [7], ["left"])
    assert lines[3:-1] == ["│ ab cd │", "│ efgh… │"]


def test_text_is_centered_to_the_left() -> None:
    assert table_lines(["h"], [["ab"]], [7], ["center"])[3] == "│  ab   │"


def test_a_table_without_rows_has_its_header() -> None:
    assert table_lines(["h"], [], [3], ["left"]) == ["┏━━━┓", "┃ h ┃", "┡━━━┩", "└───┘"]


def test_columns_need_room() -> None:
    with pytest.raises(ValueError) as caught:
        column_widths([0.45, 0.80, 1.0], 14)
    assert str(caught.value) == (
        "summary: a `line_length` of 14 leaves less than 4 characters for a column "
        "(widths [6, 5, 3]). Use a longer line or other `positions`."
    )


def test_titles_stand_on_the_rule_and_cells_hang_from_theirs() -> None:
    lines = table_lines(["ab cd", "e"], [["ab cd", "e"]], [4, 3], ["left", "left"])
    assert lines[1:3] == ["┃ ab ┃   ┃", "┃ cd ┃ e ┃"]
    assert lines[4:6] == ["│ ab │ e │", "│ cd │   │"]
