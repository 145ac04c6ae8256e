"""Tables in box-drawing characters, laid out as the `rich` library lays out Keras's summaries.

Laws:
  - Every line has the same number of characters: the column widths plus the bars between them.
  - Text breaks at spaces only; a word that is too long for its column ends in an ellipsis.
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence

# Left end, dash, crossing and right end of each rule.
_EDGES = {
    "top": ("┏", "━", "┳", "┓"),
    "head": ("┡", "━", "╇", "┩"),
    "row": ("├", "─", "┼", "┤"),
    "bottom": ("└", "─", "┴", "┘"),
}
_SIDES = {"left": "<", "right": ">", "center": "^"}


def column_widths(ends: Sequence[float], length: int) -> list[int]:
    """Widths between the vertical lines, padding included; with the lines they sum to `length`.

    Each column first gets its share plus a space on both sides; the excess is then taken from all
    columns equally.

    Args:
      ends: the end of each column, as an increasing fraction of `length`.
      length: characters in a line.

    Raises:
      ValueError: a column would have fewer than 4 characters.

    Example:
      >>> column_widths([0.45, 0.80, 1.0], 76)
      [33, 24, 15]
    """
    cuts = [0, *(int(end * length) for end in ends)]
    widths = [end - start for start, end in itertools.pairwise(cuts)]
    if min(widths) < 4:
        raise ValueError(
            f"summary: a `line_length` of {length} leaves less than 4 characters for a column "
            f"(widths {widths}). Use a longer line or other `positions`."
        )
    widths = [width + 2 for width in widths]
    excess = sum(widths) + len(widths) + 1 - length
    for index in range(len(widths)):  # rounded from left to right
        part = round(excess / (len(widths) - index))
        widths[index] -= part
        excess -= part
    return widths


def table_lines(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: Sequence[int],
    alignment: Sequence[str],
) -> list[str]:
    r"""The lines of a table with a ruled header and a rule between rows.

    Args:
      header: titles of the columns.
      rows: the cells of each row, as many as titles.
      widths: width of each column between its bars, spaces at both sides included.
      alignment: "left", "right" or "center" for each column; extra entries are ignored.

    Example:
      >>> lines = table_lines(["name", "#"], [["dense", "7"]], [8, 5], ["left", "right"])
      >>> print("\n".join(lines))
      ┏━━━━━━━━┳━━━━━┓
      ┃ name   ┃   # ┃
      ┡━━━━━━━━╇━━━━━┩
      │ dense  │   7 │
      └────────┴─────┘
    """
    rule = {
        place: left + cross.join(dash * width for width in widths) + right
        for place, (left, dash, cross, right) in _EDGES.items()
    }
    titles = _cell_lines(header, widths, alignment, "┃", at_bottom=True)
    lines = [rule["top"], *titles, rule["head"]]
    for index, row in enumerate(rows):
        lines += [rule["row"]] * (index > 0) + _cell_lines(row, widths, alignment, "│")
    return [*lines, rule["bottom"]]


def _cell_lines(
    cells: Sequence[str],
    widths: Sequence[int],
    alignment: Sequence[str],
    bar: str,
    *,
    at_bottom: bool = False,
) -> list[str]:
    """The lines of a row: as many as its longest cell needs, with empty lines in other cells."""
    blocks = []
    for cell, width in zip(cells, widths, strict=True):
        most = width - 2
        lines = textwrap.wrap(cell, most, break_long_words=False, break_on_hyphens=False)
        blocks.append([s if len(s) <= most else s[: most - 1] + "…" for s in lines])
    height = max(map(len, blocks))
    empty = [[""] * (height - len(block)) for block in blocks]
    filled = [e + b if at_bottom else b + e for b, e in zip(blocks, empty, strict=True)]
    formats = [
        f" {{:{_SIDES[a]}{width - 2}}} " for width, a in zip(widths, alignment, strict=False)
    ]
    row_format = bar.join(["", *formats, ""])
    return [row_format.format(*line) for line in zip(*filled, strict=True)]
