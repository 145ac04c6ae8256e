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
    padded = [width + 2 for width in widths]
    return _reduced(padded, sum(padded) + len(padded) + 1 - length)


def _reduced(widths: Sequence[int], excess: int) -> list[int]:
    """The widths less `excess` characters in equal parts, rounded from left to right."""
    result = []
    for index, width in enumerate(widths):
        part = round(excess / (len(widths) - index))
        result.append(width - part)
        excess -= part
    return result


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
    rule = {place: _rule(edge, widths) for place, edge in _EDGES.items()}
    lines = [
        rule["top"],
        *_cell_lines(header, widths, alignment, "┃", at_bottom=True),
        rule["head"],
    ]
    for index, row in enumerate(rows):
        lines += [rule["row"]] * (index > 0) + _cell_lines(row, widths, alignment, "│")
    return [*lines, rule["bottom"]]


def _rule(edge: tuple[str, str, str, str], widths: Sequence[int]) -> str:
    left, dash, cross, right = edge
    return left + cross.join(dash * width for width in widths) + right


def _cell_lines(
    cells: Sequence[str],
    widths: Sequence[int],
    alignment: Sequence[str],
    bar: str,
    *,
    at_bottom: bool = False,
) -> list[str]:
    """A row of the table: as many lines as its longest cell needs, the others filled up."""
    blocks = [_wrapped(cell, width - 2) for cell, width in zip(cells, widths, strict=True)]
    height = max(map(len, blocks))
    empty = [[""] * (height - len(block)) for block in blocks]
    filled = [e + b if at_bottom else b + e for b, e in zip(blocks, empty, strict=True)]
    lines = zip(*filled, strict=True)
    return [f"{bar}{bar.join(_padded(line, widths, alignment))}{bar}" for line in lines]


def _padded(parts: Sequence[str], widths: Sequence[int], alignment: Sequence[str]) -> list[str]:
    columns = zip(parts, widths, alignment, strict=False)
    return [f" {_aligned(text, width - 2, side)} " for text, width, side in columns]


def _wrapped(text: str, width: int) -> list[str]:
    """The text in lines, broken at spaces only; a word too long for a line ends in an ellipsis."""
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return [line if len(line) <= width else line[: width - 1] + "…" for line in lines]


def _aligned(text: str, width: int, side: str) -> str:
    if side == "right":
        return text.rjust(width)
    if side == "center":
        text = " " * ((width - len(text)) // 2) + text
    return text.ljust(width)
