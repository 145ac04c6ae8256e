"""Tables as HTML, for notebooks and pages: text in cells, escaped.

Laws:
  - Whatever a cell holds, a reader sees its text: no cell brings elements, scripts or links.
  - Text and background have no colors of their own, so that a table looks right on light and dark
    pages. Styles stand at the elements, where no page loses them.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

_TABLE = "border-collapse:collapse;border:none;margin:0.4em 0"
_RULE = "border:none;border-bottom:1px solid rgba(128,128,128,{:.1f})"
_CELL = "padding:0.2em 0.7em;vertical-align:top;text-align:{}"
_SIDES = {"l": "left", "r": "right", "c": "center"}
_LONGEST = 200


def table_html(
    head: Sequence[object], rows: Iterable[Sequence[object]], *, align: str = "", caption: str = ""
) -> str:
    """A table.

    Args:
      head: the titles of the columns; none for a table without a head.
      rows: the cells of each row; their `str` is shown.
      align: "l", "r" or "c" for each column, such as "lrr"; left where it is too short.
      caption: a line above the table, in bold.

    Example:
      >>> print(table_html(["layer", "size"], [["<dense>", 7]], align="lr"))  # doctest: +ELLIPSIS
      <table style="..."><thead><tr><th ...>layer</th><th ...>size</th></tr></thead>
      <tbody><tr><td ...>&lt;dense&gt;</td><td ...>7</td></tr></tbody></table>
    """
    title = f"<div><b>{html.escape(caption)}</b></div>" if caption else ""
    titles = _row("th", head, align, 0.8)
    lines = [_row("td", row, align, 0.2) for row in rows]
    upper = f"<thead>{titles}</thead>\n" if head else ""
    return f'{title}<table style="{_TABLE}">{upper}<tbody>' + "\n".join(lines) + "</tbody></table>"


def arguments_html(who: str, arguments: Iterable[tuple[str, str]]) -> str:
    """What an object was made with: its name, and a row for each argument.

    Args:
      who: the object, such as `Dense 'dense_1'`.
      arguments: names, and values as text; a long value is cut.

    Example:
      >>> arguments_html("ReLU", [])
      '<div><b>ReLU</b>, all arguments as by default</div>'
    """
    rows = [
        (name, value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…")
        for name, value in arguments
    ]
    if not rows:
        return f"<div><b>{html.escape(who)}</b>, all arguments as by default</div>"
    return table_html(["argument", "value"], rows, caption=who)


def _row(tag: str, cells: Sequence[object], align: str, rule: float) -> str:
    sides = [_SIDES[letter] for letter in align] + ["left"] * (len(cells) - len(align))
    style = f"{_RULE.format(rule)};{_CELL}"
    parts = [
        f'<{tag} style="{style.format(side)}">{html.escape(str(cell))}</{tag}>'
        for side, cell in zip(sides, cells, strict=False)
    ]
    return f"<tr>{''.join(parts)}</tr>"
