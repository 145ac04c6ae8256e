"""Tables as HTML; what they hold is tested with the forms, in tests/display/test_html.py."""

from jkeras.core.html_tables import table_html


def test_a_table_without_a_head() -> None:
    text = table_html([], [["a", 1], ["b", 2]])
    assert "<thead>" not in text and text.count("<tr>") == 2


def test_columns_without_an_alignment_stand_at_the_left() -> None:
    text = table_html(["a", "b", "c"], [], align="cr")
    sides = [part.partition('"')[0] for part in text.split("text-align:")[1:]]
    assert sides == ["center", "right", "left"]
